//! Slows down guessing of one account's password, whoever guesses from wherever.
//!
//! An attempt is counted before its password is compared, so that parallel guesses count
//! too; a success clears the count. E-mails without an account are counted alike, so the
//! slow-down tells nobody which exist. Kept in memory: with several replicas a guesser gets
//! as many times the attempts, which stay few against eight characters.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use super::email::Email;

/// Attempts without a success that are free.
const FREE_ATTEMPTS: u32 = 10;
/// Longest pause between two further attempts.
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_secs(30);
/// After so long without an attempt all is forgotten.
const MEMORY: SignedDuration = SignedDuration::from_mins(15);
/// Most accounts remembered. Past it new ones go uncounted: the limit per address still holds.
const CAPACITY: usize = 100_000;

/// Attempts without a success, by account.
#[derive(Debug, Default)]
pub struct Attempts {
    accounts: HashMap<Email, Record>,
}

#[derive(Clone, Copy, Debug)]
struct Record {
    count: u32,
    last_at: Timestamp,
}

impl Record {
    fn is_forgotten(self, now: Timestamp) -> bool {
        now.duration_since(self.last_at) >= MEMORY
    }
}

impl Attempts {
    /// Counts an attempt at `now` and says whether its password may be compared. A refused
    /// one is not counted and lengthens nothing, so the owner is never locked out for long.
    pub fn may_try(&mut self, email: &Email, now: Timestamp) -> bool {
        match self.accounts.get_mut(email) {
            Some(record) if !record.is_forgotten(now) => {
                if now < record.last_at + pause_after(record.count) {
                    return false;
                }
                record.count += 1;
                record.last_at = now;
            }
            Some(record) => {
                *record = Record {
                    count: 1,
                    last_at: now,
                }
            }
            None => self.remember(email, now),
        }
        true
    }

    /// Forgets the attempts of an account that has signed in.
    pub fn succeeded(&mut self, email: &Email) {
        self.accounts.remove(email);
    }

    /// Takes one attempt back that came to nothing, because its password was not compared.
    pub fn withdraw(&mut self, email: &Email) {
        if let Some(record) = self.accounts.get_mut(email) {
            record.count = record.count.saturating_sub(1);
        }
    }

    /// Forgets the accounts that nobody tried for a while.
    pub fn prune(&mut self, now: Timestamp) {
        self.accounts.retain(|_, record| !record.is_forgotten(now));
    }

    fn remember(&mut self, email: &Email, now: Timestamp) {
        if self.accounts.len() < CAPACITY {
            let first = Record {
                count: 1,
                last_at: now,
            };
            self.accounts.insert(email.clone(), first);
        }
    }
}

/// Pause after so many attempts: none, then 1, 2, 4, … seconds up to the longest.
fn pause_after(count: u32) -> SignedDuration {
    match count.checked_sub(FREE_ATTEMPTS) {
        None => SignedDuration::ZERO,
        Some(beyond) => SignedDuration::from_secs(1 << beyond.min(6)).min(LONGEST_PAUSE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn email() -> Email {
        Email::parse("ana@example.com").expect("valid")
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    fn exhausted() -> Attempts {
        let mut attempts = Attempts::default();
        for _ in 0..FREE_ATTEMPTS {
            assert!(attempts.may_try(&email(), at(0)));
        }
        attempts
    }

    #[test]
    fn pauses_double_after_the_free_attempts() {
        let mut attempts = exhausted();
        assert!(!attempts.may_try(&email(), at(0)));
        assert!(attempts.may_try(&email(), at(1)));
        assert!(!attempts.may_try(&email(), at(2)));
        assert!(attempts.may_try(&email(), at(3)));
        assert_eq!(pause_after(1000), LONGEST_PAUSE);
    }

    #[test]
    fn a_guesser_gets_few_guesses_an_hour() {
        let mut attempts = Attempts::default();
        let guesses = (0..3600)
            .filter(|second| attempts.may_try(&email(), at(*second)))
            .count();
        assert!(guesses < 140, "{guesses} guesses");
    }

    #[test]
    fn success_time_and_other_accounts_are_free() {
        let mut attempts = exhausted();
        attempts.succeeded(&email());
        assert!(attempts.may_try(&email(), at(0)));

        let mut attempts = exhausted();
        let other = Email::parse("bob@example.com").expect("valid");
        assert!(attempts.may_try(&other, at(0)));
        assert!(attempts.may_try(&email(), at(MEMORY.as_secs())));
        assert!(
            attempts.may_try(&email(), at(MEMORY.as_secs())),
            "the count began anew"
        );
    }

    #[test]
    fn an_attempt_that_came_to_nothing_does_not_count() {
        let mut attempts = exhausted();
        assert!(!attempts.may_try(&email(), at(0)));
        attempts.withdraw(&email());
        assert!(attempts.may_try(&email(), at(0)));
        assert!(!attempts.may_try(&email(), at(0)));
    }

    #[test]
    fn pruning_forgets_only_what_is_old() {
        let mut attempts = exhausted();
        attempts.prune(at(MEMORY.as_secs() - 1));
        assert_eq!(attempts.accounts.len(), 1);
        attempts.prune(at(MEMORY.as_secs()));
        assert_eq!(attempts.accounts.len(), 0);
    }
}
