//! When to ask again, how long it may take, and for how long somebody counts as present.

use std::time::Duration;

use urr_contract::polling::{LONGEST_SECONDS, before_call, by_position};

/// What presence lasts beyond two intervals.
const PRESENCE_MARGIN: Duration = Duration::from_secs(10);

/// Seconds until the next poll at `position` (from 1): by position, and near the front by the
/// expected wait. `spread` is any number of the person's own: it lengthens the interval a little,
/// so that those who came together do not poll together.
pub fn next_poll(position: u64, wait_seconds: Option<u64>, spread: u64) -> u64 {
    let told = by_position(position);
    let jitter = spread % (told / 5 + 1);
    let most = wait_seconds.map_or(LONGEST_SECONDS, before_call);
    (told + jitter).min(LONGEST_SECONDS).min(most)
}

/// How long somebody who was told that interval counts as present.
pub fn presence(told_seconds: u64) -> Duration {
    Duration::from_secs(2 * told_seconds) + PRESENCE_MARGIN
}

/// An expected wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Estimate {
    /// The best single figure, in seconds.
    pub seconds: u64,
    /// The range it stands for.
    pub at_least: u64,
    /// The range it stands for.
    pub at_most: u64,
}

/// The wait of somebody with `ahead` people before them while `per_second` enter.
/// The range grows with the distance and is rounded the coarser the farther it is.
pub fn estimate(ahead: u64, per_second: f64) -> Option<Estimate> {
    if !per_second.is_finite() || per_second <= 0.0 {
        return None;
    }
    let exact = (ahead + 1) as f64 / per_second;
    let step = match exact {
        wait if wait < 120.0 => 5.0,
        wait if wait < 900.0 => 60.0,
        _ => 300.0,
    };
    Some(Estimate {
        seconds: whole(exact.ceil()),
        at_least: whole((exact * 0.8 / step).floor() * step),
        at_most: whole((exact * 1.2 / step).ceil() * step),
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "finite and positive; a wait beyond u64 saturates"
)]
fn whole(seconds: f64) -> u64 {
    seconds as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_only_lengthens_and_ends_at_a_minute() {
        for spread in 0..100 {
            for (position, told) in [(5_000, 5), (10_000, 10), (100_000, 30), (1_000_000, 60)] {
                let polled = next_poll(position, None, spread);
                assert!((told..=told + told / 5).contains(&polled));
                assert!(polled <= LONGEST_SECONDS);
            }
        }
    }

    #[test]
    fn near_the_front_the_interval_is_at_most_half_the_wait() {
        assert_eq!(next_poll(20_000, Some(10), 7), 5);
        assert_eq!(next_poll(20_000, Some(1), 7), 1);
        assert_eq!(next_poll(20_000, Some(600), 0), 30);
    }

    #[test]
    fn an_estimate_is_a_range_around_the_figure_and_unknown_without_a_rate() {
        assert_eq!(estimate(10, 0.0), None);
        let near = estimate(99, 10.0).expect("known");
        assert_eq!((near.seconds, near.at_least, near.at_most), (10, 5, 15));
        let far = estimate(99_999, 100.0).expect("known");
        assert_eq!((far.seconds, far.at_least, far.at_most), (1000, 600, 1200));
    }
}
