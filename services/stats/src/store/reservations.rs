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

/// The money of a reservation went back, in one piece or several.
pub async fn refunded(
    connection: &mut PgConnection,
    reservation: ReservationId,
    fact: &PaymentRefundedV1,
    moment: Moment,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into reservation_facts as known
             (reservation_id, user_id, event_id, refunded_amount, refunded_at, refunded_day)
         values ($1, $2, $3, $4, $5, $6)
         on conflict (reservation_id) do update
             set event_id = coalesce(known.event_id, excluded.event_id),
                 refunded_amount = known.refunded_amount + excluded.refunded_amount,
                 refunded_at = excluded.refunded_at,
                 refunded_day = excluded.refunded_day",
        reservation as ReservationId,
        fact.user_id.0,
        fact.event_id.map(|id| id.0),
        fact.amount.0,
        moment.at.to_sqlx() as _,
        moment.day.to_sqlx() as _,
    )
    .execute(connection)
    .await?;
    Ok(())
}
