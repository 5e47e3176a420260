//! Orders to which nothing may be sold any more: captured ones that could not be honoured,
//! and those whose money goes or went back.

use sqlx::{PgConnection, PgExecutor};
use urr_contract::{ReservationId, internal::OwedOrder};

/// Records that nothing may be sold to a captured order, whose money is owed back from now on;
/// false where that is known already.
pub async fn reject(
    connection: &mut PgConnection,
    order: &str,
    reservation: ReservationId,
    reason: &str,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        r"insert into rejected_orders (order_id, reservation_id, reason, owed_since) values ($1, $2, $3, now())
          on conflict (order_id) do nothing",
        order,
        reservation as ReservationId,
        reason,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Records that the money of an order went back: nothing may be sold to it, and nothing is owed.
pub async fn returned(
    connection: &mut PgConnection,
    order: &str,
    reservation: ReservationId,
    reason: &str,
) -> sqlx::Result<()> {
    sqlx::query!(
        r"insert into rejected_orders (order_id, reservation_id, reason) values ($1, $2, $3)
          on conflict (order_id) do update set owed_since = null",
        order,
        reservation as ReservationId,
        reason,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Orders after `after` whose money has been owed back for longer than `seconds`, in the
/// order of their ids: what a fact told payment long ago.
pub async fn owed_back(
    executor: impl PgExecutor<'_>,
    seconds: f64,
    after: &str,
    limit: i64,
) -> sqlx::Result<Vec<OwedOrder>> {
    sqlx::query_as!(
        OwedOrder,
        r#"select order_id as "order_id!", reason as "reason!" from (
               select coalesce(owner_order_id, sold_order_id) as order_id, 'Reservation cancelled' as reason
               from reservations
               where payment_status = 'refund_requested' and updated_at < now() - make_interval(secs => $1)
               union
               select order_id, reason from rejected_orders
               where owed_since < now() - make_interval(secs => $1)
               union
               select order_id, reason from returned_membership_orders
               where owed_since < now() - make_interval(secs => $1)
           ) owed
           where order_id collate "C" > $2 order by order_id collate "C" limit $3"#,
        seconds,
        after,
        limit,
    )
    .fetch_all(executor)
    .await
}

/// Why an order was rejected, if it was.
pub async fn rejection(connection: &mut PgConnection, order: &str) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!(
        "select reason from rejected_orders where order_id = $1",
        order
    )
    .fetch_optional(connection)
    .await
}
