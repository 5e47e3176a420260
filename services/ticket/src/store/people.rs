//! How many tickets one person has of one event.

use sqlx::PgConnection;
use urr_contract::{EventId, UserId};

/// Locks the person's row of the event until the transaction ends, and returns how many
/// live tickets the person has. Two statements: the second must see what was committed
/// while the first waited.
pub async fn lock_and_count(
    connection: &mut PgConnection,
    event: EventId,
    user: UserId,
) -> sqlx::Result<i64> {
    sqlx::query!(
        r"insert into event_people (event_id, user_id) values ($1, $2)
          on conflict (event_id, user_id) do update set user_id = excluded.user_id",
        event as EventId,
        user as UserId,
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query_scalar!(
        r#"select coalesce(sum(quantity), 0) as "tickets!" from reservations
           where event_id = $1 and user_id = $2 and status in ('pending', 'confirmed')"#,
        event as EventId,
        user as UserId,
    )
    .fetch_one(connection)
    .await
}
