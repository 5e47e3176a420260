//! What administrators did. A row is written before the act and completed after it, so that
//! an act that was cut off is seen as one without a status.

use serde::Serialize;
use sqlx::{PgExecutor, PgPool};
use urr_contract::UserId;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::stamp::Stamp;

/// An act that is about to happen.
#[derive(Clone, Debug)]
pub struct NewAct<'a> {
    /// Who acts.
    pub admin: UserId,
    /// What, for instance `CREATE_EVENT`.
    pub action: &'a str,
    /// On what kind of thing.
    pub resource_type: &'a str,
    /// On which, where the request names it.
    pub resource_id: Option<Uuid>,
    /// The beginning of the request's body.
    pub request_summary: &'a str,
    /// From where.
    pub ip_address: Option<&'a str>,
}

/// Writes down that somebody is about to act.
pub async fn begin(pool: &PgPool, act: &NewAct<'_>) -> sqlx::Result<Uuid> {
    sqlx::query_scalar!(
        r#"insert into admin_audit_logs (admin_user_id, action, resource_type, resource_id, request_summary, ip_address)
           values ($1, $2, $3, $4, $5, $6) returning id"#,
        act.admin as UserId,
        act.action,
        act.resource_type,
        act.resource_id,
        act.request_summary,
        act.ip_address,
    )
    .fetch_one(pool)
    .await
}

/// Writes down how it ended, and on what and with which words where only the answer knows.
pub async fn complete(
    pool: &PgPool,
    id: Uuid,
    response_status: i32,
    resource_id: Option<Uuid>,
    request_summary: Option<&str>,
) -> sqlx::Result<()> {
    sqlx::query!(
        r"update admin_audit_logs set response_status = $2, resource_id = coalesce($3, resource_id),
                                      request_summary = coalesce($4, request_summary)
          where id = $1",
        id,
        response_status,
        resource_id,
        request_summary,
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// An act, as the list shows it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AdminAct)]
pub struct ActRow {
    /// The row.
    pub id: Uuid,
    /// Who acted.
    pub admin_user_id: UserId,
    /// What.
    pub action: String,
    /// On what kind of thing.
    pub resource_type: String,
    /// On which.
    pub resource_id: Option<Uuid>,
    /// The beginning of the request's body.
    pub request_summary: Option<String>,
    /// Status of the answer; null where there was none.
    pub response_status: Option<i32>,
    /// From where.
    pub ip_address: Option<String>,
    /// When.
    pub created_at: Stamp,
}

/// Acts, newest first, and how many there are. Only those of one kind where one is named.
pub async fn list(
    pool: &PgPool,
    action: Option<&str>,
    limit: i64,
    offset: i64,
) -> sqlx::Result<(Vec<ActRow>, i64)> {
    let total = sqlx::query_scalar!(
        r#"select count(*) as "count!" from admin_audit_logs where $1::text is null or action = $1"#,
        action,
    )
    .fetch_one(pool)
    .await?;
    let rows = sqlx::query_as!(
        ActRow,
        r#"select id, admin_user_id as "admin_user_id!: UserId", action, resource_type, resource_id,
                  request_summary, response_status, ip_address, created_at as "created_at!: Stamp"
           from admin_audit_logs where $1::text is null or action = $1
           order by created_at desc, id limit $2 offset $3"#,
        action,
        limit,
        offset,
    )
    .fetch_all(pool)
    .await?;
    Ok((rows, total))
}

/// Empties at most `batch` addresses that are older than so many days; returns how many.
pub async fn forget_addresses(
    executor: impl PgExecutor<'_>,
    days: u16,
    batch: i64,
) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "update admin_audit_logs set ip_address = null where id = any(array(
             select id from admin_audit_logs
             where created_at < now() - make_interval(days => $1) and ip_address is not null
             limit $2 for update skip locked
         ))",
        i32::from(days),
        batch,
    )
    .execute(executor)
    .await?;
    Ok(done.rows_affected())
}

/// Deletes at most `batch` acts older than so many days; returns how many.
pub async fn purge(executor: impl PgExecutor<'_>, days: u16, batch: i64) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "delete from admin_audit_logs where id = any(array(
             select id from admin_audit_logs where created_at < now() - make_interval(days => $1)
             limit $2 for update skip locked
         ))",
        i32::from(days),
        batch,
    )
    .execute(executor)
    .await?;
    Ok(done.rows_affected())
}
