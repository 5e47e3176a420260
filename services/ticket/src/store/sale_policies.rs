//! Sale policies of events. Whoever writes one holds the event's row lock.

use sqlx::{PgConnection, PgExecutor, types::Json};
use urr_contract::{EventId, SalePolicy};

/// A stored policy.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredPolicy {
    /// Another number with every change.
    pub revision: i64,
    /// The policy.
    pub policy: SalePolicy,
}

/// The policy of an event.
pub async fn find(
    executor: impl PgExecutor<'_>,
    event: EventId,
) -> sqlx::Result<Option<StoredPolicy>> {
    let row = sqlx::query!(
        r#"select revision, body as "body: Json<SalePolicy>" from sale_policies where event_id = $1"#,
        event as EventId,
    )
    .fetch_optional(executor)
    .await?;
    Ok(row.map(|row| StoredPolicy {
        revision: row.revision,
        policy: row.body.0,
    }))
}

/// Stores a policy in place of whatever there is; returns its revision.
pub async fn put(
    connection: &mut PgConnection,
    event: EventId,
    policy: &SalePolicy,
) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r"insert into sale_policies (event_id, owner, generation, sequence, body)
          values ($1, $2, $3, $4, $5)
          on conflict (event_id) do update
             set revision = default, owner = excluded.owner, generation = excluded.generation,
                 sequence = excluded.sequence, body = excluded.body, changed_at = now()
          returning revision",
        event as EventId,
        policy.fence.owner,
        policy.fence.generation,
        policy.fence.sequence,
        Json(policy) as _,
    )
    .fetch_one(connection)
    .await
}

/// Lets a policy go: settings and administrators decide again.
pub async fn delete(connection: &mut PgConnection, event: EventId) -> sqlx::Result<()> {
    sqlx::query!(
        "delete from sale_policies where event_id = $1",
        event as EventId
    )
    .execute(connection)
    .await?;
    Ok(())
}
