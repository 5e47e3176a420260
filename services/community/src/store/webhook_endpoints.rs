//! Table `webhook_endpoints`. Whatever changes an endpoint together with its deliveries locks the
//! endpoint first.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use serde::Serialize;
use sqlx::PgExecutor;
use urr_contract::{EventId, UserId, WebhookId};
use urr_kit::page::Page;
use utoipa::ToSchema;

use crate::domain::webhook::{endpoint::WebhookType, signature::Secret};

/// An endpoint as administrators see it. Its secret is shown when it is made and never again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Webhook)]
pub struct Endpoint {
    /// Its id.
    pub id: WebhookId,
    /// Where messages go.
    pub url: String,
    /// What people wrote about it.
    pub description: String,
    /// Only news of this event; of all where null.
    pub event_id: Option<EventId>,
    /// Which news.
    #[schema(value_type = Vec<WebhookType>)]
    pub types: Vec<String>,
    /// Whether messages are sent.
    pub active: bool,
    /// Since when nothing could be delivered; null where the last delivery succeeded.
    pub failing_since: Option<Timestamp>,
    /// When it was switched off because it failed for too long or was gone.
    pub disabled_at: Option<Timestamp>,
    /// Why.
    pub disabled_reason: Option<String>,
    /// Until when the secret before this one signs as well.
    pub previous_secret_expires_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed.
    pub updated_at: Timestamp,
}

struct Row {
    id: WebhookId,
    url: String,
    description: String,
    event_id: Option<EventId>,
    types: Vec<String>,
    active: bool,
    failing_since: Option<jiff_sqlx::Timestamp>,
    disabled_at: Option<jiff_sqlx::Timestamp>,
    disabled_reason: Option<String>,
    previous_secret_expires_at: Option<jiff_sqlx::Timestamp>,
    created_at: jiff_sqlx::Timestamp,
    updated_at: jiff_sqlx::Timestamp,
}

impl From<Row> for Endpoint {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            url: row.url,
            description: row.description,
            event_id: row.event_id,
            types: row.types,
            active: row.active,
            failing_since: row.failing_since.map(jiff_sqlx::Timestamp::to_jiff),
            disabled_at: row.disabled_at.map(jiff_sqlx::Timestamp::to_jiff),
            disabled_reason: row.disabled_reason,
            previous_secret_expires_at: row
                .previous_secret_expires_at
                .map(jiff_sqlx::Timestamp::to_jiff),
            created_at: row.created_at.to_jiff(),
            updated_at: row.updated_at.to_jiff(),
        }
    }
}

/// What people decide about an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wishes {
    /// Where messages go.
    pub url: String,
    /// A note.
    pub description: String,
    /// Only news of this event.
    pub event: Option<EventId>,
    /// Which news.
    pub types: Vec<WebhookType>,
    /// Whether messages are sent.
    pub active: bool,
}

impl Wishes {
    fn words(&self) -> Vec<String> {
        self.types
            .iter()
            .map(|kind| kind.as_str().to_owned())
            .collect()
    }
}

/// Makes an endpoint.
pub async fn insert(
    executor: impl PgExecutor<'_>,
    wishes: &Wishes,
    secret: &Secret,
    creator: UserId,
    now: Timestamp,
) -> sqlx::Result<Endpoint> {
    sqlx::query_as!(
        Row,
        r#"insert into webhook_endpoints
               (url, description, event_id, types, active, secret, created_by, created_at, updated_at)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $8)
           returning id as "id!: WebhookId", url, description, event_id as "event_id: EventId", types,
                     active, failing_since, disabled_at, disabled_reason,
                     case when previous_secret_expires_at > $8 then previous_secret_expires_at end
                         as previous_secret_expires_at, created_at, updated_at"#,
        wishes.url,
        wishes.description,
        wishes.event as Option<EventId>,
        &wishes.words(),
        wishes.active,
        secret.bytes(),
        creator as UserId,
        now.to_sqlx() as _
    )
    .fetch_one(executor)
    .await
    .map(Endpoint::from)
}

/// One page, newest first, of all or of those that name an event.
pub async fn page(
    executor: impl PgExecutor<'_>,
    event: Option<EventId>,
    page: Page,
    now: Timestamp,
) -> sqlx::Result<Vec<Endpoint>> {
    sqlx::query_as!(
        Row,
        r#"select id as "id!: WebhookId", url, description, event_id as "event_id: EventId", types,
                  active, failing_since, disabled_at, disabled_reason,
                  case when previous_secret_expires_at > $4 then previous_secret_expires_at end
                      as previous_secret_expires_at, created_at, updated_at
           from webhook_endpoints where $1::uuid is null or event_id = $1
           order by created_at desc, id limit $2 offset $3"#,
        event as Option<EventId>,
        page.limit(),
        page.offset(),
        now.to_sqlx() as _
    )
    .fetch_all(executor)
    .await
    .map(|rows| rows.into_iter().map(Endpoint::from).collect())
}

/// How many there are, of all or of those that name an event.
pub async fn count(executor: impl PgExecutor<'_>, event: Option<EventId>) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from webhook_endpoints where $1::uuid is null or event_id = $1"#,
        event as Option<EventId>
    )
    .fetch_one(executor)
    .await
}

/// An endpoint.
pub async fn by_id(
    executor: impl PgExecutor<'_>,
    id: WebhookId,
    now: Timestamp,
) -> sqlx::Result<Option<Endpoint>> {
    sqlx::query_as!(
        Row,
        r#"select id as "id!: WebhookId", url, description, event_id as "event_id: EventId", types,
                  active, failing_since, disabled_at, disabled_reason,
                  case when previous_secret_expires_at > $2 then previous_secret_expires_at end
                      as previous_secret_expires_at, created_at, updated_at
           from webhook_endpoints where id = $1"#,
        id as WebhookId,
        now.to_sqlx() as _
    )
    .fetch_optional(executor)
    .await
    .map(|row| row.map(Endpoint::from))
}

/// Locks an endpoint until the transaction ends.
pub async fn lock(executor: impl PgExecutor<'_>, id: WebhookId) -> sqlx::Result<Option<Endpoint>> {
    sqlx::query_as!(
        Row,
        r#"select id as "id!: WebhookId", url, description, event_id as "event_id: EventId", types,
                  active, failing_since, disabled_at, disabled_reason, previous_secret_expires_at,
                  created_at, updated_at
           from webhook_endpoints where id = $1 for no key update"#,
        id as WebhookId
    )
    .fetch_optional(executor)
    .await
    .map(|row| row.map(Endpoint::from))
}

/// Changes an endpoint that the caller has locked. One that is made active begins anew: what it
/// failed before is forgotten.
pub async fn update(
    executor: impl PgExecutor<'_>,
    id: WebhookId,
    wishes: &Wishes,
    now: Timestamp,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update webhook_endpoints
         set url = $2, description = $3, event_id = $4, types = $5, active = $6, updated_at = $7,
             failures = case when $6 and not active then 0 else failures end,
             failing_since = case when $6 and not active then null else failing_since end,
             paused_until = case when $6 and not active then null else paused_until end,
             disabled_at = case when $6 then null else disabled_at end,
             disabled_reason = case when $6 then null else disabled_reason end
         where id = $1",
        id as WebhookId,
        wishes.url,
        wishes.description,
        wishes.event as Option<EventId>,
        &wishes.words(),
        wishes.active,
        now.to_sqlx() as _
    )
    .execute(executor)
    .await?;
    Ok(())
}

/// Gives an endpoint a new secret. The one before signs as well until `previous_until`; the one
/// before that ends now.
pub async fn set_secret(
    executor: impl PgExecutor<'_>,
    id: WebhookId,
    secret: &Secret,
    previous_until: Timestamp,
    now: Timestamp,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update webhook_endpoints
         set previous_secret = secret, previous_secret_expires_at = $3, secret = $2, updated_at = $4
         where id = $1",
        id as WebhookId,
        secret.bytes(),
        previous_until.to_sqlx() as _,
        now.to_sqlx() as _
    )
    .execute(executor)
    .await?;
    Ok(())
}

/// Deletes an endpoint with its deliveries; returns whether there was one.
pub async fn delete(executor: impl PgExecutor<'_>, id: WebhookId) -> sqlx::Result<bool> {
    let deleted = sqlx::query!(
        "delete from webhook_endpoints where id = $1",
        id as WebhookId
    )
    .execute(executor)
    .await?;
    Ok(deleted.rows_affected() == 1)
}

/// Notes that something was delivered.
pub async fn note_success(executor: impl PgExecutor<'_>, id: WebhookId) -> sqlx::Result<()> {
    sqlx::query!(
        "update webhook_endpoints set failures = 0, failing_since = null, paused_until = null
         where id = $1 and failures > 0",
        id as WebhookId
    )
    .execute(executor)
    .await?;
    Ok(())
}

/// Notes that something could not be delivered; returns the failures in a row and since when.
pub async fn note_failure(
    executor: impl PgExecutor<'_>,
    id: WebhookId,
    now: Timestamp,
) -> sqlx::Result<(i32, Timestamp)> {
    let row = sqlx::query!(
        r#"update webhook_endpoints
           set failures = failures + 1, failing_since = coalesce(failing_since, $2)
           where id = $1 returning failures, failing_since as "since!""#,
        id as WebhookId,
        now.to_sqlx() as _
    )
    .fetch_one(executor)
    .await?;
    Ok((row.failures, row.since.to_jiff()))
}

/// Leaves an endpoint alone until then.
pub async fn pause(
    executor: impl PgExecutor<'_>,
    id: WebhookId,
    until: Timestamp,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update webhook_endpoints set paused_until = $2 where id = $1",
        id as WebhookId,
        until.to_sqlx() as _
    )
    .execute(executor)
    .await?;
    Ok(())
}

/// Switches an endpoint off; returns whether it was on.
pub async fn disable(
    executor: impl PgExecutor<'_>,
    id: WebhookId,
    reason: &str,
    now: Timestamp,
) -> sqlx::Result<bool> {
    let changed = sqlx::query!(
        "update webhook_endpoints
         set active = false, disabled_at = $3, disabled_reason = $2, updated_at = $3
         where id = $1 and active",
        id as WebhookId,
        reason,
        now.to_sqlx() as _
    )
    .execute(executor)
    .await?;
    Ok(changed.rows_affected() == 1)
}
