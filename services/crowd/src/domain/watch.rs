//! What must hold between fans, as far as their answers show: nobody is passed in line and
//! no more are inside than may be.
//!
//! The crowd sees the line through answers that are late by their nature, so only what no
//! delay can explain counts. Passed is a fan with a lower number who *asked*, well after a
//! higher number was seen inside, and was still told to wait. Inside is a fan from the answer
//! that says so until the moment before it does what gives the slot back. How many are inside
//! by the queue's own word is from memory and may be a little behind, so that is only noted.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use jiff::Timestamp;
use urr_contract::EventId;

use super::milestone::Sighting;

/// Longest that two answers of the queue may lie behind each other: replicas answer from
/// memory, and a call needs a moment to reach all of them.
const SLACK: Duration = Duration::from_secs(5);
/// A stay without a further sign of life counts no longer than this, which is shorter than
/// any sensible policy keeps a slot.
const SURE_STAY: Duration = Duration::from_secs(30);

/// What was seen of all lines.
#[derive(Debug, Default)]
pub struct Watch {
    events: BTreeMap<EventId, Line>,
    /// Fans inside, where and since which answer.
    inside: HashMap<u32, (EventId, Timestamp)>,
}

/// What was seen of one line.
#[derive(Debug, Default)]
struct Line {
    /// Highest threshold that any answer named. A lowered cap makes nobody leave.
    threshold: u64,
    /// Highest admitted number by epoch, each with the time when it was first seen inside;
    /// both grow.
    admitted: BTreeMap<u32, Vec<(Timestamp, u64)>>,
}

/// Something that must not be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breach {
    /// Number `waiting` was passed by number `inside`.
    Passed {
        /// Still waiting.
        waiting: u64,
        /// Inside before.
        inside: u64,
    },
    /// More are inside than may be.
    Crowded {
        /// How many are.
        current: u64,
        /// How many may be.
        threshold: u64,
    },
}

impl Watch {
    /// Takes in one sighting and returns what it shows to be wrong.
    pub fn see(&mut self, sighting: &Sighting) -> Option<Breach> {
        let line = self.events.entry(sighting.event).or_default();
        line.threshold = line.threshold.max(sighting.threshold.unwrap_or(0));
        line.passed(sighting)
    }

    /// Whether the queue told of more people inside than may be.
    pub fn tells_too_many(&self, sighting: &Sighting) -> bool {
        let most = self.threshold(sighting.event);
        most > 0 && sighting.current_users.is_some_and(|told| told > most)
    }

    /// Takes in that a fan is inside.
    pub fn enter(&mut self, fan: u32, event: EventId, at: Timestamp) -> Option<Breach> {
        let sure = at.checked_sub(SURE_STAY).unwrap_or(Timestamp::MIN);
        self.inside.retain(|_, (_, since)| *since >= sure);
        self.inside.insert(fan, (event, at));
        let stays = self.inside.values().filter(|(place, _)| *place == event);
        let current = stays.count() as u64;
        let threshold = self.threshold(event);
        (threshold > 0 && current > threshold).then_some(Breach::Crowded { current, threshold })
    }

    /// Takes in that a fan is about to give its slot back.
    pub fn leave(&mut self, fan: u32) {
        self.inside.remove(&fan);
    }

    fn threshold(&self, event: EventId) -> u64 {
        self.events.get(&event).map_or(0, |line| line.threshold)
    }
}

impl Line {
    fn passed(&mut self, sighting: &Sighting) -> Option<Breach> {
        let receipt = sighting.receipt?;
        let admitted = self.admitted.entry(receipt.epoch).or_default();
        if sighting.inside {
            if admitted
                .last()
                .is_none_or(|(_, highest)| receipt.num > *highest)
            {
                admitted.push((sighting.at, receipt.num));
            }
            return None;
        }
        let before = sighting.asked_at.checked_sub(SLACK).ok()?;
        let seen = admitted.partition_point(|(at, _)| *at < before);
        let (_, inside) = *admitted.get(seen.checked_sub(1)?)?;
        (sighting.punctual && inside > receipt.num).then_some(Breach::Passed {
            waiting: receipt.num,
            inside,
        })
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::call::Receipt;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    fn sighting(number: u64, second: i64, inside: bool) -> Sighting {
        Sighting {
            event: EventId(Uuid::nil()),
            asked_at: at(second),
            at: at(second),
            receipt: Some(Receipt {
                num: number,
                epoch: 0,
            }),
            inside,
            punctual: true,
            current_users: None,
            threshold: None,
        }
    }

    fn breaches(sightings: &[Sighting]) -> Vec<Breach> {
        let mut watch = Watch::default();
        sightings
            .iter()
            .filter_map(|seen| watch.see(seen))
            .collect()
    }

    #[test]
    fn who_waits_long_after_a_higher_number_went_in_was_passed() {
        let found = breaches(&[sighting(9, 100, true), sighting(5, 106, false)]);
        assert_eq!(
            found,
            [Breach::Passed {
                waiting: 5,
                inside: 9
            }]
        );
    }

    #[test]
    fn what_a_delay_explains_is_no_breach() {
        let in_order = [sighting(5, 100, true), sighting(9, 200, false)];
        let at_once = [sighting(9, 100, true), sighting(5, 104, false)];
        let seen_later = [sighting(5, 100, false), sighting(9, 101, true)];
        for sightings in [in_order, at_once, seen_later] {
            assert_eq!(breaches(&sightings), []);
        }
    }

    #[test]
    fn who_was_absent_may_have_been_passed() {
        let absent = Sighting {
            punctual: false,
            ..sighting(5, 200, false)
        };
        assert_eq!(breaches(&[sighting(9, 100, true), absent]), []);
    }

    #[test]
    fn numbers_of_another_incarnation_of_the_line_do_not_compare() {
        let mut other = sighting(5, 200, false);
        other.receipt = Some(Receipt { num: 5, epoch: 1 });
        assert_eq!(breaches(&[sighting(9, 100, true), other]), []);
    }

    fn told(current: u64, threshold: Option<u64>) -> Sighting {
        Sighting {
            receipt: None,
            current_users: Some(current),
            threshold,
            ..sighting(0, 0, false)
        }
    }

    #[test]
    fn telling_of_more_than_ever_allowed_is_telling_too_many() {
        let mut watch = Watch::default();
        for (sighting, expected) in [
            (told(101, None), false),
            (told(100, Some(100)), false),
            (told(100, Some(50)), false),
            (told(101, None), true),
        ] {
            watch.see(&sighting);
            assert_eq!(watch.tells_too_many(&sighting), expected, "{sighting:?}");
        }
    }

    #[test]
    fn more_inside_at_once_than_may_be_is_a_breach() {
        let event = EventId(Uuid::nil());
        let mut watch = Watch::default();
        watch.see(&told(0, Some(2)));
        let mut enter = |fan, second| watch.enter(fan, event, at(second));
        assert_eq!([enter(1, 0), enter(2, 1), enter(2, 2)], [None; 3]);
        let crowded = Breach::Crowded {
            current: 3,
            threshold: 2,
        };
        assert_eq!(enter(3, 3), Some(crowded));
    }

    #[test]
    fn who_leaves_or_was_not_heard_of_for_long_is_not_counted_inside() {
        let event = EventId(Uuid::nil());
        let mut watch = Watch::default();
        watch.see(&told(0, Some(1)));
        assert_eq!(watch.enter(1, event, at(0)), None);
        watch.leave(1);
        assert_eq!(watch.enter(2, event, at(1)), None);
        assert_eq!(watch.enter(3, event, at(32)), None);
        assert_eq!(watch.enter(4, EventId(Uuid::max()), at(33)), None);
    }
}
