//! Policies of events, with the fence of their last accepted write.

use sqlx::{PgConnection, PgExecutor, types::Json};
use urr_contract::{EventId, SalePolicy};

/// A stored policy.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredPolicy {
    /// Grows with every change.
    pub revision: i64,
    /// The policy.
    pub policy: SalePolicy,
}

/// The policy of that event.
pub async fn find(
    executor: impl PgExecutor<'_>,
    event: EventId,
) -> sqlx::Result<Option<StoredPolicy>> {
    let row = sqlx::query!(
        r#"select revision, body as "body: Json<SalePolicy>" from event_policies where event_id = $1"#,
        event as EventId
    )
    .fetch_optional(executor)
    .await?;
    Ok(row.map(|row| StoredPolicy {
        revision: row.revision,
        policy: row.body.0,
    }))
}

/// The policy of that event, locked until the transaction ends; so is its absence, or the
/// older of two first writes could win.
pub async fn find_for_update(
    connection: &mut PgConnection,
    event: EventId,
) -> sqlx::Result<Option<StoredPolicy>> {
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended($1::uuid::text, 0))",
        event as EventId
    )
    .execute(&mut *connection)
    .await?;
    let row = sqlx::query!(
        r#"select revision, body as "body: Json<SalePolicy>" from event_policies
            where event_id = $1 for update"#,
        event as EventId
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| StoredPolicy {
        revision: row.revision,
        policy: row.body.0,
    }))
}

/// Stores a policy in place of whatever there is; returns its revision.
pub async fn put(
    executor: impl PgExecutor<'_>,
    event: EventId,
    policy: &SalePolicy,
) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"insert into event_policies as stored (event_id, owner, generation, sequence, body)
           values ($1, $2, $3, $4, $5)
           on conflict (event_id) do update
              set revision = stored.revision + 1, owner = excluded.owner,
                  generation = excluded.generation, sequence = excluded.sequence,
                  body = excluded.body, changed_at = now()
           returning revision"#,
        event as EventId,
        policy.fence.owner,
        policy.fence.generation,
        policy.fence.sequence,
        Json(policy) as _
    )
    .fetch_one(executor)
    .await
}
