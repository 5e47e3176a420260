//! What one event's list of ended admissions in Redis holds, as far as it was read: so that
//! only news need be read, and so that a loss is noticed.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, HashSet},
};

use urr_contract::AdmissionId;

/// Seconds by which the clocks of Redis and of a gateway may differ.
const SKEW_SECONDS: i64 = 5;

/// What a glance at the list tells.
#[derive(Clone, Copy, Debug, Default)]
pub struct Glance {
    /// Admissions that end at [`Mirror::compared_from`] or later.
    pub count: usize,
    /// The admission that ends last, and when; `None` where all are over.
    pub newest: Option<(AdmissionId, i64)>,
}

/// The admissions that Redis is known to hold, by the end of their tokens.
#[derive(Debug, Default)]
pub struct Mirror {
    by_end: BTreeMap<i64, HashSet<AdmissionId>>,
    /// Lowest end on the last page with news. Tokens mostly live equally long, so that the
    /// next news stand there or higher.
    news: Option<i64>,
}

impl Mirror {
    /// The end from which on the mirror is compared with Redis at `now`. What ends sooner may
    /// have been removed there already.
    pub fn compared_from(now: i64) -> i64 {
        now + SKEW_SECONDS
    }

    /// The first end that is not over at `now`.
    pub fn first(now: i64) -> i64 {
        now + 1
    }

    /// The end from which on to read after a glance at `now`; `None` where there is no news.
    pub fn behind(&mut self, glance: Glance, now: i64) -> Option<i64> {
        let first = Self::first(now);
        self.by_end = self.by_end.split_off(&first);
        match glance.count.cmp(&self.known(now)) {
            Ordering::Greater => Some(self.news.unwrap_or(first).max(first)),
            Ordering::Equal if self.knows_newest(glance) => None,
            // Redis has lost some, perhaps all: what it holds now is not known.
            Ordering::Equal | Ordering::Less => {
                *self = Self::default();
                Some(first)
            }
        }
    }

    /// Whether the glance saw more than is known.
    pub fn lacks(&self, glance: Glance, now: i64) -> bool {
        self.known(now) < glance.count
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.by_end.is_empty()
    }

    /// Notes what a page says; returns what of it is news.
    pub fn learn(&mut self, page: Vec<(AdmissionId, i64)>) -> Vec<(AdmissionId, i64)> {
        let mut news = page;
        news.retain(|(admission, end)| self.by_end.entry(*end).or_default().insert(*admission));
        let lowest = news.iter().map(|(_, end)| *end).min();
        self.news = lowest.or(self.news);
        news
    }

    fn knows_newest(&self, glance: Glance) -> bool {
        glance.newest.is_none_or(|(admission, end)| {
            let same_end = self.by_end.get(&end);
            same_end.is_some_and(|admissions| admissions.contains(&admission))
        })
    }

    fn known(&self, now: i64) -> usize {
        let compared = self.by_end.range(Self::compared_from(now)..);
        compared.map(|(_, admissions)| admissions.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const NOW: i64 = 1_000;

    /// Admissions of these numbers, which end at `end`.
    fn page(numbers: std::ops::Range<u128>, end: i64) -> Vec<(AdmissionId, i64)> {
        numbers
            .map(|number| (AdmissionId(Uuid::from_u128(number)), end))
            .collect()
    }

    /// A glance that sees so many, and as the newest the admission of that number and end.
    fn glance(count: usize, newest: Option<(u128, i64)>) -> Glance {
        let newest = newest.and_then(|(number, end)| page(number..number + 1, end).pop());
        Glance { count, newest }
    }

    #[test]
    fn only_news_are_read() {
        let mut mirror = Mirror::default();
        assert_eq!(mirror.behind(glance(0, None), NOW), None);
        let three = glance(3, Some((2, 1_600)));
        assert_eq!(mirror.behind(three, NOW), Some(NOW + 1), "nothing is known");
        assert_eq!(mirror.learn(page(0..2, 1_300)).len(), 2);
        assert_eq!(mirror.learn(page(2..3, 1_600)).len(), 1);
        assert_eq!(mirror.learn(page(0..2, 1_300)), []);
        assert_eq!(mirror.behind(three, NOW), None);
        let four = glance(4, Some((3, 1_600)));
        assert_eq!(mirror.behind(four, NOW + 1), Some(1_600));
        assert!(mirror.lacks(four, NOW + 1));
        assert_eq!(mirror.learn(page(2..4, 1_600)), page(3..4, 1_600));
        assert!(!mirror.lacks(four, NOW + 1));
        assert_eq!(mirror.behind(four, NOW + 1), None);
    }

    #[test]
    fn reading_goes_on_where_the_news_were_even_if_they_are_lower() {
        let mut mirror = Mirror::default();
        mirror.learn(page(0..1, 4_600));
        mirror.learn(page(1..2, 1_600));
        mirror.learn(page(0..1, 4_600));
        let three = glance(3, Some((0, 4_600)));
        assert_eq!(mirror.behind(three, NOW + 1), Some(1_600));
    }

    #[test]
    fn what_is_over_or_nearly_so_is_no_loss() {
        let mut mirror = Mirror::default();
        mirror.learn(page(0..5, 1_100));
        mirror.learn(page(5..6, 1_200));
        let one = glance(1, Some((5, 1_200)));
        assert_eq!(mirror.behind(one, 1_096), None, "five may be gone by now");
        assert_eq!(mirror.behind(glance(0, None), 1_200), None);
        assert!(mirror.is_empty());
        let late = glance(1, Some((6, 1_300)));
        assert_eq!(mirror.behind(late, 1_210), Some(1_211), "never earlier");
    }

    #[test]
    fn after_a_loss_everything_is_read_again() {
        for lost in [glance(1, Some((10, 1_300))), glance(2, Some((11, 1_300)))] {
            let mut mirror = Mirror::default();
            mirror.learn(page(0..2, 1_600));
            assert_eq!(mirror.behind(lost, NOW), Some(NOW + 1));
            let held = page(10..10 + lost.count as u128, 1_300);
            assert_eq!(mirror.learn(held.clone()), held);
            assert_eq!(mirror.behind(lost, NOW), None);
        }
    }
}
