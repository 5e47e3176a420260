//! The end of a live reservation, whoever and whatever brings it about.

use sqlx::{PgConnection, Postgres, Transaction};
use urr_contract::{Fact, SeatId};
use urr_kit::outbox;

use crate::{
    State,
    domain::reservation::Stage,
    facts::published,
    membership::points,
    store::{items, reservations, reservations::Locked, seats, stock, tickets, transfers},
};

/// How a reservation ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Its time was over.
    Expired,
    /// Its owner, an organiser or a refund ended it.
    Cancelled,
}

/// Ends a live reservation that the transaction has locked, and commits. `payment_status` is
/// what it says of its money from then on, `reason` stands in the fact.
pub(super) async fn end(
    state: &State,
    mut transaction: Transaction<'_, Postgres>,
    locked: &Locked,
    how: End,
    payment_status: &str,
    reason: &str,
) -> anyhow::Result<()> {
    let seats = release(&mut transaction, locked, how, payment_status, reason).await?;
    transaction.commit().await?;
    match how {
        End::Expired => state.metrics.expired.inc(),
        End::Cancelled => state.metrics.cancelled.inc(),
    };
    // Only now: whoever gets past the locks must find the seats free.
    if let Some(event) = locked.row.event {
        state.locks.release(event, &seats, locked.row.id).await;
    }
    Ok(())
}

/// Lets go of its lines, gives back what they held, withdraws it from sale, voids its tickets,
/// takes back the points of its purchase, and appends the fact. Returns the seats that are
/// free now.
async fn release(
    connection: &mut PgConnection,
    locked: &Locked,
    how: End,
    payment_status: &str,
    reason: &str,
) -> anyhow::Result<Vec<SeatId>> {
    let id = locked.row.id;
    transfers::cancel_of(connection, id).await?;
    let lines = items::let_go(connection, id).await?;
    let free: Vec<SeatId> = lines.iter().filter_map(|line| line.seat).collect();
    seats::free(connection, &free).await?;
    for line in &lines {
        if let Some(ticket_type) = line.ticket_type {
            stock::give_back(connection, ticket_type, line.quantity).await?;
        }
    }
    if locked.row.stage == Stage::Sold {
        tickets::void(connection, id).await?;
        points::take_back(connection, id).await?;
    }
    let (status, fact): (_, fn(_) -> Fact) = match how {
        End::Expired => ("expired", Fact::ReservationExpired),
        End::Cancelled => ("cancelled", Fact::ReservationCancelled),
    };
    reservations::set_ended(connection, id, status, payment_status).await?;
    outbox::append(connection, &fact(published::ended(locked, reason))).await?;
    Ok(free)
}
