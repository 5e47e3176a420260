//! Tables `webhook_deliveries` and `webhook_attempts`: what goes to which endpoint, and how every
//! try ended.

use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx;
use serde::Serialize;
use sqlx::{PgConnection, PgExecutor};
use urr_contract::{EventId, FactId, WebhookDeliveryId, WebhookId};
use urr_kit::page::Page;
use utoipa::ToSchema;

use crate::domain::webhook::{message::Message, schedule::Outcome, signature::Secret};

/// A delivery as administrators see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WebhookDelivery)]
pub struct Delivery {
    /// Its id.
    pub id: WebhookDeliveryId,
    /// Id of the message, the header `webhook-id`.
    pub message_id: String,
    /// What kind of news it is.
    pub r#type: String,
    /// `pending`, `delivered`, `failed`, or `skipped` where the endpoint was switched off.
    pub status: String,
    /// Tries so far, replays included.
    pub attempts: i32,
    /// Status of the last answer.
    pub response_status: Option<i32>,
    /// How long the last try took, in milliseconds.
    pub duration_ms: Option<i32>,
    /// What went wrong last.
    pub error: Option<String>,
    /// When it is tried next.
    pub next_attempt_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was delivered or given up.
    pub ended_at: Option<Timestamp>,
}

struct Row {
    id: WebhookDeliveryId,
    message_id: String,
    r#type: String,
    status: String,
    attempts: i32,
    response_status: Option<i32>,
    duration_ms: Option<i32>,
    error: Option<String>,
    next_attempt_at: Option<jiff_sqlx::Timestamp>,
    created_at: jiff_sqlx::Timestamp,
    ended_at: Option<jiff_sqlx::Timestamp>,
}

impl From<Row> for Delivery {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            message_id: row.message_id,
            r#type: row.r#type,
            status: row.status,
            attempts: row.attempts,
            response_status: row.response_status,
            duration_ms: row.duration_ms,
            error: row.error,
            next_attempt_at: row.next_attempt_at.map(jiff_sqlx::Timestamp::to_jiff),
            created_at: row.created_at.to_jiff(),
            ended_at: row.ended_at.map(jiff_sqlx::Timestamp::to_jiff),
        }
    }
}

/// One try of a delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WebhookAttempt)]
pub struct Attempt {
    /// Which, from 1.
    pub number: i32,
    /// When it ended.
    pub at: Timestamp,
    /// How long it took, in milliseconds.
    pub duration_ms: i32,
    /// Status of the answer.
    pub response_status: Option<i32>,
    /// The beginning of its body.
    pub response_excerpt: Option<String>,
    /// What went wrong.
    pub error: Option<String>,
}

/// Filter of a list.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter<'a> {
    /// Only of this status.
    pub status: Option<&'a str>,
    /// Only of this type.
    pub kind: Option<&'a str>,
}

/// A delivery that this process tries now.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// The delivery.
    pub id: WebhookDeliveryId,
    /// Its endpoint.
    pub endpoint: WebhookId,
    /// Where that is.
    pub url: String,
    /// Secrets that are valid, the newest first.
    pub secrets: Vec<Secret>,
    /// Id of the message.
    pub message_id: String,
    /// The bytes to be sent.
    pub body: String,
    /// Which try this is since the delivery was made or replayed.
    pub tries: i32,
    /// Which try this is at all.
    pub attempt: i32,
}

/// How one try went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tried {
    /// How long it took, in milliseconds.
    pub duration_ms: i32,
    /// Status of the answer.
    pub response_status: Option<i32>,
    /// The beginning of its body.
    pub response_excerpt: Option<String>,
    /// What went wrong.
    pub error: Option<String>,
}

/// Writes a message for every endpoint that wants it, once for each fact. What is switched off
/// gets a delivery that can be replayed.
pub async fn insert_for_all(
    executor: impl PgExecutor<'_>,
    message: &Message,
    fact: FactId,
    now: Timestamp,
) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "insert into webhook_deliveries
             (endpoint_id, fact_id, message_id, type, body, status, next_attempt_at, created_at)
         select id, $1, $2, $3, $4, case when active then 'pending' else 'skipped' end,
                case when active then $5::timestamptz end, $5
         from webhook_endpoints
         where $3 = any(types) and (event_id is null or event_id = $6)
         on conflict on constraint webhook_deliveries_one_per_fact_and_endpoint do nothing",
        fact as FactId,
        message.id,
        message.kind.as_str(),
        message.body,
        now.to_sqlx() as _,
        message.event as Option<EventId>
    )
    .execute(executor)
    .await?;
    Ok(done.rows_affected())
}

/// Writes a message for one endpoint, about no fact.
pub async fn insert_test(
    executor: impl PgExecutor<'_>,
    id: WebhookDeliveryId,
    endpoint: WebhookId,
    message: &Message,
    now: Timestamp,
) -> sqlx::Result<Delivery> {
    sqlx::query_as!(
        Row,
        r#"insert into webhook_deliveries
               (id, endpoint_id, message_id, type, body, next_attempt_at, created_at)
           values ($1, $2, $3, $4, $5, $6, $6)
           returning id as "id!: WebhookDeliveryId", message_id, type, status, attempts, response_status,
                     duration_ms, error, next_attempt_at, created_at, ended_at"#,
        id as WebhookDeliveryId,
        endpoint as WebhookId,
        message.id,
        message.kind.as_str(),
        message.body,
        now.to_sqlx() as _
    )
    .fetch_one(executor)
    .await
    .map(Delivery::from)
}

/// Takes at most `free` deliveries that are due, each endpoint's oldest first: up to `per_endpoint`
/// at a time of one that works, one of one that fails, none of one that rests. Nobody else takes
/// them until the lease ends; whoever dies in between delivers them again.
pub async fn claim(
    executor: impl PgExecutor<'_>,
    now: Timestamp,
    lease: SignedDuration,
    free: i64,
    per_endpoint: i64,
) -> sqlx::Result<Vec<Claimed>> {
    let rows = sqlx::query!(
        r#"with endpoint as materialized (
               select e.id, e.failures, e.url, e.secret,
                      case when e.previous_secret_expires_at > $1 then e.previous_secret end as previous,
                      (select count(*) from webhook_deliveries d
                       where d.endpoint_id = e.id and d.status = 'pending' and d.claimed_until > $1) as busy
               from webhook_endpoints e
               where e.active and (e.paused_until is null or e.paused_until <= $1)
                 and exists (
                     select 1 from webhook_deliveries d
                     where d.endpoint_id = e.id and d.status = 'pending' and d.next_attempt_at <= $1
                       and (d.claimed_until is null or d.claimed_until <= $1)
                 )
               order by random() limit $3
               for no key update of e skip locked
           ), due as materialized (
               select delivery.id, endpoint.url, endpoint.secret, endpoint.previous
               from endpoint cross join lateral (
                   select d.id from webhook_deliveries d
                   where d.endpoint_id = endpoint.id and d.status = 'pending' and d.next_attempt_at <= $1
                     and (d.claimed_until is null or d.claimed_until <= $1)
                   order by d.next_attempt_at, d.id
                   limit greatest(case when endpoint.failures > 0 then 1 else $4::bigint end - endpoint.busy, 0)
                   for update skip locked
               ) delivery
               limit $3
           )
           update webhook_deliveries d
           set attempts = attempts + 1, tries = tries + 1, claimed_until = $2
           from due where d.id = due.id
           returning d.id as "id!: WebhookDeliveryId", d.endpoint_id as "endpoint!: WebhookId",
                     due.url as "url!", due.secret as "secret!", due.previous as "previous?",
                     d.message_id, d.body, d.tries, d.attempts"#,
        now.to_sqlx() as _,
        (now + lease).to_sqlx() as _,
        free,
        per_endpoint
    )
    .fetch_all(executor)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Claimed {
            id: row.id,
            endpoint: row.endpoint,
            url: row.url,
            secrets: [Some(row.secret), row.previous]
                .into_iter()
                .flatten()
                .map(Secret::kept)
                .collect(),
            message_id: row.message_id,
            body: row.body,
            tries: row.tries,
            attempt: row.attempts,
        })
        .collect())
}

/// Writes down how a try went and what becomes of the delivery. The caller has locked its
/// endpoint. What was taken over by somebody else meanwhile, or switched off, stays as it is,
/// unless it has arrived.
pub async fn settle(
    connection: &mut PgConnection,
    claimed: &Claimed,
    tried: &Tried,
    outcome: &Outcome,
    now: Timestamp,
) -> sqlx::Result<()> {
    let (status, next) = match outcome {
        Outcome::Delivered => ("delivered", None),
        Outcome::Retry(then, _) => ("pending", Some(*then)),
        Outcome::GiveUp(_) => ("failed", None),
    };
    sqlx::query!(
        "update webhook_deliveries
         set status = $3, next_attempt_at = $4, claimed_until = null, response_status = $5,
             duration_ms = $6, error = $7, ended_at = case when $3 = 'pending' then null else $8::timestamptz end
         where id = $1 and ((attempts = $2 and status = 'pending') or $3 = 'delivered')",
        claimed.id as WebhookDeliveryId,
        claimed.attempt,
        status,
        next.map(ToSqlx::to_sqlx) as _,
        tried.response_status,
        tried.duration_ms,
        tried.error,
        now.to_sqlx() as _
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "insert into webhook_attempts
             (delivery_id, number, at, duration_ms, response_status, response_excerpt, error)
         select id, $2, $3, $4, $5, $6, $7 from webhook_deliveries where id = $1
         on conflict (delivery_id, number) do nothing",
        claimed.id as WebhookDeliveryId,
        claimed.attempt,
        now.to_sqlx() as _,
        tried.duration_ms,
        tried.response_status,
        tried.response_excerpt,
        tried.error
    )
    .execute(&mut *connection)
    .await?;
    Ok(())
}

/// Takes everything that waits for an endpoint off; returns how much that was.
pub async fn skip_pending(
    executor: impl PgExecutor<'_>,
    endpoint: WebhookId,
    now: Timestamp,
) -> sqlx::Result<u64> {
    let changed = sqlx::query!(
        "update webhook_deliveries
         set status = 'skipped', next_attempt_at = null, claimed_until = null, ended_at = $2
         where endpoint_id = $1 and status = 'pending'",
        endpoint as WebhookId,
        now.to_sqlx() as _
    )
    .execute(executor)
    .await?;
    Ok(changed.rows_affected())
}

/// Delivers one again, from the beginning of the schedule; `None` where there is no such one.
pub async fn replay(
    executor: impl PgExecutor<'_>,
    endpoint: WebhookId,
    id: WebhookDeliveryId,
    now: Timestamp,
) -> sqlx::Result<Option<Delivery>> {
    sqlx::query_as!(
        Row,
        r#"update webhook_deliveries
           set status = 'pending', tries = 0, next_attempt_at = $3, ended_at = null
           where id = $1 and endpoint_id = $2
           returning id as "id!: WebhookDeliveryId", message_id, type, status, attempts, response_status,
                     duration_ms, error, next_attempt_at, created_at, ended_at"#,
        id as WebhookDeliveryId,
        endpoint as WebhookId,
        now.to_sqlx() as _
    )
    .fetch_optional(executor)
    .await
    .map(|row| row.map(Delivery::from))
}

/// Delivers again what was made from `since` until before `until`: what did not arrive, or all of
/// it. Returns how much that is.
pub async fn replay_range(
    executor: impl PgExecutor<'_>,
    endpoint: WebhookId,
    since: Timestamp,
    until: Timestamp,
    delivered_too: bool,
    now: Timestamp,
) -> sqlx::Result<u64> {
    let changed = sqlx::query!(
        "update webhook_deliveries
         set status = 'pending', tries = 0, next_attempt_at = $5, ended_at = null
         where endpoint_id = $1 and created_at >= $2 and created_at < $3 and fact_id is not null
           and (status in ('failed', 'skipped') or ($4 and status = 'delivered'))",
        endpoint as WebhookId,
        since.to_sqlx() as _,
        until.to_sqlx() as _,
        delivered_too,
        now.to_sqlx() as _
    )
    .execute(executor)
    .await?;
    Ok(changed.rows_affected())
}

/// One page of an endpoint's log, newest first.
pub async fn page(
    executor: impl PgExecutor<'_>,
    endpoint: WebhookId,
    filter: Filter<'_>,
    page: Page,
) -> sqlx::Result<Vec<Delivery>> {
    sqlx::query_as!(
        Row,
        r#"select id as "id!: WebhookDeliveryId", message_id, type, status, attempts, response_status,
                  duration_ms, error, next_attempt_at, created_at, ended_at
           from webhook_deliveries
           where endpoint_id = $1 and ($2::text is null or status = $2) and ($3::text is null or type = $3)
           order by created_at desc, id limit $4 offset $5"#,
        endpoint as WebhookId,
        filter.status,
        filter.kind,
        page.limit(),
        page.offset()
    )
    .fetch_all(executor)
    .await
    .map(|rows| rows.into_iter().map(Delivery::from).collect())
}

/// How long an endpoint's log is.
pub async fn count(
    executor: impl PgExecutor<'_>,
    endpoint: WebhookId,
    filter: Filter<'_>,
) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from webhook_deliveries
           where endpoint_id = $1 and ($2::text is null or status = $2) and ($3::text is null or type = $3)"#,
        endpoint as WebhookId,
        filter.status,
        filter.kind
    )
    .fetch_one(executor)
    .await
}

/// A delivery of an endpoint and the bytes it sends.
pub async fn by_id(
    executor: impl PgExecutor<'_>,
    endpoint: WebhookId,
    id: WebhookDeliveryId,
) -> sqlx::Result<Option<(Delivery, String)>> {
    let row = sqlx::query!(
        r#"select id as "id!: WebhookDeliveryId", message_id, type, status, attempts, response_status,
                  duration_ms, error, next_attempt_at, created_at, ended_at, body
           from webhook_deliveries where id = $1 and endpoint_id = $2"#,
        id as WebhookDeliveryId,
        endpoint as WebhookId
    )
    .fetch_optional(executor)
    .await?;
    Ok(row.map(|row| {
        let delivery = Row {
            id: row.id,
            message_id: row.message_id,
            r#type: row.r#type,
            status: row.status,
            attempts: row.attempts,
            response_status: row.response_status,
            duration_ms: row.duration_ms,
            error: row.error,
            next_attempt_at: row.next_attempt_at,
            created_at: row.created_at,
            ended_at: row.ended_at,
        };
        (delivery.into(), row.body)
    }))
}

/// All tries of a delivery, the first one first.
pub async fn attempts(
    executor: impl PgExecutor<'_>,
    id: WebhookDeliveryId,
) -> sqlx::Result<Vec<Attempt>> {
    let rows = sqlx::query!(
        "select number, at, duration_ms, response_status, response_excerpt, error
         from webhook_attempts where delivery_id = $1 order by number",
        id as WebhookDeliveryId
    )
    .fetch_all(executor)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Attempt {
            number: row.number,
            at: row.at.to_jiff(),
            duration_ms: row.duration_ms,
            response_status: row.response_status,
            response_excerpt: row.response_excerpt,
            error: row.error,
        })
        .collect())
}

/// How many wait for their next try.
pub async fn backlog(executor: impl PgExecutor<'_>) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from webhook_deliveries where status = 'pending'"#
    )
    .fetch_one(executor)
    .await
}

/// Deletes at most `batch` deliveries made before that time, with their tries.
pub async fn purge(
    executor: impl PgExecutor<'_>,
    before: Timestamp,
    batch: i64,
) -> sqlx::Result<u64> {
    let deleted = sqlx::query!(
        "delete from webhook_deliveries where id in (
             select id from webhook_deliveries where created_at < $1 and status <> 'pending' limit $2
         )",
        before.to_sqlx() as _,
        batch
    )
    .execute(executor)
    .await?;
    Ok(deleted.rows_affected())
}
