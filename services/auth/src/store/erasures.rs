//! Tables `erasures` and `erasure_steps`: what was promised to people who left.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use sqlx::{PgConnection, PgExecutor};
use urr_contract::UserId;

use crate::domain::erasure::Holder;

/// A promised erasure.
#[derive(Clone, Debug)]
pub struct Erasure {
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// When every holder had erased.
    pub completed_at: Option<Timestamp>,
    /// How far each holder is.
    pub steps: Vec<Step>,
}

/// One holder's part.
#[derive(Clone, Debug)]
pub struct Step {
    /// Name of the holder.
    pub holder: String,
    /// When it had erased for good.
    pub erased_at: Option<Timestamp>,
    /// Why the last try failed, if it did.
    pub last_error: Option<String>,
}

/// A step that is due and claimed.
#[derive(Clone, Debug)]
pub struct Due {
    /// Whose data.
    pub user: UserId,
    /// Name of the holder.
    pub holder: String,
    /// Tries, with this one.
    pub attempts: i32,
    /// Until then access tokens live.
    pub tokens_end_at: Timestamp,
}

/// Promises an erasure with a step for each holder, due at once.
pub async fn promise(
    connection: &mut PgConnection,
    user: UserId,
    requested_by: UserId,
    now: Timestamp,
    tokens_end_at: Timestamp,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into erasures (user_id, requested_by, requested_at, tokens_end_at)
         values ($1, $2, $3, $4)",
        user as UserId,
        requested_by as UserId,
        now.to_sqlx() as _,
        tokens_end_at.to_sqlx() as _,
    )
    .execute(&mut *connection)
    .await?;
    let holders = Holder::ALL.map(|holder| holder.name().to_owned());
    sqlx::query!(
        "insert into erasure_steps (user_id, holder, next_attempt_at)
         select $1, holder, $3 from unnest($2::text[]) as holder",
        user as UserId,
        &holders,
        now.to_sqlx() as _,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The erasure of that account, if one was promised.
pub async fn find(connection: &mut PgConnection, user: UserId) -> sqlx::Result<Option<Erasure>> {
    let Some(row) = sqlx::query!(
        "select requested_at, completed_at from erasures where user_id = $1",
        user as UserId
    )
    .fetch_optional(&mut *connection)
    .await?
    else {
        return Ok(None);
    };
    let steps = sqlx::query!(
        "select holder, erased_at, last_error from erasure_steps where user_id = $1 order by holder",
        user as UserId
    )
    .fetch_all(connection)
    .await?;
    Ok(Some(Erasure {
        requested_at: row.requested_at.to_jiff(),
        completed_at: row.completed_at.map(jiff_sqlx::Timestamp::to_jiff),
        steps: steps
            .into_iter()
            .map(|step| Step {
                holder: step.holder,
                erased_at: step.erased_at.map(jiff_sqlx::Timestamp::to_jiff),
                last_error: step.last_error,
            })
            .collect(),
    }))
}

/// Claims steps that are due until `claimed_until`, after which another worker takes them.
pub async fn claim(
    executor: impl PgExecutor<'_>,
    now: Timestamp,
    claimed_until: Timestamp,
    limit: i64,
) -> sqlx::Result<Vec<Due>> {
    sqlx::query!(
        r#"with due as (
               select user_id, holder from erasure_steps
               where erased_at is null and next_attempt_at <= $1
               order by next_attempt_at limit $3 for update skip locked
           )
           update erasure_steps s set attempts = s.attempts + 1, next_attempt_at = $2
           from due join erasures e on e.user_id = due.user_id
           where s.user_id = due.user_id and s.holder = due.holder
           returning s.user_id as "user!: UserId", s.holder, s.attempts, e.tokens_end_at"#,
        now.to_sqlx() as _,
        claimed_until.to_sqlx() as _,
        limit,
    )
    .fetch_all(executor)
    .await
    .map(|rows| {
        rows.into_iter()
            .map(|row| Due {
                user: row.user,
                holder: row.holder,
                attempts: row.attempts,
                tokens_end_at: row.tokens_end_at.to_jiff(),
            })
            .collect()
    })
}

/// Writes down that a holder has erased for good; returns whether it was the last one.
pub async fn done(connection: &mut PgConnection, due: &Due, now: Timestamp) -> sqlx::Result<bool> {
    // Steps of one erasure end one after the other, so that one of them is the last.
    sqlx::query!(
        "select 1 as one from erasures where user_id = $1 for update",
        due.user as UserId
    )
    .fetch_one(&mut *connection)
    .await?;
    sqlx::query!(
        "update erasure_steps set erased_at = $3, last_error = null
         where user_id = $1 and holder = $2 and erased_at is null",
        due.user as UserId,
        due.holder,
        now.to_sqlx() as _,
    )
    .execute(&mut *connection)
    .await?;
    let completed = sqlx::query!(
        "update erasures set completed_at = $2
         where user_id = $1 and completed_at is null
           and not exists (select from erasure_steps where user_id = $1 and erased_at is null)",
        due.user as UserId,
        now.to_sqlx() as _,
    )
    .execute(connection)
    .await?;
    Ok(completed.rows_affected() == 1)
}

/// Sets when a step is tried next, and why the last try failed where it did.
pub async fn again(
    executor: impl PgExecutor<'_>,
    due: &Due,
    at: Timestamp,
    error: Option<&str>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update erasure_steps set next_attempt_at = $3, last_error = $4
         where user_id = $1 and holder = $2 and erased_at is null",
        due.user as UserId,
        due.holder,
        at.to_sqlx() as _,
        error,
    )
    .execute(executor)
    .await?;
    Ok(())
}

/// How many erasures are promised and not completed.
pub async fn open(executor: impl PgExecutor<'_>) -> sqlx::Result<i64> {
    sqlx::query_scalar!(r#"select count(*) as "count!" from erasures where completed_at is null"#)
        .fetch_one(executor)
        .await
}

/// Deletes at most `batch` records of erasures completed before `before`; returns how many.
pub async fn purge(
    executor: impl PgExecutor<'_>,
    before: Timestamp,
    batch: i64,
) -> sqlx::Result<u64> {
    let deleted = sqlx::query!(
        "delete from erasures where user_id = any(array(
             select user_id from erasures where completed_at < $1 limit $2 for update skip locked
         ))",
        before.to_sqlx() as _,
        batch
    )
    .execute(executor)
    .await?;
    Ok(deleted.rows_affected())
}
