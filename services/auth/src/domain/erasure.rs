//! Erasing an account: who may ask for it, who has to erase, and when a step is done.
//!
//! The account itself is emptied at once; each [`Holder`] erases in a step of its own that is
//! repeated until it succeeds. Access tokens cannot be taken back, so a step counts only
//! once the last of them has ended: whatever somebody left with one meanwhile goes too.

use jiff::{SignedDuration, Timestamp};
use urr_contract::UserId;

/// Whoever has only Google to sign in with must have done so this recently.
pub const RECENT_SIGN_IN: SignedDuration = SignedDuration::from_mins(10);
/// Longest pause between two tries of a step.
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_hours(1);
/// Name that an erased account keeps.
pub const ERASED_NAME: &str = "탈퇴한 회원";

/// A service that knows people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Holder {
    /// Reservations, resale, memberships.
    Ticket,
    /// Payments and refunds.
    Payment,
    /// Posts, comments, mails.
    Community,
    /// Places in lines.
    Queue,
}

impl Holder {
    /// All of them. Statistics hold ids alone, and the gateway holds nothing.
    pub const ALL: [Self; 4] = [Self::Ticket, Self::Payment, Self::Community, Self::Queue];

    /// Its name in documents, rows and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ticket => "ticket",
            Self::Payment => "payment",
            Self::Community => "community",
            Self::Queue => "queue",
        }
    }

    /// The holder of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|holder| holder.name() == name)
    }
}

/// The e-mail of a tombstone: nobody's, and different for each.
pub fn erased_email(user: UserId) -> String {
    format!("erased-{user}@erased.invalid")
}

/// Whether a sign-in at `signed_in_at` still proves who somebody is.
pub fn is_recent(signed_in_at: Timestamp, now: Timestamp) -> bool {
    now.duration_since(signed_in_at) < RECENT_SIGN_IN
}

/// What becomes of a step that a holder has carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carried {
    /// For good.
    Done,
    /// Once more then, when nobody can have left anything behind.
    AgainAt(Timestamp),
}

/// What becomes of a step carried out at `now`, where access tokens lived until `tokens_end_at`.
pub fn carried(tokens_end_at: Timestamp, now: Timestamp) -> Carried {
    if now >= tokens_end_at {
        Carried::Done
    } else {
        Carried::AgainAt(tokens_end_at)
    }
}

/// Pause after so many failed tries: 2, 4, 8, … seconds up to an hour.
pub fn pause_after(attempts: i32) -> SignedDuration {
    let seconds = 1_i64 << attempts.clamp(1, 20);
    SignedDuration::from_secs(seconds).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    #[test]
    fn a_step_counts_once_no_token_can_undo_it() {
        assert_eq!(carried(at(1800), at(1799)), Carried::AgainAt(at(1800)));
        assert_eq!(carried(at(1800), at(1800)), Carried::Done);
    }

    #[test]
    fn pauses_grow_to_an_hour() {
        let seconds: Vec<i64> = [0, 1, 2, 5, 11, 12, i32::MAX]
            .map(|attempts| pause_after(attempts).as_secs())
            .to_vec();
        assert_eq!(seconds, [2, 2, 4, 32, 2048, 3600, 3600]);
    }

    #[test]
    fn a_sign_in_is_recent_for_ten_minutes() {
        assert!(is_recent(at(0), at(599)));
        assert!(!is_recent(at(0), at(600)));
    }

    #[test]
    fn holders_are_known_by_their_names() {
        for holder in Holder::ALL {
            assert_eq!(Holder::parse(holder.name()), Some(holder));
        }
        assert_eq!(Holder::parse("stats"), None);
    }
}
