//! Money owed back. One refund a payment; a claim keeps two workers from one refund.

use sqlx::{PgConnection, PgExecutor};
use urr_contract::{PaymentId, Won};
use uuid::Uuid;

use crate::domain::order::Order;

/// A refund to carry out.
#[derive(Clone, Debug)]
pub(crate) struct Refund {
    pub(crate) id: Uuid,
    pub(crate) order_id: String,
    pub(crate) reason: String,
    pub(crate) refusals: i32,
    pub(crate) attempts: i32,
}

/// Asks for an order's money to go back. Asked again, it changes nothing.
pub(crate) async fn request(
    connection: &mut PgConnection,
    order: &Order,
    reason: &str,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into refunds (payment_id, amount, reason) values ($1, $2, $3)
         on conflict on constraint refunds_one_per_payment do nothing",
        order.id as PaymentId,
        order.amount as Won,
        reason,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Claims refunds that are due for half a minute: of one order, or of any.
pub(crate) async fn claim(
    executor: impl PgExecutor<'_>,
    order_id: Option<&str>,
    limit: i64,
) -> sqlx::Result<Vec<Refund>> {
    sqlx::query_as!(
        Refund,
        "update refunds set attempts = attempts + 1, next_attempt_at = now() + interval '30 seconds'
         from payments
         where payments.id = refunds.payment_id and refunds.id = any(array(
             select due.id from refunds due join payments owner on owner.id = due.payment_id
             where due.status = 'requested' and due.next_attempt_at <= now()
               and ($1::text is null or owner.order_id = $1)
             order by due.next_attempt_at limit $2 for update of due skip locked))
         returning refunds.id, payments.order_id, refunds.reason, refunds.refusals, refunds.attempts",
        order_id,
        limit,
    )
    .fetch_all(executor)
    .await
}

/// Notes that it did not succeed. `refused` where the provider answered, so that the next try
/// is a new request to it and not a repeat.
pub(crate) async fn not_yet(
    executor: impl PgExecutor<'_>,
    refund: &Refund,
    error: &str,
    refused: bool,
    seconds: f64,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update refunds
         set last_error = $2, refusals = refusals + $3, next_attempt_at = now() + make_interval(secs => $4)
         where id = $1 and status = 'requested'",
        refund.id,
        error,
        i32::from(refused),
        seconds,
    )
    .execute(executor)
    .await?;
    Ok(())
}

/// Notes that the money went back.
pub(crate) async fn complete(
    connection: &mut PgConnection,
    payment: PaymentId,
    transaction_key: Option<&str>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update refunds set status = 'completed', completed_at = now(), transaction_key = $2
         where payment_id = $1 and status = 'requested'",
        payment as PaymentId,
        transaction_key,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Why a payment's money goes back.
pub(crate) async fn reason(
    connection: &mut PgConnection,
    payment: PaymentId,
) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!(
        "select reason from refunds where payment_id = $1",
        payment as PaymentId
    )
    .fetch_optional(connection)
    .await
}
