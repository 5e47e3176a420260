//! Counting one client's requests over the last minute in a fixed number of counters.
//!
//! The minute is cut into sub-windows. A sub-window counts until it has left the minute
//! entirely, so the limit is never passed in any 60 s; a client gets its budget back up to
//! one sub-window later than exactly possible.

use jiff::Timestamp;

use super::limits::WINDOW_SECONDS;

/// Length of one sub-window in milliseconds.
const SUB_WINDOW_MS: i64 = 4_000;
/// Sub-windows that may hold a request of the last minute: those inside it and the one that
/// is just leaving.
const COUNTED: usize = 16;

const _: () = assert!(
    (COUNTED as u64 - 1) * SUB_WINDOW_MS.unsigned_abs() == WINDOW_SECONDS * 1_000,
    "the sub-windows make up the window"
);

/// Number of a sub-window since the epoch; the same on every gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SubWindow(pub u64);

impl SubWindow {
    /// The sub-window at `now`.
    pub fn at(now: Timestamp) -> Self {
        Self(u64::try_from(now.as_millisecond() / SUB_WINDOW_MS).unwrap_or(0))
    }

    /// The oldest sub-window that counts while this one is the current one.
    #[must_use]
    pub fn oldest_counted(self) -> Self {
        Self(self.0.saturating_sub(COUNTED as u64 - 1))
    }

    fn slot(self) -> usize {
        // Bounded by the remainder, so nothing is cut off.
        usize::try_from(self.0 % COUNTED as u64).unwrap_or(0)
    }
}

/// Requests of one client in one sub-window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Count {
    /// Let pass here.
    own: u32,
    /// Of these, what the other gateways have been told.
    told: u32,
    /// Let pass by the other gateways.
    others: u32,
}

/// One client's requests in one category.
#[derive(Clone, Debug)]
pub struct Window {
    current: SubWindow,
    counts: [Count; COUNTED],
}

impl Window {
    /// Nothing counted yet at `now`.
    pub fn new(now: SubWindow) -> Self {
        Self {
            current: now,
            counts: [Count::default(); COUNTED],
        }
    }

    /// Counts one request if it is within `limit`; returns whether it is.
    pub fn take(&mut self, now: SubWindow, limit: u32) -> bool {
        let within = self.total(now) < u64::from(limit);
        if within {
            self.count(now);
        }
        within
    }

    /// Counts one request that was let pass by another decision.
    pub fn count(&mut self, now: SubWindow) {
        self.advance(now);
        let count = &mut self.counts[self.current.slot()];
        count.own = count.own.saturating_add(1);
    }

    /// Requests of the last minute on all gateways, as far as known.
    pub fn total(&mut self, now: SubWindow) -> u64 {
        self.advance(now);
        self.counts
            .iter()
            .map(|count| u64::from(count.own) + u64::from(count.others))
            .sum()
    }

    /// Sub-windows in which requests were let pass here that the other gateways do not know
    /// of, and all requests let pass here in each.
    pub fn untold(&self) -> impl Iterator<Item = (SubWindow, u32)> {
        let oldest = self.current.oldest_counted().0;
        (oldest..=self.current.0).filter_map(|number| {
            let window = SubWindow(number);
            let count = self.counts[window.slot()];
            (count.own > count.told).then_some((window, count.own))
        })
    }

    /// Requests let pass here that the other gateways do not know of.
    pub fn untold_total(&self) -> u32 {
        let oldest = self.current.oldest_counted().0;
        (oldest..=self.current.0)
            .map(|number| self.counts[SubWindow(number).slot()])
            .map(|count| count.own - count.told)
            .sum()
    }

    /// The others now know of the first `count` requests of sub-window `window`.
    pub fn told(&mut self, window: SubWindow, count: u32) {
        if self.holds(window) {
            let counts = &mut self.counts[window.slot()];
            counts.told = counts.told.max(count).min(counts.own);
        }
    }

    /// The other gateways together let pass `count` requests in sub-window `window`. What they
    /// once let pass stays so, even if Redis forgets it.
    pub fn learn(&mut self, window: SubWindow, count: u32) {
        if self.holds(window) {
            let counts = &mut self.counts[window.slot()];
            counts.others = counts.others.max(count);
        }
    }

    fn holds(&self, window: SubWindow) -> bool {
        (self.current.oldest_counted()..=self.current).contains(&window)
    }

    /// Forgets what has left the minute. A clock that goes back changes nothing.
    fn advance(&mut self, now: SubWindow) {
        let passed = now.0.saturating_sub(self.current.0);
        if passed == 0 {
            return;
        }
        for step in 1..=passed.min(COUNTED as u64) {
            self.counts[SubWindow(self.current.0 + step).slot()] = Count::default();
        }
        self.current = now;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_limit_is_reached_and_comes_back() {
        let start = SubWindow(1_000);
        let mut window = Window::new(start);
        for _ in 0..3 {
            assert!(window.take(start, 3));
        }
        assert!(!window.take(start, 3), "a fourth is too much");
        assert!(
            !window.take(SubWindow(1_015), 3),
            "60 s later, it may still count"
        );
        assert!(
            window.take(SubWindow(1_016), 3),
            "64 s later, it is forgotten"
        );
    }

    #[test]
    fn a_refused_request_does_not_count() {
        let start = SubWindow(1_000);
        let mut window = Window::new(start);
        assert!(window.take(start, 1));
        for later in 1..=15 {
            assert!(!window.take(SubWindow(1_000 + later), 1));
        }
        assert!(window.take(SubWindow(1_016), 1));
    }

    #[test]
    fn others_count_too_and_own_requests_once() {
        let now = SubWindow(50);
        let mut window = Window::new(now);
        for _ in 0..4 {
            window.count(now);
        }
        assert_eq!(window.untold().collect::<Vec<_>>(), [(now, 4)]);
        window.told(now, 4);
        window.learn(now, 6);
        assert_eq!(window.untold_total(), 0);
        assert_eq!(window.total(now), 10);
        window.count(now);
        assert_eq!(window.total(now), 11);
        assert_eq!(window.untold().collect::<Vec<_>>(), [(now, 5)]);
        assert_eq!(window.untold_total(), 1);
    }

    #[test]
    fn telling_the_same_again_changes_nothing() {
        let now = SubWindow(50);
        let mut window = Window::new(now);
        for _ in 0..3 {
            window.count(now);
        }
        for count in [2, 2, 1] {
            window.told(now, count);
            assert_eq!(window.untold_total(), 1);
        }
    }

    #[test]
    fn a_wiped_store_forgives_nobody() {
        let now = SubWindow(50);
        let mut window = Window::new(now);
        window.count(now);
        window.told(now, 1);
        window.learn(now, 2);
        window.learn(now, 0);
        assert_eq!(window.total(now), 3);
    }

    #[test]
    fn late_news_of_a_forgotten_sub_window_is_ignored() {
        let mut window = Window::new(SubWindow(100));
        window.learn(SubWindow(84), 9);
        window.learn(SubWindow(101), 9);
        assert_eq!(window.total(SubWindow(100)), 0);
    }

    proptest! {
        /// Against a plain log of times: never more than the limit in any 60 s, and never
        /// refused when the last 64 s have room.
        #[test]
        fn it_agrees_with_a_log(
            gaps in proptest::collection::vec(0_i64..20_000, 1..200),
            limit in 1_u32..12,
        ) {
            let mut now = 1_700_000_000_000_i64;
            let at = |ms| SubWindow::at(Timestamp::from_millisecond(ms).expect("in range"));
            let mut window = Window::new(at(now));
            let mut passed: Vec<i64> = Vec::new();
            for gap in gaps {
                now += gap;
                let within = |span: i64| {
                    let since = passed.iter().filter(|time| **time > now - span).count();
                    u32::try_from(since).expect("few")
                };
                let (strict, lenient) = (within(60_000), within(64_000));
                let taken = window.take(at(now), limit);
                prop_assert!(!taken || strict < limit);
                prop_assert!(taken || lenient >= limit);
                if taken {
                    passed.push(now);
                }
            }
        }
    }
}
