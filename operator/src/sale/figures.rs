//! The figures of a sale: who waits, what is sold. Sampled, because a status is no stream.

use jiff::{SignedDuration, Timestamp};
use urr_contract::EventId;
use urr_operator_api::{
    Phase, TicketingEvent,
    status::{LineStatus, SeatsStatus},
};

use super::{Memory, View};
use crate::world::World;

/// Between two samples while people come.
const OFTEN: SignedDuration = SignedDuration::from_secs(30);
/// Between two samples otherwise.
const SELDOM: SignedDuration = SignedDuration::from_mins(5);

/// The last sample.
#[derive(Debug, Default)]
pub(super) struct Figures {
    sampled_at: Option<Timestamp>,
    pub(super) line: Option<LineStatus>,
    pub(super) seats: Option<SeatsStatus>,
}

impl Figures {
    /// When the next sample is due.
    pub(super) fn next(&self, view: &View<'_>) -> Option<Timestamp> {
        self.sampled_at.map(|at| at + interval(view.phase))
    }
}

fn interval(phase: Phase) -> SignedDuration {
    match phase {
        Phase::Lobby | Phase::Open | Phase::SoldOut | Phase::Closed => OFTEN,
        Phase::Planned | Phase::Warming | Phase::Cooling | Phase::Ended => SELDOM,
    }
}

/// Takes a sample, if one is due. A service that cannot be asked leaves the last one.
pub(super) async fn sample(view: &View<'_>, event: EventId, world: &World, memory: &mut Memory) {
    let figures = &mut memory.figures;
    let is_due = |at: Timestamp| view.now < at || view.now >= at + interval(view.phase);
    if !figures.sampled_at.is_none_or(is_due) {
        return;
    }
    figures.sampled_at = Some(view.now);
    let before = view.sale.status.as_ref();
    let line = read_line(view, event, world).await;
    let line_before = before.and_then(|status| status.line.clone());
    figures.line = match line {
        Some(line) => Some(kept(line, line_before)),
        None => line_before,
    };
    let seats = read_seats(view, event, world).await;
    let seats_before = before.and_then(|status| status.seats.clone());
    figures.seats = match seats {
        Some(seats) => {
            let line = figures.line.as_ref();
            let seats = with_quiet(seats, line, seats_before.as_ref(), view.now);
            Some(kept_seats(seats, seats_before))
        }
        None => seats_before,
    };
}

async fn read_line(view: &View<'_>, event: EventId, world: &World) -> Option<LineStatus> {
    let queue = world.peers.queue(&view.namespace, view.now).await.ok()?;
    let line = queue.line(event).await.ok()?;
    let count = |people: u64| i64::try_from(people).unwrap_or(i64::MAX);
    Some(LineStatus {
        waiting: count(line.waiting),
        active: count(line.active),
        admitted: count(line.admitted),
        sampled_at: view.now,
    })
}

async fn read_seats(view: &View<'_>, event: EventId, world: &World) -> Option<SeatsStatus> {
    let ticket = world.peers.ticket(&view.namespace, view.now).await.ok()?;
    let figures = ticket.figures(event).await.ok()?;
    Some(SeatsStatus {
        total: figures.total,
        held: figures.held,
        sold: figures.sold,
        sampled_at: view.now,
        quiet_since: None,
    })
}

/// The sample with the time since when everything is sold and nobody waits or is inside.
fn with_quiet(
    mut seats: SeatsStatus,
    line: Option<&LineStatus>,
    before: Option<&SeatsStatus>,
    now: Timestamp,
) -> SeatsStatus {
    let is_quiet =
        all_sold(&seats) && line.is_some_and(|line| line.waiting == 0 && line.active == 0);
    let since = before.and_then(|before| before.quiet_since).unwrap_or(now);
    seats.quiet_since = is_quiet.then_some(since);
    seats
}

/// The new sample, or the old one where only its time differs: an unchanged status is not
/// written.
fn kept(new: LineStatus, before: Option<LineStatus>) -> LineStatus {
    let numbers = |line: &LineStatus| (line.waiting, line.active, line.admitted);
    before
        .filter(|before| numbers(before) == numbers(&new))
        .unwrap_or(new)
}

fn kept_seats(new: SeatsStatus, before: Option<SeatsStatus>) -> SeatsStatus {
    let numbers = |seats: &SeatsStatus| (seats.total, seats.held, seats.sold, seats.quiet_since);
    before
        .filter(|before| numbers(before) == numbers(&new))
        .unwrap_or(new)
}

/// Whether nothing is left, as the status says.
pub(super) fn is_sold_out(sale: &TicketingEvent) -> bool {
    let seats = sale
        .status
        .as_ref()
        .and_then(|status| status.seats.as_ref());
    seats.is_some_and(all_sold)
}

fn all_sold(seats: &SeatsStatus) -> bool {
    seats.total > 0 && seats.held == 0 && seats.sold >= seats.total
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_804_849_200 + seconds).expect("a time")
    }

    fn seats(held: i64, sold: i64, seconds: i64) -> SeatsStatus {
        SeatsStatus {
            total: 10,
            held,
            sold,
            sampled_at: at(seconds),
            quiet_since: None,
        }
    }

    fn line(waiting: i64, seconds: i64) -> LineStatus {
        LineStatus {
            waiting,
            active: 0,
            admitted: 10,
            sampled_at: at(seconds),
        }
    }

    #[test]
    fn quiet_is_when_all_is_sold_and_nobody_waits() {
        let quiet = |seats, line: &LineStatus, before: Option<&SeatsStatus>| {
            with_quiet(seats, Some(line), before, at(60)).quiet_since
        };
        assert_eq!(quiet(seats(0, 10, 60), &line(0, 60), None), Some(at(60)));
        assert_eq!(quiet(seats(0, 10, 60), &line(3, 60), None), None);
        assert_eq!(quiet(seats(1, 9, 60), &line(0, 60), None), None);
        let mut before = seats(0, 10, 30);
        before.quiet_since = Some(at(30));
        assert_eq!(
            quiet(seats(0, 10, 60), &line(0, 60), Some(&before)),
            Some(at(30))
        );
        // A place came back.
        assert_eq!(quiet(seats(0, 9, 60), &line(0, 60), Some(&before)), None);
    }

    #[test]
    fn an_unchanged_sample_keeps_its_time() {
        assert_eq!(kept(line(3, 60), Some(line(3, 30))).sampled_at, at(30));
        assert_eq!(kept(line(4, 60), Some(line(3, 30))).sampled_at, at(60));
        assert_eq!(
            kept_seats(seats(0, 1, 60), Some(seats(0, 1, 30))).sampled_at,
            at(30)
        );
    }
}
