//! A captured order: PAYING → SOLD, or the seat taken again where the hold has ended and the
//! seat is still free, or a rejection that makes payment give the money back. Never neither.

use anyhow::Context;
use sqlx::{Connection, PgConnection};
use urr_contract::{ReservationId, SeatId, TicketTypeId, UserId, Won};
use urr_kit::outbox;

use crate::{
    domain::reservation::{Confirm, Stage},
    facts::published,
    membership::points,
    store::{
        events, items, orders, people, reservations, reservations::Locked, seats, stock, tickets,
    },
};

/// An order whose money was taken.
#[derive(Clone, Debug)]
pub struct Captured {
    /// The order.
    pub order: String,
    /// Who paid.
    pub user: UserId,
    /// Won taken.
    pub amount: Won,
    /// How it was paid.
    pub method: String,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirmed {
    /// Sold now.
    Sold,
    /// Sold to this order before.
    Before,
    /// Cannot be honoured; the fact that says so has been appended, now or before.
    Rejected,
    /// There is no such reservation.
    Unknown,
}

/// Honours a captured order in the caller's transaction. Idempotent by order.
pub async fn confirm(
    connection: &mut PgConnection,
    id: ReservationId,
    captured: &Captured,
) -> anyhow::Result<Confirmed> {
    let Some(locked) = reservations::lock(connection, id).await? else {
        return Ok(Confirmed::Unknown);
    };
    let decision = locked
        .row
        .confirm(&captured.order, captured.user, captured.amount);
    if decision == Confirm::AlreadySold {
        return Ok(Confirmed::Before);
    }
    if orders::rejection(connection, &captured.order)
        .await?
        .is_some()
    {
        return Ok(Confirmed::Rejected);
    }
    let honoured = match decision {
        Confirm::Reject(reason) => Err(reason),
        Confirm::Retake => retake(connection, &locked).await?,
        Confirm::Sell | Confirm::AlreadySold => Ok(()),
    };
    match honoured {
        Ok(()) => sell(connection, &locked, captured).await,
        Err(reason) => {
            let (order, payer) = (&captured.order, captured.user);
            reject(connection, &locked, order, payer, reason).await?;
            Ok(Confirmed::Rejected)
        }
    }
}

/// Sells what the reservation holds. Every one of its seats must still carry its token.
async fn sell(
    connection: &mut PgConnection,
    locked: &Locked,
    captured: &Captured,
) -> anyhow::Result<Confirmed> {
    let id = locked.row.id;
    let expected = items::live_seats(connection, id).await?;
    let sold = seats::sell(connection, id).await?;
    // The index of live lines makes this impossible; if it happens, nothing may be sold.
    anyhow::ensure!(
        sold == expected,
        "{sold} of {expected} seats of reservation {id} carry its tokens"
    );
    reservations::set_sold(connection, id, &captured.order, &captured.method).await?;
    tickets::issue(connection, id).await?;
    outbox::append(connection, &published::confirmed(locked, &captured.method)).await?;
    points::for_purchase(connection, locked).await?;
    Ok(Confirmed::Sold)
}

/// Records that an order, which `payer` has paid, cannot be honoured, and tells payment once.
pub(crate) async fn reject(
    connection: &mut PgConnection,
    locked: &Locked,
    order: &str,
    payer: UserId,
    reason: &str,
) -> anyhow::Result<()> {
    let id = locked.row.id;
    if orders::reject(connection, order, id, reason).await? {
        let ended = matches!(locked.row.stage, Stage::Expired | Stage::Cancelled);
        if ended && locked.row.sold_order.is_none() {
            reservations::set_payment_status(connection, id, "refund_requested").await?;
        }
        let fact = published::rejected(locked, order, payer, reason);
        outbox::append(connection, &fact).await?;
    }
    Ok(())
}

/// Takes everything an ended reservation had, all or nothing. `Err` says why it cannot.
async fn retake(
    connection: &mut PgConnection,
    locked: &Locked,
) -> anyhow::Result<Result<(), &'static str>> {
    let mut savepoint = connection.begin().await?;
    let taken = retake_all(&mut savepoint, locked).await?;
    if taken.is_ok() {
        savepoint.commit().await?;
    } else {
        savepoint.rollback().await?;
    }
    Ok(taken)
}

async fn retake_all(
    connection: &mut PgConnection,
    locked: &Locked,
) -> anyhow::Result<Result<(), &'static str>> {
    let Some(event) = locked.row.event else {
        return Ok(Err("Event was deleted"));
    };
    let terms = events::terms(connection, event)
        .await?
        .context("the event of a reservation is missing")?;
    if terms.dates.cancelled {
        return Ok(Err("Event was cancelled"));
    }
    let lines = items::of_reservation(connection, locked.row.id).await?;
    let wanted: Vec<SeatId> = lines.iter().filter_map(|line| line.seat).collect();
    seats::lock(connection, event, &wanted).await?;
    let taken = seats::take(connection, &wanted, locked.row.user).await?;
    if taken.len() != wanted.len() {
        return Ok(Err("Seat was sold to somebody else in the meantime"));
    }
    let has = people::lock_and_count(connection, event, locked.row.user).await?;
    if has + locked.row.quantity > terms.max_per_person {
        return Ok(Err("Person has as many tickets as allowed"));
    }
    let places: Vec<(TicketTypeId, i32)> = lines
        .iter()
        .filter_map(|line| Some((line.ticket_type?, line.quantity)))
        .collect();
    if taken.is_empty() && places.is_empty() {
        return Ok(Err("Seats were deleted"));
    }
    for (ticket_type, quantity) in places {
        if !stock::take(connection, ticket_type, quantity).await? {
            return Ok(Err("Tickets were sold out in the meantime"));
        }
    }
    items::revive(connection, locked.row.id, &taken).await?;
    Ok(Ok(()))
}
