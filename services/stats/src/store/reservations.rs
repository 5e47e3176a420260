//! Rows of reservations.

use jiff_sqlx::ToSqlx;
use sqlx::PgConnection;
use urr_contract::{
    ReservationId,
    facts::{PaymentRefundedV1, ReservationConfirmedV1, ReservationCreatedV1, ReservationEndedV1},
};

use crate::facts::Moment;

/// How a reservation ended without being used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// By its owner or an organiser.
    Cancelled,
    /// Paid, but impossible to honour.
    Rejected,
    /// Unpaid at its time.
    Expired,
}

/// A hold was taken.
pub async fn created(
    connection: &mut PgConnection,
    fact: &ReservationCreatedV1,
    moment: Moment,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into reservation_facts as known
             (reservation_id, user_id, event_id, quantity, created_at, created_day)
         values ($1, $2, $3, $4, $5, $6)
         on conflict (reservation_id) do update
             set event_id = coalesce(known.event_id, excluded.event_id),
                 quantity = greatest(known.quantity, excluded.quantity),
                 created_at = excluded.created_at,
                 created_day = excluded.created_day",
        fact.reservation_id as ReservationId,
        fact.user_id.0,
        fact.event_id.map(|id| id.0),
        fact.quantity,
        moment.at.to_sqlx() as _,
        moment.day.to_sqlx() as _,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// A reservation was paid.
pub async fn confirmed(
    connection: &mut PgConnection,
    fact: &ReservationConfirmedV1,
    moment: Moment,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into reservation_facts as known
             (reservation_id, user_id, event_id, quantity, confirmed_amount, confirmed_at, confirmed_day)
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (reservation_id) do update
             set event_id = coalesce(known.event_id, excluded.event_id),
                 quantity = greatest(known.quantity, excluded.quantity),
                 confirmed_amount = excluded.confirmed_amount,
                 confirmed_at = excluded.confirmed_at,
                 confirmed_day = excluded.confirmed_day",
        fact.reservation_id as ReservationId,
        fact.user_id.0,
        fact.event_id.map(|id| id.0),
        fact.quantity,
        fact.total_amount.0,
        moment.at.to_sqlx() as _,
        moment.day.to_sqlx() as _,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// A reservation ended.
pub async fn ended(
    connection: &mut PgConnection,
    ending: Ending,
    fact: &ReservationEndedV1,
    moment: Moment,
) -> sqlx::Result<()> {
    ensure_row(connection, fact).await?;
    if let (Ending::Rejected, Some(order)) = (ending, &fact.order_id) {
        forget_refund_of(connection, fact.reservation_id, order).await?;
    }
    let (id, at, day) = (
        fact.reservation_id.0,
        moment.at.to_sqlx(),
        moment.day.to_sqlx(),
    );
    match ending {
        Ending::Cancelled => {
            sqlx::query!(
                "update reservation_facts set cancelled_at = $2, cancelled_day = $3
                 where reservation_id = $1",
                id,
                at as _,
                day as _,
            )
            .execute(connection)
            .await?
        }
        Ending::Rejected => {
            sqlx::query!(
                "update reservation_facts set rejected_at = $2, rejected_day = $3
                 where reservation_id = $1",
                id,
                at as _,
                day as _,
            )
            .execute(connection)
            .await?
        }
        Ending::Expired => {
            sqlx::query!(
                "update reservation_facts set expired_at = $2, expired_day = $3
                 where reservation_id = $1",
                id,
                at as _,
                day as _,
            )
            .execute(connection)
            .await?
        }
    };
    Ok(())
}

async fn ensure_row(connection: &mut PgConnection, fact: &ReservationEndedV1) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into reservation_facts as known (reservation_id, user_id, event_id, quantity)
         values ($1, $2, $3, $4)
         on conflict (reservation_id) do update
             set event_id = coalesce(known.event_id, excluded.event_id),
                 quantity = greatest(known.quantity, excluded.quantity)",
        fact.reservation_id as ReservationId,
        fact.user_id.0,
        fact.event_id.map(|id| id.0),
        fact.quantity,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The money of a reservation went back, in one piece or several. That of an order which
/// could not be honoured had never counted as the reservation's.
pub async fn refunded(
    connection: &mut PgConnection,
    reservation: ReservationId,
    fact: &PaymentRefundedV1,
    moment: Moment,
) -> sqlx::Result<()> {
    // Locks the row, so that the refund and the rejection of one order see each other.
    sqlx::query!(
        "insert into reservation_facts as known (reservation_id, user_id, event_id)
         values ($1, $2, $3)
         on conflict (reservation_id) do update
             set event_id = coalesce(known.event_id, excluded.event_id)",
        reservation as ReservationId,
        fact.user_id.0,
        fact.event_id.map(|id| id.0),
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "update reservation_facts
         set refunded_amount = $3 + case when refunded_order_id = $2 then refunded_amount else 0 end,
             refunded_order_id = $2, refunded_at = $4, refunded_day = $5
         where reservation_id = $1
           and not exists (select from rejected_orders where order_id = $2)",
        reservation as ReservationId,
        fact.order_id,
        fact.amount.0,
        moment.at.to_sqlx() as _,
        moment.day.to_sqlx() as _,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Remembers that the order was not honoured, and forgets its refund where that was heard of
/// first. The reservation's row must be locked.
async fn forget_refund_of(
    connection: &mut PgConnection,
    reservation: ReservationId,
    order: &str,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into rejected_orders (order_id) values ($1) on conflict do nothing",
        order,
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "update reservation_facts
         set refunded_amount = 0, refunded_order_id = null, refunded_at = null, refunded_day = null
         where reservation_id = $1 and refunded_order_id = $2",
        reservation as ReservationId,
        order,
    )
    .execute(connection)
    .await?;
    Ok(())
}
