//! What a client does with an answer it did not want: repeat, sign in again, or give up.

use std::time::Duration;

use super::{
    call::{Answer, Outcome},
    milestone::Cause,
};

/// First pause before a repeat.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// Longest pause before a repeat, unless the server asks for more.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Longest pause a server can ask for.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// What to do about an outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reaction {
    /// The answer is one to go on with.
    Accept(Answer),
    /// The same request again after a pause.
    Repeat {
        /// How long to wait first.
        pause: Duration,
        /// Whether the rate limit was the reason.
        limited: bool,
    },
    /// A new session first, then the same request.
    SignIn,
    /// No more of it.
    GiveUp(Cause),
}

/// Decides about the outcome of attempt number `attempt` (from 0), with `left` of the fan's
/// patience and `jitter` from 0 to 1, which only lengthens.
pub fn react(outcome: Outcome, attempt: u32, left: Duration, jitter: f64) -> Reaction {
    let (asked, limited, cause) = match outcome {
        Outcome::Lost => (None, false, Cause::NoAnswer),
        Outcome::Answered(answer) => match answer.status {
            401 => return Reaction::SignIn,
            429 => (answer.retry_after, true, Cause::RateLimited),
            500..=599 => (answer.retry_after, false, Cause::ServerError(answer.status)),
            _ => return Reaction::Accept(answer),
        },
    };
    let pause = asked
        .map_or_else(|| back_off(attempt), |asked| asked.min(LONGEST_WAIT))
        .mul_f64(1.0 + jitter.clamp(0.0, 1.0) / 2.0);
    if pause > left {
        return Reaction::GiveUp(cause);
    }
    Reaction::Repeat { pause, limited }
}

/// Pause before the repeat that follows attempt number `attempt`.
fn back_off(attempt: u32) -> Duration {
    FIRST_PAUSE
        .saturating_mul(1_u32 << attempt.min(10))
        .min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEFT: Duration = Duration::from_secs(100);

    fn answered(status: u16, retry_after: Option<u64>) -> Outcome {
        Outcome::Answered(Answer {
            status,
            retry_after: retry_after.map(Duration::from_secs),
            ..Answer::default()
        })
    }

    fn repeat(millis: u64, limited: bool) -> Reaction {
        Reaction::Repeat {
            pause: Duration::from_millis(millis),
            limited,
        }
    }

    #[test]
    fn each_outcome_has_its_reaction() {
        for (outcome, attempt, expected) in [
            (Outcome::Lost, 0, repeat(250, false)),
            (Outcome::Lost, 2, repeat(1000, false)),
            (Outcome::Lost, 40, repeat(5000, false)),
            (answered(503, None), 1, repeat(500, false)),
            (answered(503, Some(7)), 1, repeat(7000, false)),
            (answered(429, Some(60)), 0, repeat(60_000, true)),
            (answered(429, Some(3600)), 0, repeat(60_000, true)),
            (answered(401, None), 0, Reaction::SignIn),
        ] {
            assert_eq!(
                react(outcome.clone(), attempt, LEFT, 0.0),
                expected,
                "{outcome:?}"
            );
        }
    }

    #[test]
    fn what_is_an_answer_is_accepted() {
        for status in [200, 201, 400, 403, 404, 409, 422] {
            let reaction = react(answered(status, None), 0, Duration::ZERO, 0.0);
            assert!(matches!(reaction, Reaction::Accept(_)), "{status}");
        }
    }

    #[test]
    fn patience_that_is_too_short_for_the_pause_has_an_end() {
        let left = Duration::from_secs(1);
        for (outcome, cause) in [
            (answered(429, Some(60)), Cause::RateLimited),
            (answered(503, Some(5)), Cause::ServerError(503)),
        ] {
            assert_eq!(react(outcome, 0, left, 0.0), Reaction::GiveUp(cause));
        }
        assert_eq!(
            react(Outcome::Lost, 9, left, 0.0),
            Reaction::GiveUp(Cause::NoAnswer)
        );
    }

    #[test]
    fn jitter_only_lengthens() {
        assert_eq!(
            react(answered(503, Some(2)), 0, LEFT, 1.0),
            repeat(3000, false)
        );
    }
}
