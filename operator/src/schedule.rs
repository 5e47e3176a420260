//! When to look again.

use std::time::Duration;

use jiff::Timestamp;

/// Longest time without a look, which also bounds what a step of the clock or a missed event
/// can do.
pub(crate) const LONGEST: Duration = Duration::from_mins(5);
/// Waits longer than this are spread a little, so that many sales do not look at one time.
const SPREAD_FROM: Duration = Duration::from_secs(30);
/// Shortest wait: timers are not exact, and a look that comes early must not become a storm.
const SHORTEST: Duration = Duration::from_millis(5);

/// How long to wait for `next`, at most five minutes.
pub(crate) fn until(next: Option<Timestamp>, now: Timestamp) -> Duration {
    wait(next, now, rand::random())
}

/// See [`until`]; `chance` is uniform in 0..1.
fn wait(next: Option<Timestamp>, now: Timestamp, chance: f64) -> Duration {
    let exact = next.and_then(|next| Duration::try_from(next.duration_since(now)).ok());
    match exact {
        // A timer counts whole milliseconds: one more, so that it is not early.
        Some(exact) if exact <= SPREAD_FROM => (exact + Duration::from_millis(1)).max(SHORTEST),
        Some(exact) if exact <= LONGEST => {
            // Wake a little before, then wait exactly.
            exact.mul_f64(1.0 - chance / 10.0).max(SPREAD_FROM)
        }
        None if next.is_some() => SHORTEST,
        _ => LONGEST.mul_f64(1.0 - chance / 10.0),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn now() -> Timestamp {
        "2027-03-12T11:00:00Z".parse().expect("a time")
    }

    fn in_seconds(seconds: f64) -> Timestamp {
        now() + jiff::SignedDuration::from_secs_f64(seconds)
    }

    #[test]
    fn the_last_half_minute_is_waited_for_exactly() {
        assert_eq!(
            wait(Some(in_seconds(12.5)), now(), 0.7),
            Duration::from_millis(12_501)
        );
        assert_eq!(wait(Some(in_seconds(0.0)), now(), 0.7), SHORTEST);
        assert_eq!(wait(Some(in_seconds(-5.0)), now(), 0.7), SHORTEST);
    }

    #[test]
    fn nobody_sleeps_longer_than_five_minutes() {
        assert_eq!(wait(None, now(), 0.0), LONGEST);
        assert_eq!(wait(Some(in_seconds(1e8)), now(), 0.0), LONGEST);
        assert_eq!(
            wait(Some(in_seconds(1e8)), now(), 1.0),
            LONGEST.mul_f64(0.9)
        );
    }

    proptest! {
        /// Whoever sleeps as told never oversleeps what is next.
        #[test]
        fn nobody_oversleeps(seconds in 0.01_f64..1e6, chance in 0.0_f64..1.0) {
            let wait = wait(Some(in_seconds(seconds)), now(), chance);
            prop_assert!(wait.as_secs_f64() <= seconds + 0.006);
        }
    }
}
