//! The acts of a reservation's life: hold, pay, confirm, cancel, refund, expire. Each asks
//! `domain` what shall happen and writes it in one transaction, with the fact that tells
//! the others.

pub mod administer;
pub mod answer;
pub mod call_off;
pub mod cancel;
pub mod confirm;
pub mod expire;
pub mod pay;
pub mod reconcile;
pub mod seats;
pub mod standing;
mod terms;

use sqlx::PgConnection;
use urr_contract::{Fact, SeatId};
use urr_kit::outbox;

use crate::{
    domain::reservation::Stage,
    facts::published,
    membership::points,
    store::{
        items, reservations, reservations::Locked, seats as seat_rows, stock, tickets, transfers,
    },
};

/// How a reservation ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Its time was over.
    Expired,
    /// Its owner, an organiser or a refund ended it.
    Cancelled,
}

/// Ends a live reservation: lets go of its lines, gives back what they held, withdraws it
/// from sale, voids its tickets, takes back the points of its purchase, and appends the fact. Returns the seats that are free now.
async fn release(
    connection: &mut PgConnection,
    locked: &Locked,
    end: End,
    payment_status: &str,
    reason: &str,
) -> anyhow::Result<Vec<SeatId>> {
    let id = locked.row.id;
    transfers::cancel_of(connection, id).await?;
    let lines = items::let_go(connection, id).await?;
    let seats: Vec<SeatId> = lines.iter().filter_map(|line| line.seat).collect();
    seat_rows::free(connection, &seats).await?;
    for line in &lines {
        if let Some(ticket_type) = line.ticket_type {
            stock::give_back(connection, ticket_type, line.quantity).await?;
        }
    }
    let (status, fact): (_, fn(_) -> Fact) = match end {
        End::Expired => ("expired", Fact::ReservationExpired),
        End::Cancelled => ("cancelled", Fact::ReservationCancelled),
    };
    if locked.row.stage == Stage::Sold {
        tickets::void(connection, id).await?;
        points::take_back(connection, id).await?;
    }
    reservations::set_ended(connection, id, status, payment_status).await?;
    outbox::append(connection, &fact(published::ended(locked, reason))).await?;
    Ok(seats)
}
