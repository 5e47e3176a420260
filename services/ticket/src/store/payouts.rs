//! What sellers of resold tickets are owed, and were given.

use serde::Serialize;
use sqlx::{PgConnection, PgPool};
use urr_contract::{ReservationId, TransferId, UserId, Won};
use utoipa::ToSchema;

use crate::domain::stamp::Stamp;

/// A payout, as administrators see it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Payout)]
pub struct PayoutRow {
    /// The resale that it is for.
    pub transfer_id: TransferId,
    /// The ticket that was sold.
    pub reservation_id: ReservationId,
    /// Number of that reservation, for people.
    pub reservation_number: String,
    /// Who sold.
    pub seller_id: UserId,
    /// Face value in won; the fee is the house's.
    pub amount: Won,
    /// When the ticket changed hands.
    pub recorded_at: Stamp,
    /// When the seller was paid; null where they are still owed.
    pub paid_at: Option<Stamp>,
    /// Which administrator said so.
    pub paid_by: Option<UserId>,
    /// How the money was sent.
    pub paid_reference: Option<String>,
}

/// Which payouts are asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter {
    /// Only paid ones, or only those still owed.
    pub paid: Option<bool>,
    /// Only of this seller.
    pub seller: Option<UserId>,
}

/// How many payouts there are, and what they come to.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Sum {
    /// How many.
    pub count: i64,
    /// Won in all.
    pub amount: Won,
}

/// Payouts, the oldest first, and the sum of all of them.
pub async fn list(
    pool: &PgPool,
    filter: Filter,
    limit: i64,
    offset: i64,
) -> sqlx::Result<(Vec<PayoutRow>, Sum)> {
    let sum = sqlx::query_as!(
        Sum,
        r#"select count(*) as "count!", coalesce(sum(amount), 0)::bigint as "amount!: Won" from seller_payouts
           where ($1::boolean is null or (paid_at is not null) = $1) and ($2::uuid is null or seller_id = $2)"#,
        filter.paid,
        filter.seller as Option<UserId>,
    )
    .fetch_one(pool)
    .await?;
    let rows = sqlx::query_as!(
        PayoutRow,
        r#"select p.transfer_id as "transfer_id!: TransferId", t.reservation_id as "reservation_id!: ReservationId",
                  r.reservation_number, p.seller_id as "seller_id!: UserId", p.amount as "amount!: Won",
                  p.recorded_at as "recorded_at!: Stamp", p.paid_at as "paid_at: Stamp",
                  p.paid_by as "paid_by: UserId", p.paid_reference
           from seller_payouts p
           join ticket_transfers t on t.id = p.transfer_id join reservations r on r.id = t.reservation_id
           where ($1::boolean is null or (p.paid_at is not null) = $1) and ($2::uuid is null or p.seller_id = $2)
           order by p.recorded_at, p.transfer_id limit $3 offset $4"#,
        filter.paid,
        filter.seller as Option<UserId>,
        limit,
        offset,
    )
    .fetch_all(pool)
    .await?;
    Ok((rows, sum))
}

/// The payout of a resale.
pub async fn find(
    connection: &mut PgConnection,
    id: TransferId,
) -> sqlx::Result<Option<PayoutRow>> {
    sqlx::query_as!(
        PayoutRow,
        r#"select p.transfer_id as "transfer_id!: TransferId", t.reservation_id as "reservation_id!: ReservationId",
                  r.reservation_number, p.seller_id as "seller_id!: UserId", p.amount as "amount!: Won",
                  p.recorded_at as "recorded_at!: Stamp", p.paid_at as "paid_at: Stamp",
                  p.paid_by as "paid_by: UserId", p.paid_reference
           from seller_payouts p
           join ticket_transfers t on t.id = p.transfer_id join reservations r on r.id = t.reservation_id
           where p.transfer_id = $1"#,
        id as TransferId,
    )
    .fetch_optional(connection)
    .await
}

/// Writes down that a seller was paid; false where that is known already.
pub async fn mark_paid(
    connection: &mut PgConnection,
    id: TransferId,
    admin: UserId,
    reference: &str,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update seller_payouts set paid_at = now(), paid_by = $2, paid_reference = $3
         where transfer_id = $1 and paid_at is null",
        id as TransferId,
        admin as UserId,
        reference,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}
