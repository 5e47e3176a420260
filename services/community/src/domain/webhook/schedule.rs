//! When a delivery is tried again, when it is given up, and how long an endpoint that fails is
//! left alone. Chance is an argument.

use jiff::{SignedDuration, Timestamp};

/// Pauses after the first, second, … try: ten tries over a little more than three days.
const PAUSES: [SignedDuration; 9] = [
    SignedDuration::from_secs(5),
    SignedDuration::from_mins(5),
    SignedDuration::from_mins(30),
    SignedDuration::from_hours(2),
    SignedDuration::from_hours(5),
    SignedDuration::from_hours(10),
    SignedDuration::from_hours(14),
    SignedDuration::from_hours(20),
    SignedDuration::from_hours(24),
];
/// A pause is at most this part longer than the schedule says, so that what failed together is
/// not tried together.
const JITTER: f64 = 0.1;
/// Longest wait that an endpoint may ask for.
const LONGEST_ASKED: SignedDuration = SignedDuration::from_hours(24);
/// Longest time that an endpoint as a whole is left alone after a failure.
const LONGEST_REST: SignedDuration = SignedDuration::from_mins(1);
/// An endpoint that answered nothing well for so long when a delivery to it is given up is
/// switched off.
const DISABLED_AFTER: SignedDuration = SignedDuration::from_hours(48);

/// How one try ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// With 2xx.
    Taken,
    /// Otherwise, or not at all.
    Failed {
        /// What went wrong, for people.
        error: String,
        /// How long the endpoint asks us to wait (`Retry-After`).
        asked: Option<SignedDuration>,
    },
    /// With 410: it wants nothing more.
    Gone,
}

/// What becomes of the delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is done.
    Delivered,
    /// It is tried again at this time.
    Retry(Timestamp, String),
    /// It failed for good.
    GiveUp(String),
}

/// What becomes of a delivery whose try number `tries` ended at `now` with that answer.
/// `chance` is in 0…1.
pub fn outcome(tries: i32, answer: &Answer, now: Timestamp, chance: f64) -> Outcome {
    match answer {
        Answer::Taken => Outcome::Delivered,
        Answer::Gone => Outcome::GiveUp("the endpoint is gone (410)".to_owned()),
        Answer::Failed { error, asked } => {
            let place = usize::try_from(tries - 1).unwrap_or(0);
            let Some(pause) = PAUSES.get(place) else {
                return Outcome::GiveUp(error.clone());
            };
            let pause = pause.mul_f64(1.0 + JITTER * chance);
            let asked = asked.unwrap_or_default().min(LONGEST_ASKED);
            Outcome::Retry(now + pause.max(asked), error.clone())
        }
    }
}

/// How long an endpoint is left alone after so many failures in a row.
pub fn rest(failures: i32) -> SignedDuration {
    let doublings = u32::try_from(failures - 1).unwrap_or(0).min(10);
    SignedDuration::from_secs(2_i64.pow(doublings)).min(LONGEST_REST)
}

/// Why an endpoint is switched off after a try, if it is.
pub fn disabled_reason(
    answer: &Answer,
    outcome: &Outcome,
    failing_since: Option<Timestamp>,
    now: Timestamp,
) -> Option<String> {
    match (answer, outcome) {
        (Answer::Gone, _) => Some("It answered 410: it wants no more".to_owned()),
        (_, Outcome::GiveUp(_)) => {
            let since =
                failing_since.filter(|since| now.duration_since(*since) >= DISABLED_AFTER)?;
            Some(format!("Nothing was delivered since {since:.0}"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(asked: Option<i64>) -> Answer {
        Answer::Failed {
            error: "status 500".to_owned(),
            asked: asked.map(SignedDuration::from_secs),
        }
    }

    fn now() -> Timestamp {
        "2026-01-01T00:00:00Z".parse().expect("a time")
    }

    fn pause(tries: i32, answer: &Answer, chance: f64) -> Option<SignedDuration> {
        match outcome(tries, answer, now(), chance) {
            Outcome::Retry(then, _) => Some(then.duration_since(now())),
            Outcome::Delivered | Outcome::GiveUp(_) => None,
        }
    }

    #[test]
    fn ten_tries_span_three_days() {
        let pauses: Vec<_> = (1..)
            .map_while(|tries| pause(tries, &failed(None), 0.0))
            .collect();
        assert_eq!(pauses, PAUSES);
        let all = pauses
            .iter()
            .fold(SignedDuration::ZERO, |sum, pause| sum + *pause);
        assert!(all > SignedDuration::from_hours(72), "{all:?}");
        assert!(all < SignedDuration::from_hours(80), "{all:?}");
    }

    #[test]
    fn jitter_only_lengthens() {
        assert_eq!(
            pause(2, &failed(None), 1.0),
            Some(SignedDuration::from_secs(330))
        );
    }

    #[test]
    fn an_endpoint_may_ask_for_a_longer_pause_but_not_for_days() {
        let asked = |seconds| pause(1, &failed(Some(seconds)), 0.0).map(|pause| pause.as_secs());
        assert_eq!(asked(1), Some(5));
        assert_eq!(asked(120), Some(120));
        assert_eq!(asked(i64::MAX / 2), Some(86_400));
    }

    #[test]
    fn what_succeeds_or_is_gone_is_not_tried_again() {
        assert_eq!(outcome(1, &Answer::Taken, now(), 0.5), Outcome::Delivered);
        assert!(matches!(
            outcome(1, &Answer::Gone, now(), 0.5),
            Outcome::GiveUp(_)
        ));
    }

    #[test]
    fn a_rest_doubles_up_to_a_minute() {
        let rests: Vec<_> = [0, 1, 2, 6, 7, 1000]
            .map(|failures| rest(failures).as_secs())
            .into();
        assert_eq!(rests, [1, 1, 2, 32, 60, 60]);
    }

    #[test]
    fn an_endpoint_is_switched_off_when_a_delivery_fails_for_good_and_nothing_else_arrived() {
        let given_up = Outcome::GiveUp(String::new());
        let retried = Outcome::Retry(now(), String::new());
        let off = |outcome, hours: i64| {
            let since = Some(now() - SignedDuration::from_hours(hours));
            disabled_reason(&failed(None), outcome, since, now()).is_some()
        };
        assert!(off(&given_up, 48));
        assert!(!off(&given_up, 47), "something was delivered two days ago");
        assert!(!off(&retried, 48));
        assert!(disabled_reason(&failed(None), &given_up, None, now()).is_none());
        assert!(disabled_reason(&Answer::Gone, &given_up, None, now()).is_some());
    }
}
