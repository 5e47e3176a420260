//! Table `notice_log`: what administrators did to webhooks and mails, and what became of webhooks
//! by themselves. Written in the transaction of the act.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use serde::Serialize;
use sqlx::PgExecutor;
use urr_contract::UserId;
use urr_kit::page::Page;
use utoipa::ToSchema;
use uuid::Uuid;

/// Something that was done.
#[derive(Clone, Debug)]
pub struct Act<'a> {
    /// Who did it; nobody where it came about by itself.
    pub admin: Option<UserId>,
    /// From which address.
    pub ip_address: Option<&'a str>,
    /// What, for instance `CREATE_WEBHOOK`.
    pub action: &'static str,
    /// On what kind of thing: `webhook` or `mail`.
    pub resource_type: &'static str,
    /// On which.
    pub resource: Uuid,
    /// What exactly.
    pub detail: &'a str,
}

/// Something that was done, as the list shows it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WebhookAct)]
pub struct LogRow {
    /// Its number; rises.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// Who; null where it came about by itself.
    pub admin_user_id: Option<UserId>,
    /// What.
    pub action: String,
    /// What exactly.
    pub detail: String,
    /// From which address.
    pub ip_address: Option<String>,
}

/// Writes it down.
pub async fn append(
    executor: impl PgExecutor<'_>,
    act: &Act<'_>,
    now: Timestamp,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into notice_log (at, admin_user_id, action, resource_type, resource_id, detail, ip_address)
         values ($1, $2, $3, $4, $5, $6, $7)",
        now.to_sqlx() as _,
        act.admin as Option<UserId>,
        act.action,
        act.resource_type,
        act.resource,
        act.detail,
        act.ip_address
    )
    .execute(executor)
    .await?;
    Ok(())
}

/// What was done to one thing, newest first.
pub async fn page(
    executor: impl PgExecutor<'_>,
    resource: Uuid,
    page: Page,
) -> sqlx::Result<Vec<LogRow>> {
    let rows = sqlx::query!(
        r#"select id, at, admin_user_id as "admin: UserId", action, detail, ip_address
           from notice_log where resource_id = $1 order by id desc limit $2 offset $3"#,
        resource,
        page.limit(),
        page.offset()
    )
    .fetch_all(executor)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| LogRow {
            id: row.id,
            at: row.at.to_jiff(),
            admin_user_id: row.admin,
            action: row.action,
            detail: row.detail,
            ip_address: row.ip_address,
        })
        .collect())
}

/// How much was done to one thing.
pub async fn count(executor: impl PgExecutor<'_>, resource: Uuid) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from notice_log where resource_id = $1"#,
        resource
    )
    .fetch_one(executor)
    .await
}

/// Forgets from where people acted, for at most `batch` rows older than that.
pub async fn forget_addresses(
    executor: impl PgExecutor<'_>,
    before: Timestamp,
    batch: i64,
) -> sqlx::Result<u64> {
    let changed = sqlx::query!(
        "update notice_log set ip_address = null where id in (
             select id from notice_log where at < $1 and ip_address is not null limit $2
         )",
        before.to_sqlx() as _,
        batch
    )
    .execute(executor)
    .await?;
    Ok(changed.rows_affected())
}
