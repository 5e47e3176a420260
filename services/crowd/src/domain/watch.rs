//! What must hold between fans, as far as their answers show: nobody is passed in line and
//! no more are inside than may be.
//!
//! The crowd sees the line through polls that are late by their nature, so only what no
//! delay can explain counts: a fan with a lower number who *asked*, well after a higher
//! number was seen inside, and was still told to wait.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use urr_contract::EventId;

use super::milestone::Sighting;

/// Longest that two answers of the queue may lie behind each other: replicas answer from
/// memory, and a call needs a moment to reach all of them.
const SLACK: Duration = Duration::from_secs(5);

/// What was seen of all lines.
#[derive(Debug, Default)]
pub struct Watch {
    events: BTreeMap<EventId, Line>,
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
    pub fn see(&mut self, sighting: &Sighting) -> Vec<Breach> {
        let line = self.events.entry(sighting.event).or_default();
        let mut breaches = Vec::new();
        breaches.extend(line.crowded(sighting));
        breaches.extend(line.passed(sighting));
        breaches
    }
}

impl Line {
    fn crowded(&mut self, sighting: &Sighting) -> Option<Breach> {
        let current = sighting.current_users?;
        self.threshold = self.threshold.max(sighting.threshold.unwrap_or(0));
        (self.threshold > 0 && current > self.threshold).then_some(Breach::Crowded {
            current,
            threshold: self.threshold,
        })
    }

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
        sightings.iter().flat_map(|seen| watch.see(seen)).collect()
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

    #[test]
    fn more_inside_than_ever_allowed_is_a_breach() {
        let inside = |current, threshold| Sighting {
            receipt: None,
            current_users: Some(current),
            threshold,
            ..sighting(0, 0, false)
        };
        assert_eq!(
            breaches(&[inside(100, Some(100)), inside(100, Some(50))]),
            []
        );
        assert_eq!(breaches(&[inside(101, None)]), []);
        assert_eq!(
            breaches(&[inside(7, Some(100)), inside(101, None)]),
            [Breach::Crowded {
                current: 101,
                threshold: 100
            }]
        );
    }
}
