//! Orders to which nothing may be sold any more: captured ones that could not be honoured,
//! and those whose money goes or went back.

use sqlx::PgConnection;
use urr_contract::ReservationId;

/// Records that nothing may be sold to an order; false where that is known already.
pub async fn reject(
    connection: &mut PgConnection,
    order: &str,
    reservation: ReservationId,
    reason: &str,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        r"insert into rejected_orders (order_id, reservation_id, reason) values ($1, $2, $3)
          on conflict (order_id) do nothing",
        order,
        reservation as ReservationId,
        reason,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
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
