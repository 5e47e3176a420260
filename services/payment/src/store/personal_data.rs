//! What payment holds about one person. Payments, refunds and the ledger are kept for five
//! years, as the law on e-commerce wants; what the person wrote in them is not.

use serde_json::Value;
use sqlx::PgExecutor;
use urr_contract::UserId;

/// Stands where a reason was that its writer had erased.
const ERASED_REASON: &str = "erased";

/// All payments of a person with their refunds, oldest first.
pub(crate) async fn all(executor: impl PgExecutor<'_>, user: UserId) -> sqlx::Result<Value> {
    sqlx::query_scalar!(
        r#"select jsonb_build_object('payments', coalesce(jsonb_agg(jsonb_build_object(
               'id', p.id, 'orderId', p.order_id, 'paymentType', p.payment_type,
               'reservationId', p.reservation_id, 'referenceId', p.reference_id, 'eventId', p.event_id,
               'orderName', p.order_name, 'amount', p.amount, 'status', p.status, 'method', p.method,
               'paymentKey', p.payment_key, 'failureMessage', p.failure_message,
               'createdAt', p.created_at, 'capturedAt', p.captured_at, 'refundedAt', p.refunded_at,
               'refund', (select jsonb_build_object('amount', r.amount, 'reason', r.reason, 'status', r.status,
                                                    'requestedAt', r.requested_at, 'completedAt', r.completed_at)
                            from refunds r where r.payment_id = p.id)
           ) order by p.created_at, p.id), '[]')) as "data!"
           from payments p where p.user_id = $1"#,
        user as UserId
    )
    .fetch_one(executor)
    .await
}

/// Payments that are not at their end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Open {
    /// May be paid now.
    pub(crate) pending: i64,
    /// Whether money moved is not known yet.
    pub(crate) in_doubt: i64,
    /// The money is on its way back.
    pub(crate) refunding: i64,
}

/// How many payments of a person are not at their end.
pub(crate) async fn open(executor: impl PgExecutor<'_>, user: UserId) -> sqlx::Result<Open> {
    sqlx::query_as!(
        Open,
        r#"select count(*) filter (where status = 'pending' and expires_at > now()) as "pending!",
                  count(*) filter (where status = 'confirming') as "in_doubt!",
                  count(*) filter (where status = 'refunding') as "refunding!"
           from payments where user_id = $1"#,
        user as UserId
    )
    .fetch_one(executor)
    .await
}

/// Erases the words that the person wrote; returns how many rows had some.
pub(crate) async fn erase(executor: impl PgExecutor<'_>, user: UserId) -> sqlx::Result<u64> {
    sqlx::query_scalar!(
        r#"with emptied as (
               update payments set refund_reason = $2
               where user_id = $1 and refund_reason is distinct from $2 and refund_reason is not null
               returning id
           ), owed as (
               update refunds set reason = $2
               from payments where payments.id = refunds.payment_id and payments.user_id = $1
                and refunds.reason <> $2 and refunds.status = 'completed'
               returning refunds.id
           )
           select (select count(*) from emptied) + (select count(*) from owed) as "rows!""#,
        user as UserId,
        ERASED_REASON,
    )
    .fetch_one(executor)
    .await
    .map(i64::unsigned_abs)
}
