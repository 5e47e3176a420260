//! How long to wait after so many failures in a row of one object.

use std::time::Duration;

/// First and least wait.
const LEAST: Duration = Duration::from_secs(1);
/// Longest wait.
const MOST: Duration = Duration::from_mins(5);

/// The wait after `failures` in a row: doubled each time, then full jitter (`chance` is
/// uniform in 0..1), so that many objects that failed together do not return together.
pub(crate) fn delay(failures: u32, chance: f64) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    let longest = (LEAST * 2_u32.pow(doublings)).min(MOST);
    longest.mul_f64(chance.clamp(0.0, 1.0)).max(LEAST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_doubles_up_to_five_minutes() {
        let longest = |failures| delay(failures, 1.0).as_secs();
        assert_eq!([1, 2, 3, 4].map(longest), [1, 2, 4, 8]);
        assert_eq!([9, 10, 100, u32::MAX].map(longest), [256, 300, 300, 300]);
    }

    #[test]
    fn jitter_is_full_but_never_hot() {
        assert_eq!(delay(10, 0.5).as_secs(), 150);
        assert_eq!(delay(10, 0.0), LEAST);
        assert_eq!(delay(0, 1.0), LEAST);
    }
}
