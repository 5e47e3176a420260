//! Answers to requests that carried an idempotency key.

use sqlx::{PgConnection, PgExecutor};
use urr_contract::UserId;

/// What is known of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Hash of the request that used it first.
    pub request_hash: Vec<u8>,
    /// Its answer, byte for byte.
    pub response: Option<Vec<u8>>,
}

/// Claims a key for this transaction; false where another request used it. Waits for a
/// twin in flight, as long as the transaction's lock time-out allows.
pub async fn claim(
    connection: &mut PgConnection,
    user: UserId,
    key: &str,
    request_hash: &[u8],
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        r"insert into idempotency_keys (user_id, key, request_hash) values ($1, $2, $3)
          on conflict (user_id, key) do nothing",
        user as UserId,
        key,
        request_hash,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// What is known of a key.
pub async fn find(
    executor: impl PgExecutor<'_>,
    user: UserId,
    key: &str,
) -> sqlx::Result<Option<Stored>> {
    sqlx::query_as!(
        Stored,
        "select request_hash, response from idempotency_keys where user_id = $1 and key = $2",
        user as UserId,
        key,
    )
    .fetch_optional(executor)
    .await
}

/// Stores the answer under a key that this transaction claimed.
pub async fn complete(
    connection: &mut PgConnection,
    user: UserId,
    key: &str,
    response: &[u8],
) -> sqlx::Result<()> {
    sqlx::query!(
        "update idempotency_keys set response = $3 where user_id = $1 and key = $2",
        user as UserId,
        key,
        response,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Deletes at most `batch` keys older than so many days; returns how many.
pub async fn purge(executor: impl PgExecutor<'_>, days: u16, batch: i64) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "with old as materialized (
             select user_id, key from idempotency_keys where created_at < now() - make_interval(days => $1)
             limit $2 for update skip locked
         )
         delete from idempotency_keys k using old where (k.user_id, k.key) = (old.user_id, old.key)",
        i32::from(days),
        batch,
    )
    .execute(executor)
    .await?;
    Ok(done.rows_affected())
}
