//! When a mail that could not be sent is tried again. Mail servers ask for patience: they often
//! refuse a first try on purpose.

use jiff::{SignedDuration, Timestamp};

/// Pauses after the first, second, … try: over about three days.
const PAUSES: [SignedDuration; 12] = [
    SignedDuration::from_secs(10),
    SignedDuration::from_mins(1),
    SignedDuration::from_mins(5),
    SignedDuration::from_mins(15),
    SignedDuration::from_mins(30),
    SignedDuration::from_hours(1),
    SignedDuration::from_hours(2),
    SignedDuration::from_hours(4),
    SignedDuration::from_hours(8),
    SignedDuration::from_hours(16),
    SignedDuration::from_hours(20),
    SignedDuration::from_hours(20),
];

/// Why a mail did not go out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The same mail may go out later.
    Passing(String),
    /// It never will: the address is none, or its server knows it not.
    Final(String),
    /// There is nobody to send it to any more.
    NoReader,
}

/// What becomes of a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is out.
    Sent,
    /// It is tried again at this time.
    Retry(Timestamp, String),
    /// It failed for good.
    Failed(String),
    /// Nobody is to get it any more.
    Dropped(String),
}

/// What becomes of a mail whose try number `tries` ended so.
pub fn outcome(tries: i32, result: Result<(), Failure>, now: Timestamp) -> Outcome {
    match result {
        Ok(()) => Outcome::Sent,
        Err(Failure::NoReader) => Outcome::Dropped("the account is gone".to_owned()),
        Err(Failure::Final(error)) => Outcome::Failed(error),
        Err(Failure::Passing(error)) => {
            let place = usize::try_from(tries - 1).unwrap_or(0);
            match PAUSES.get(place) {
                Some(pause) => Outcome::Retry(now + *pause, error),
                None => Outcome::Failed(error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(tries: i32, failure: Failure) -> Outcome {
        outcome(tries, Err(failure), Timestamp::UNIX_EPOCH)
    }

    fn passing() -> Failure {
        Failure::Passing("busy".to_owned())
    }

    #[test]
    fn passing_failures_are_retried_for_three_days() {
        let pauses: Vec<_> = (1..)
            .map_while(|tries| match failed(tries, passing()) {
                Outcome::Retry(then, _) => Some(then.duration_since(Timestamp::UNIX_EPOCH)),
                _ => None,
            })
            .collect();
        assert_eq!(pauses, PAUSES);
        let hours = pauses.iter().map(SignedDuration::as_hours).sum::<i64>();
        assert_eq!(hours, 71);
    }

    #[test]
    fn what_can_never_be_sent_is_not_tried_again() {
        let refused = Failure::Final("550 no such user".to_owned());
        assert_eq!(
            failed(1, refused),
            Outcome::Failed("550 no such user".to_owned())
        );
        assert!(matches!(failed(1, Failure::NoReader), Outcome::Dropped(_)));
        assert_eq!(outcome(3, Ok(()), Timestamp::UNIX_EPOCH), Outcome::Sent);
    }
}
