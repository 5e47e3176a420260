//! The running count of a crowd: what each milestone and each answer adds.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{
    call::Outcome,
    histogram::Histogram,
    milestone::{Ending, Milestone, Place},
    watch::{Breach, Watch},
};

/// Violations kept word for word; further ones are only counted.
const KEPT_VIOLATIONS: usize = 50;

/// Counters of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the number of what it is named after")]
pub struct Counts {
    pub arrived: u64,
    pub ended: u64,
    pub registered: u64,
    pub signed_in: u64,
    pub sessions_renewed: u64,
    pub joined: u64,
    pub admitted: u64,
    pub lost_places: u64,
    pub positions_grew: u64,
    pub holds: u64,
    pub held: u64,
    pub conflicts: u64,
    pub declined: u64,
    pub in_doubt: u64,
    pub paid: u64,
    pub sold: u64,
    pub revenue: i64,
    pub confirmed: u64,
    pub cancelled: u64,
    pub refunded: u64,
    pub repeated: u64,
    pub rate_limited: u64,
    pub told_too_many: u64,
    pub passed_after_a_fault: u64,
    pub violations: u64,
}

/// What one endpoint answered.
#[derive(Clone, Debug, Default)]
pub struct EndpointTally {
    /// Time from sending to the whole answer, of answered requests.
    pub latency: Histogram,
    /// Requests by status.
    pub statuses: BTreeMap<u16, u64>,
    /// Requests without an answer.
    pub lost: u64,
}

/// The running count of a crowd.
#[derive(Debug, Default)]
pub struct Tally {
    /// Counters.
    pub counts: Counts,
    /// How visits ended.
    pub endings: BTreeMap<Ending, u64>,
    /// Time from joining to being let in.
    pub waited: Histogram,
    /// What the endpoints answered.
    pub endpoints: BTreeMap<&'static str, EndpointTally>,
    /// Time that requests waited for a connection of the crowd's own.
    pub queued_here: Histogram,
    /// What must never happen and did.
    pub violations: BTreeSet<String>,
    places: [u64; 6],
    watch: Watch,
    /// Whether the queue failed to answer anybody: after that, the order that polls show
    /// may be that of their luck.
    line_disturbed: bool,
}

impl Tally {
    /// Counts one milestone of a fan that was in `place`, and returns where it is now.
    pub fn count(&mut self, place: Place, milestone: &Milestone) -> Place {
        let counts = &mut self.counts;
        match milestone {
            Milestone::Moved(next) => return self.moved(place, *next),
            Milestone::SignedIn { registered: true } => counts.registered += 1,
            Milestone::SignedIn { registered: false } => counts.signed_in += 1,
            Milestone::SessionRenewed => counts.sessions_renewed += 1,
            Milestone::Joined => counts.joined += 1,
            Milestone::Sighted(sighting) => {
                let breach = self.watch.see(sighting);
                counts.told_too_many += u64::from(self.watch.tells_too_many(sighting));
                self.breach(breach);
            }
            Milestone::Inside { fan, event, at } => {
                let breach = self.watch.enter(*fan, *event, *at);
                self.breach(breach);
            }
            Milestone::GivesSlotBack { fan } => self.watch.leave(*fan),
            Milestone::LostPlace => counts.lost_places += 1,
            Milestone::PositionGrew => counts.positions_grew += 1,
            Milestone::Admitted(waited) => {
                counts.admitted += 1;
                self.waited.record(*waited);
            }
            Milestone::Held(places) => {
                counts.holds += 1;
                counts.held += u64::from(*places);
            }
            Milestone::Conflict => counts.conflicts += 1,
            Milestone::Declined => counts.declined += 1,
            Milestone::InDoubt => counts.in_doubt += 1,
            Milestone::Paid { places, amount } => {
                counts.paid += 1;
                counts.sold += u64::from(*places);
                counts.revenue += amount.0;
            }
            Milestone::Confirmed => counts.confirmed += 1,
            Milestone::Cancelled { places } => {
                counts.cancelled += 1;
                counts.sold = counts.sold.saturating_sub(u64::from(*places));
            }
            Milestone::Refunded => counts.refunded += 1,
            Milestone::Repeated { limited } => {
                counts.repeated += 1;
                counts.rate_limited += u64::from(*limited);
            }
            Milestone::Violation(text) => self.violation(text.clone()),
            Milestone::Ended(ending) => {
                counts.ended += 1;
                *self.endings.entry(ending.clone()).or_default() += 1;
            }
        }
        place
    }

    /// Counts what came of a request to `endpoint` that took `took`, after it had waited
    /// `queued` for a connection.
    pub fn answered(
        &mut self,
        endpoint: &'static str,
        outcome: &Outcome,
        took: Duration,
        queued: Duration,
    ) {
        self.queued_here.record(queued);
        let tally = self.endpoints.entry(endpoint).or_default();
        let failed = match outcome {
            Outcome::Lost => {
                tally.lost += 1;
                true
            }
            Outcome::Answered(answer) => {
                tally.latency.record(took);
                *tally.statuses.entry(answer.status).or_default() += 1;
                answer.status >= 500
            }
        };
        self.line_disturbed |= failed && endpoint.contains("queue/");
    }

    /// How many fans are in `place` now.
    pub fn now_in(&self, place: Place) -> u64 {
        self.places.get(place as usize).copied().unwrap_or(0)
    }

    /// Requests that failed: no answer, or an error of the server.
    pub fn errors(&self) -> u64 {
        self.endpoints
            .values()
            .map(|endpoint| {
                let server_errors: u64 =
                    endpoint.statuses.range(500..).map(|(_, count)| count).sum();
                endpoint.lost + server_errors
            })
            .sum()
    }

    fn moved(&mut self, from: Place, to: Place) -> Place {
        if from == Place::Away {
            self.counts.arrived += 1;
        } else if let Some(left) = self.places.get_mut(from as usize) {
            *left = left.saturating_sub(1);
        }
        if let Some(entered) = self.places.get_mut(to as usize) {
            *entered += 1;
        }
        to
    }

    fn breach(&mut self, breach: Option<Breach>) {
        let Some(breach) = breach else { return };
        match breach {
            Breach::Passed { .. } if self.line_disturbed => self.counts.passed_after_a_fault += 1,
            Breach::Passed { waiting, inside } => self.violation(format!(
                "number {waiting} was still waiting after number {inside} had been let in"
            )),
            Breach::Crowded { current, threshold } => self.violation(format!(
                "{current} fans were inside at once where {threshold} may be"
            )),
        }
    }

    fn violation(&mut self, text: String) {
        self.counts.violations += 1;
        if self.violations.len() < KEPT_VIOLATIONS {
            self.violations.insert(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use urr_contract::{EventId, Won};
    use uuid::Uuid;

    use super::*;
    use crate::domain::{
        call::{Answer, Receipt},
        milestone::Sighting,
    };

    fn answered(status: u16) -> Outcome {
        Outcome::Answered(Answer {
            status,
            ..Answer::default()
        })
    }

    #[test]
    fn a_fan_is_in_one_place_at_a_time() {
        let mut tally = Tally::default();
        let mut place = Place::Away;
        for next in [
            Place::Browsing,
            Place::Waiting,
            Place::Waiting,
            Place::Inside,
        ] {
            place = tally.count(place, &Milestone::Moved(next));
        }
        assert_eq!(tally.counts.arrived, 1);
        assert_eq!(tally.now_in(Place::Inside), 1);
        let elsewhere = [Place::Browsing, Place::Waiting].map(|place| tally.now_in(place));
        assert_eq!(elsewhere, [0, 0]);
    }

    #[test]
    fn what_is_given_back_is_no_longer_sold() {
        let mut tally = Tally::default();
        let paid = Milestone::Paid {
            places: 2,
            amount: Won(100),
        };
        for milestone in [&paid, &paid, &Milestone::Cancelled { places: 2 }] {
            tally.count(Place::Paying, milestone);
        }
        let counts = tally.counts;
        assert_eq!((counts.paid, counts.sold, counts.revenue), (2, 2, 200));
    }

    #[test]
    fn lost_requests_and_server_errors_are_errors_and_refusals_are_not() {
        let mut tally = Tally::default();
        for outcome in [answered(200), answered(409), answered(503), Outcome::Lost] {
            tally.answered(
                "POST seats/reserve",
                &outcome,
                Duration::ZERO,
                Duration::ZERO,
            );
        }
        assert_eq!(tally.errors(), 2);
    }

    #[test]
    fn being_passed_is_a_violation_unless_the_queue_had_failed() {
        let seen = |number, second, inside| {
            let at = Timestamp::from_second(second).expect("in range");
            Milestone::Sighted(Sighting {
                event: EventId(Uuid::nil()),
                asked_at: at,
                at,
                receipt: Some(Receipt {
                    num: number,
                    epoch: 0,
                }),
                inside,
                punctual: true,
                current_users: None,
                threshold: None,
            })
        };
        for (fails, violations, excused) in [(false, 1, 0), (true, 0, 1)] {
            let mut tally = Tally::default();
            if fails {
                let status = "GET queue/status/{id}";
                tally.answered(status, &answered(503), Duration::ZERO, Duration::ZERO);
            }
            tally.count(Place::Inside, &seen(9, 0, true));
            tally.count(Place::Waiting, &seen(5, 100, false));
            assert_eq!(tally.counts.violations, violations);
            assert_eq!(tally.counts.passed_after_a_fault, excused);
        }
    }

    #[test]
    fn violations_are_kept_up_to_a_number_and_all_counted() {
        let mut tally = Tally::default();
        for number in 0..100 {
            let text = format!("number {number}");
            tally.count(Place::Done, &Milestone::Violation(text));
        }
        assert_eq!(tally.counts.violations, 100);
        assert_eq!(tally.violations.len(), KEPT_VIOLATIONS);
    }
}
