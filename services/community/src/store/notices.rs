//! Table `notices`: what somebody is to be told and has not been composed yet.

use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx;
use sqlx::{PgExecutor, types::Json};
use urr_contract::FactId;

use crate::domain::notice::{Notice, Outcome};

/// A notice that this process composes now.
#[derive(Clone, Debug)]
pub struct Leased {
    /// The fact behind it.
    pub fact: FactId,
    /// What it says.
    pub notice: Notice,
    /// When that happened.
    pub happened: Timestamp,
    /// Which attempt this is, from 1.
    pub attempts: i32,
}

/// Notes what somebody is to be told. A fact is noted once.
pub async fn insert(
    executor: impl PgExecutor<'_>,
    fact: FactId,
    notice: &Notice,
    happened: Timestamp,
    now: Timestamp,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into notices (fact_id, notice, happened_at, next_attempt_at) values ($1, $2, $3, $4)
         on conflict (fact_id) do nothing",
        fact as FactId,
        Json(notice) as _,
        happened.to_sqlx() as _,
        now.to_sqlx() as _
    )
    .execute(executor)
    .await?;
    Ok(())
}

/// Takes at most `batch` notices that are due, oldest first. Nobody else takes them until the
/// lease ends.
pub async fn lease(
    executor: impl PgExecutor<'_>,
    now: Timestamp,
    lease: SignedDuration,
    batch: i64,
) -> sqlx::Result<Vec<Leased>> {
    let rows = sqlx::query!(
        r#"update notices set attempts = attempts + 1, next_attempt_at = $2
           where fact_id = any(array(
               select fact_id from notices
               where composed_at is null and given_up_at is null and next_attempt_at <= $1
               order by next_attempt_at, fact_id limit $3
               for update skip locked
           ))
           returning fact_id as "fact!: FactId", notice as "notice: Json<Notice>", happened_at, attempts"#,
        now.to_sqlx() as _,
        (now + lease).to_sqlx() as _,
        batch
    )
    .fetch_all(executor)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Leased {
            fact: row.fact,
            notice: row.notice.0,
            happened: row.happened_at.to_jiff(),
            attempts: row.attempts,
        })
        .collect())
}

/// Marks notices as composed.
pub async fn mark_composed(
    executor: impl PgExecutor<'_>,
    facts: &[FactId],
    now: Timestamp,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update notices set composed_at = $2, given_up_at = null, error = null where fact_id = any($1)",
        facts as &[FactId],
        now.to_sqlx() as _
    )
    .execute(executor)
    .await?;
    Ok(())
}

/// Writes down what becomes of a notice that could not be composed, and why. One that is given up
/// stays to be looked at; what somebody else has taken over meanwhile stays as it is.
pub async fn settle(
    executor: impl PgExecutor<'_>,
    leased: &Leased,
    outcome: Outcome,
    error: &str,
    now: Timestamp,
) -> sqlx::Result<()> {
    let (next, given_up) = match outcome {
        Outcome::Retry(then) => (Some(then), None),
        Outcome::GiveUp => (None, Some(now)),
    };
    sqlx::query!(
        "update notices
         set next_attempt_at = coalesce($3, next_attempt_at), given_up_at = $4, error = $5
         where fact_id = $1 and attempts = $2 and composed_at is null",
        leased.fact as FactId,
        leased.attempts,
        next.map(ToSqlx::to_sqlx) as _,
        given_up.map(ToSqlx::to_sqlx) as _,
        error
    )
    .execute(executor)
    .await?;
    Ok(())
}

/// How many are not composed yet.
pub async fn backlog(executor: impl PgExecutor<'_>) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from notices
           where composed_at is null and given_up_at is null"#
    )
    .fetch_one(executor)
    .await
}

/// Deletes at most `batch` notices that are done and happened before that time.
pub async fn purge(
    executor: impl PgExecutor<'_>,
    before: Timestamp,
    batch: i64,
) -> sqlx::Result<u64> {
    let deleted = sqlx::query!(
        "delete from notices where fact_id in (
             select fact_id from notices
             where happened_at < $1 and (composed_at is not null or given_up_at is not null)
             limit $2
         )",
        before.to_sqlx() as _,
        batch
    )
    .execute(executor)
    .await?;
    Ok(deleted.rows_affected())
}
