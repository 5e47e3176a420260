//! A line at one moment, as a replica keeps it in memory, and what a number means in it.

use std::collections::HashMap;

use urr_contract::{AdmissionId, UserId};

use super::{rules::Rules, waiting::Waiting};

/// Shortest time over which a rate of admission is a measurement and not a guess.
const SHORTEST_MEASURE_MS: i64 = 5_000;
/// Longest time over which it is taken.
const LONGEST_MEASURE_MS: i64 = 60_000;

/// A stay inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The admission, `jti` of its entry tokens.
    pub admission: AdmissionId,
    /// Begin of the stay, or the call where they have not appeared; ms.
    pub since_ms: i64,
    /// Whether the person has appeared after being called.
    pub appeared: bool,
    /// End unless a sign of life comes; ms.
    pub ends_ms: i64,
    /// Whose it is; unknown until they have appeared.
    pub person: Option<UserId>,
}

/// A line at one moment. Times are Redis' own, in milliseconds.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// When it was taken.
    pub taken_ms: i64,
    /// Incarnation of the line.
    pub epoch: u32,
    /// Whether Redis was restarted or replaced since the line was laid out: it may have
    /// forgotten the last numbers.
    pub is_of_older_run: bool,
    /// Last number given out.
    pub last_number: u64,
    /// Number up to which numbers may be given out.
    pub reserved_to: u64,
    /// Highest number that was called.
    pub serving: u64,
    /// People let in so far.
    pub admitted: u64,
    /// Nobody enters before.
    pub resumes_ms: i64,
    /// Since when somebody has been waiting without a break; 0 where nobody is.
    pub backlog_since_ms: i64,
    /// Who is waiting.
    pub waiting: Waiting,
    /// Who is inside, by number.
    pub slots: HashMap<u64, Slot>,
    /// People admitted, by second.
    pub pace: Vec<(i64, u64)>,
    /// The rules in force; `None` where none are known, and then nobody enters.
    pub rules: Option<Rules>,
}

/// What a number means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Inside.
    Inside(Slot),
    /// Waiting, with so many others before and behind.
    Waiting {
        /// Waiting people with a lower number.
        ahead: u64,
        /// Waiting people with a higher number.
        behind: u64,
    },
    /// Was a place once.
    Ended,
    /// Given out after this moment.
    Unknown,
}

impl Snapshot {
    /// The line of a sale that has long been over: it is not laid out any more.
    pub fn past(rules: Rules) -> Self {
        Self {
            taken_ms: 0,
            epoch: 0,
            is_of_older_run: false,
            last_number: 0,
            reserved_to: 0,
            serving: 0,
            admitted: 0,
            resumes_ms: 0,
            backlog_since_ms: 0,
            waiting: Waiting::default(),
            slots: HashMap::new(),
            pace: Vec::new(),
            rules: Some(rules),
        }
    }

    /// Whether this is such a line.
    pub fn is_past(&self) -> bool {
        self.epoch == 0
    }

    /// What `number` of this incarnation means at `now_ms`.
    pub fn standing(&self, number: u64, now_ms: i64) -> Standing {
        if let Some(slot) = self.slots.get(&number).filter(|slot| now_ms < slot.ends_ms) {
            return Standing::Inside(*slot);
        }
        if self.waiting.contains(number) {
            return self.waiting_at(number, 0);
        }
        if number > self.last_number {
            Standing::Unknown
        } else {
            Standing::Ended
        }
    }

    /// The standing of a number that is known to wait, also one given out after this moment:
    /// everybody between is taken to wait as well, but for the `entered` who are known not to.
    pub fn waiting_at(&self, number: u64, entered: u64) -> Standing {
        let newer = number.saturating_sub(self.last_number + 1 + entered);
        let ahead = self.waiting.before(number) + newer;
        let known = u64::from(self.waiting.contains(number));
        Standing::Waiting {
            ahead,
            behind: (self.waiting.total() + newer).saturating_sub(ahead + known),
        }
    }

    /// People inside at `now_ms`.
    pub fn inside(&self, now_ms: i64) -> u64 {
        let inside = self.slots.values().filter(|slot| now_ms < slot.ends_ms);
        inside.count() as u64
    }

    /// Whether it shows the whole line, and not one that was still being brought back after
    /// a loss.
    pub fn is_whole(&self) -> bool {
        self.taken_ms >= self.resumes_ms
    }

    /// People waiting before `number` who were not passed over for being absent: those who
    /// make its wait.
    pub fn to_be_called_before(&self, number: u64) -> u64 {
        let newer = number.saturating_sub(self.last_number + 1);
        let passed = self.waiting.before(number.min(self.serving + 1));
        self.waiting.before(number) - passed + newer
    }

    /// People who entered per second over the last minute, as far as somebody was waiting
    /// all the time. `None` where that is not long enough to say.
    pub fn measured_rate(&self) -> Option<f64> {
        if self.backlog_since_ms == 0 {
            return None;
        }
        let from = self
            .backlog_since_ms
            .max(self.taken_ms - LONGEST_MEASURE_MS);
        let span = self.taken_ms - from;
        if span < SHORTEST_MEASURE_MS {
            return None;
        }
        let people: u64 = self
            .pace
            .iter()
            .filter(|(second, _)| second * 1000 >= from)
            .map(|(_, people)| people)
            .sum();
        (people > 0).then(|| people as f64 * 1000.0 / span as f64)
    }

    /// Whether somebody may enter at `now_ms`, as far as rules go.
    pub fn is_open(&self, now_ms: i64) -> bool {
        now_ms >= self.resumes_ms
            && self
                .rules
                .as_ref()
                .is_some_and(|rules| rules.is_open(now_ms))
    }
}

#[cfg(test)]
mod tests {
    use urr_contract::AdmissionId;

    use super::*;

    fn slot(ends_ms: i64) -> Slot {
        Slot {
            admission: AdmissionId::random(),
            since_ms: 0,
            appeared: true,
            ends_ms,
            person: None,
        }
    }

    /// Numbers 1 to 9 given out: 1 inside, 2 ended, 3 skipped, 4 called, 5 to 9 waiting.
    fn snapshot() -> Snapshot {
        Snapshot {
            taken_ms: 100_000,
            epoch: 1,
            is_of_older_run: false,
            last_number: 9,
            reserved_to: 100,
            serving: 4,
            admitted: 0,
            resumes_ms: 0,
            backlog_since_ms: 0,
            waiting: Waiting::new(0, vec![0b0001_0111, 0b1100_0000]),
            slots: HashMap::from([(1, slot(200_000)), (4, slot(150_000))]),
            pace: Vec::new(),
            rules: None,
        }
    }

    #[test]
    fn a_number_is_inside_waiting_ended_or_unknown() {
        let line = snapshot();
        assert!(matches!(line.standing(1, 100_000), Standing::Inside(_)));
        assert_eq!(line.standing(2, 100_000), Standing::Ended);
        assert_eq!(
            line.standing(3, 100_000),
            Standing::Waiting {
                ahead: 0,
                behind: 5
            }
        );
        assert_eq!(
            line.standing(6, 100_000),
            Standing::Waiting {
                ahead: 2,
                behind: 3
            }
        );
        assert_eq!(line.standing(10, 100_000), Standing::Unknown);
        assert_eq!(
            line.standing(4, 150_000),
            Standing::Ended,
            "its time is over"
        );
    }

    #[test]
    fn whoever_came_after_the_snapshot_stands_behind_all_of_it() {
        assert_eq!(
            snapshot().waiting_at(12, 0),
            Standing::Waiting {
                ahead: 8,
                behind: 0
            }
        );
        assert_eq!(
            snapshot().waiting_at(12, 1),
            Standing::Waiting {
                ahead: 7,
                behind: 0
            }
        );
    }

    #[test]
    fn people_passed_over_for_being_absent_do_not_make_a_wait() {
        assert_eq!(snapshot().to_be_called_before(6), 1);
        assert_eq!(snapshot().to_be_called_before(3), 0);
    }

    #[test]
    fn the_rate_is_unknown_until_it_can_be_measured() {
        let measured = |since, pace: &[(i64, u64)]| {
            Snapshot {
                backlog_since_ms: since,
                pace: pace.to_vec(),
                ..snapshot()
            }
            .measured_rate()
        };
        assert_eq!(measured(0, &[(99, 10)]), None, "nobody waits");
        assert_eq!(measured(96_000, &[(99, 10)]), None, "too short");
        assert_eq!(measured(90_000, &[]), None, "nobody entered");
        assert_eq!(measured(90_000, &[(80, 70), (95, 30), (99, 20)]), Some(5.0));
        assert_eq!(
            measured(1, &[(39, 7), (41, 60), (99, 60)]),
            Some(2.0),
            "a minute at most"
        );
    }
}
