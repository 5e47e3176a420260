//! The line: joining, polling exactly as told, and being let in.

use std::time::Duration;

use jiff::Timestamp;
use rand::RngExt;

use super::{Action, Fan, Step, Visit, browsing::ok_body, later, receipt, until};
use crate::domain::{
    call::{Answer, LineAnswer},
    milestone::{Cause, Ending, Milestone, Place, Sighting},
};

/// Interval of the polls where none is told, as the web client has it.
const DEFAULT_POLL_SECONDS: f64 = 3.0;
/// Bounds of the interval, as the web client has them.
const POLL_SECONDS: std::ops::RangeInclusive<f64> = 1.0..=60.0;
/// A fan is present for two told intervals and this much more.
const PRESENCE_MARGIN: Duration = Duration::from_secs(10);

/// A fan's stay with the queue of its event.
#[derive(Debug, Default)]
pub(super) struct Stay {
    joined_at: Option<Timestamp>,
    admitted: bool,
    position: Option<u64>,
    polls: u32,
    /// When the last answered request was sent, and the interval then told.
    last: Option<(Timestamp, Duration)>,
    /// Whether a poll ever came too late to count as present.
    missed: bool,
}

impl Fan {
    pub(super) fn on_line(
        &mut self,
        now: Timestamp,
        visit: Visit,
        joining: bool,
        answer: &Answer,
    ) -> Step {
        if answer.status == 409 && answer.refusal().code == "SOLD_OUT" {
            return self.end(Ending::SoldOut);
        }
        let Some(line) = ok_body::<LineAnswer>(answer) else {
            return self.refused(answer);
        };
        if self.line.joined_at.is_none() {
            self.line.joined_at = Some(now);
            self.note(Milestone::Joined);
        }
        let told = interval(&line);
        self.sight(now, visit, &line, told);
        match line.status.as_str() {
            _ if line.sale_status == "sold_out" => self.leave(now, visit, Ending::SoldOut),
            "active" => self.on_admitted(now, visit, &line, told),
            "queued" => self.on_queued(now, visit, &line, told),
            "not_in_queue" => self.on_forgotten(now, visit, joining, told),
            _ => self.refused(answer),
        }
    }

    fn on_queued(
        &mut self,
        now: Timestamp,
        visit: Visit,
        line: &LineAnswer,
        told: Duration,
    ) -> Step {
        self.note(Milestone::Moved(Place::Waiting));
        if let (Some(before), Some(position)) = (self.line.position, line.position)
            && position > before
        {
            self.note(Milestone::PositionGrew);
        }
        self.line.position = line.position;
        self.line.polls += 1;
        if self.habits.drops_out_at == Some(self.line.polls) {
            return self.drop_out(now, visit);
        }
        self.poll_again(now, visit, told, Action::Poll(visit))
    }

    fn on_admitted(
        &mut self,
        now: Timestamp,
        visit: Visit,
        line: &LineAnswer,
        told: Duration,
    ) -> Step {
        if line.entry_token.as_deref().is_none_or(str::is_empty) {
            self.violation("was let in without an entry token");
        }
        if !self.line.admitted {
            self.line.admitted = true;
            let waited = until(self.line.joined_at.unwrap_or(now), now);
            self.note(Milestone::Admitted(waited));
        }
        self.note(Milestone::Moved(Place::Inside));
        self.note(Milestone::Inside {
            fan: self.number,
            event: visit.event,
            at: now,
        });
        if self.rules.idle_polls {
            return self.poll_again(now, visit, told, Action::Beat(visit));
        }
        self.think(shop(visit))
    }

    /// The queue does not know the fan, who had joined: joins again.
    fn on_forgotten(
        &mut self,
        now: Timestamp,
        visit: Visit,
        joining: bool,
        told: Duration,
    ) -> Step {
        if joining {
            return self.fail(Cause::Unreadable("POST queue/check/{id}"));
        }
        self.note(Milestone::LostPlace);
        self.line.position = None;
        self.poll_again(now, visit, told, Action::Join(visit))
    }

    /// Does `action` at the time told, or leaves when patience ends before.
    fn poll_again(&mut self, now: Timestamp, visit: Visit, told: Duration, action: Action) -> Step {
        let left = until(now, self.deadline);
        if told <= left {
            return self.after(told, action);
        }
        let ending = if self.rules.idle_polls {
            Ending::Idled
        } else {
            Ending::Failed(Cause::WaitedTooLong)
        };
        self.deadline = later(self.deadline, PRESENCE_MARGIN);
        self.after(left, Action::Leave(visit.event, ending))
    }

    pub(super) fn on_beat(&mut self, now: Timestamp, visit: Visit) -> Step {
        self.go(now, Action::Poll(visit))
    }

    /// Half of those who leave the line say so, the others close the page.
    fn drop_out(&mut self, now: Timestamp, visit: Visit) -> Step {
        if self.rng.random() {
            self.leave(now, visit, Ending::DroppedOut)
        } else {
            self.end(Ending::DroppedOut)
        }
    }

    /// Leaves the queue, and so gives a slot inside back.
    pub(super) fn leave(&mut self, now: Timestamp, visit: Visit, ending: Ending) -> Step {
        self.go(now, Action::Leave(visit.event, ending))
    }

    /// Goes back to the queue: the entry token was refused.
    pub(super) fn line_up_again(&mut self, now: Timestamp, visit: Visit) -> Step {
        self.line.position = None;
        self.go(now, Action::Join(visit))
    }

    fn sight(&mut self, now: Timestamp, visit: Visit, line: &LineAnswer, told: Duration) {
        if let Some((sent_at, interval)) = self.line.last {
            let present_until = later(sent_at, interval.saturating_mul(2) + PRESENCE_MARGIN);
            self.line.missed |= now > present_until;
        }
        self.line.last = Some((self.sent_at, told));
        self.note(Milestone::Sighted(Sighting {
            event: visit.event,
            asked_at: self.sent_at,
            at: now,
            receipt: receipt(line.receipt.as_deref()),
            inside: line.status == "active",
            punctual: !self.line.missed,
            current_users: line.current_users,
            threshold: line.threshold,
        }));
    }
}

/// What a fan does first once it is inside.
pub(super) fn shop(visit: Visit) -> Action {
    if visit.seated {
        Action::Map(visit)
    } else {
        Action::Stock(visit)
    }
}

/// The interval told, within the web client's bounds.
fn interval(line: &LineAnswer) -> Duration {
    let seconds = line
        .next_poll
        .filter(|seconds| seconds.is_finite())
        .unwrap_or(DEFAULT_POLL_SECONDS);
    Duration::from_secs_f64(seconds.clamp(*POLL_SECONDS.start(), *POLL_SECONDS.end()))
}
