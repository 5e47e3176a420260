//! How often those who wait ask for their place: the queue tells each of them, and the operator
//! prepares for all of them.

/// Longest interval that anybody is told, in seconds.
pub const LONGEST_SECONDS: u64 = 60;
/// Interval of somebody who is inside or not in the line at all, in seconds.
pub const IDLE_SECONDS: u64 = 3;
/// The last position of each interval in seconds, as existing clients know them.
const BY_POSITION: [(u64, u64); 5] = [
    (0, IDLE_SECONDS),
    (1_000, 1),
    (5_000, 5),
    (10_000, 10),
    (100_000, 30),
];

/// Seconds between two polls of somebody at `position` (from 1) whose wait is not known.
pub fn by_position(position: u64) -> u64 {
    let mut intervals = BY_POSITION.into_iter();
    let told = intervals.find(|(last, _)| position <= *last);
    told.map_or(LONGEST_SECONDS, |(_, seconds)| seconds)
}

/// The most that somebody is told who is called in `wait_seconds`: half the wait, so that the
/// call is noticed.
pub const fn before_call(wait_seconds: u64) -> u64 {
    if wait_seconds < 4 {
        1
    } else {
        wait_seconds / 2
    }
}

/// Polls a second of a line of `people` of whom `per_second` are let in, at the most: what is
/// added to intervals, so that not all ask at once, is left out.
pub fn polls_per_second(people: u32, per_second: u32) -> f64 {
    // In a line of ten million, one of each thousand speaks for all of them.
    let step = (people / 10_000).max(1);
    let rate = u64::from(per_second.max(1));
    let polls = (1..=people).step_by(step as usize).map(|position| {
        let position = u64::from(position);
        let told = by_position(position).min(before_call(position / rate));
        f64::from(u32::try_from(told).unwrap_or(u32::MAX)).recip()
    });
    polls.sum::<f64>() * f64::from(step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_grows_with_the_position() {
        for (position, told) in [
            (0, 3),
            (1, 1),
            (1_000, 1),
            (1_001, 5),
            (5_001, 10),
            (10_001, 30),
            (100_000, 30),
            (100_001, 60),
        ] {
            assert_eq!(by_position(position), told, "{position}");
        }
    }

    #[test]
    fn a_call_is_noticed_within_half_the_wait() {
        assert_eq!([0, 1, 3, 4, 10, 600].map(before_call), [1, 1, 1, 2, 5, 300]);
    }

    #[test]
    fn a_longer_line_asks_more_and_each_of_its_people_less() {
        let lines = [100, 1_000, 10_000, 100_000, 1_000_000];
        let polls = lines.map(|people| polls_per_second(people, 100));
        assert!(polls.is_sorted(), "{polls:?}");
        let each = [0, 1, 2, 3, 4].map(|line| polls[line] / f64::from(lines[line]));
        assert!(each.is_sorted_by(|one, other| one >= other), "{each:?}");
        // Nobody in front waits longer than a second between two polls.
        assert!((polls[1] - 1_000.0).abs() < 1e-9, "{polls:?}");
    }

    #[test]
    fn a_sample_of_the_line_speaks_for_all_of_it() {
        // 1,000 each second, 4,000 every 5 s, 5,000 every 10 s, 50,000 every 30 s.
        let whole = 1_000.0 + 800.0 + 500.0 + 50_000.0 / 30.0;
        let sampled = polls_per_second(60_000, 1);
        assert!((sampled / whole - 1.0).abs() < 0.01, "{sampled} of {whole}");
    }

    #[test]
    fn a_line_that_moves_fast_asks_more() {
        assert!(polls_per_second(60_000, 1_000) > polls_per_second(60_000, 100));
        assert!(polls_per_second(60_000, 0) <= polls_per_second(60_000, 1));
        assert!(polls_per_second(0, 100) < 1e-9);
    }
}
