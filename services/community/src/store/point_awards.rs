//! Tables `point_awards` and `daily_points`: what was earned, and what of it ticket has.

use jiff::{SignedDuration, Timestamp, civil::Date};
use jiff_sqlx::ToSqlx;
use sqlx::{PgConnection, PgExecutor};
use urr_contract::{UserId, internal::AwardPoints};

use crate::domain::points::{Outcome, day_of};

/// An award that this process delivers now.
#[derive(Clone, Debug)]
pub struct Leased {
    /// Its number.
    pub id: i64,
    /// Which delivery this is, from 1.
    pub attempts: i32,
    /// What ticket is told.
    pub award: AwardPoints,
}

/// Notes an award, unless it would take its author over `limit` points on this day.
/// Returns whether it was noted.
pub async fn note(
    connection: &mut PgConnection,
    award: &AwardPoints,
    limit: i32,
    now: Timestamp,
) -> sqlx::Result<bool> {
    // The row of the day is locked until commit, so parallel deeds add up one by one.
    let counted = sqlx::query!(
        "insert into daily_points as earned (user_id, day, points)
         select $1, $2, $3 where $3::int <= $4::int
         on conflict (user_id, day) do update set points = earned.points + excluded.points
             where earned.points + excluded.points <= $4",
        award.user_id as UserId,
        day_of(now).to_sqlx() as _,
        award.points,
        limit
    )
    .execute(&mut *connection)
    .await?;
    if counted.rows_affected() == 0 {
        return Ok(false);
    }
    sqlx::query!(
        "insert into point_awards
             (user_id, artist_id, action_type, points, description, reference_id, next_attempt_at,
              created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $7)",
        award.user_id as UserId,
        award.artist_id,
        award.action_type,
        award.points,
        award.description,
        award.reference_id,
        now.to_sqlx() as _
    )
    .execute(&mut *connection)
    .await?;
    Ok(true)
}

/// Takes at most `batch` awards that are due. Nobody else takes them until the lease ends,
/// and whoever dies in between delivers them again: ticket knows each by its reference.
pub async fn lease(
    executor: impl PgExecutor<'_>,
    now: Timestamp,
    lease: SignedDuration,
    batch: i64,
) -> sqlx::Result<Vec<Leased>> {
    let rows = sqlx::query!(
        r#"update point_awards set attempts = attempts + 1, next_attempt_at = $2
           where id = any(array(
               select id from point_awards
               where delivered_at is null and given_up_at is null and next_attempt_at <= $1
               order by next_attempt_at, id limit $3
               for update skip locked
           ))
           returning id, attempts, user_id as "user_id!: UserId", artist_id, action_type, points,
                     description, reference_id"#,
        now.to_sqlx() as _,
        (now + lease).to_sqlx() as _,
        batch
    )
    .fetch_all(executor)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Leased {
            id: row.id,
            attempts: row.attempts,
            award: AwardPoints {
                user_id: row.user_id,
                action_type: row.action_type,
                points: row.points,
                description: row.description,
                reference_id: Some(row.reference_id),
                artist_id: row.artist_id,
            },
        })
        .collect())
}

/// Writes down what became of an award. What somebody else has taken over meanwhile stays as it
/// is, unless ticket has it now.
pub async fn settle(
    executor: impl PgExecutor<'_>,
    leased: &Leased,
    outcome: &Outcome,
    now: Timestamp,
) -> sqlx::Result<()> {
    let (delivered, next, given_up, error) = match outcome {
        Outcome::Delivered => (Some(now), None, None, None),
        Outcome::Retry(then, error) => (None, Some(*then), None, Some(error)),
        Outcome::GiveUp(error) => (None, None, Some(now), Some(error)),
    };
    sqlx::query!(
        "update point_awards
         set delivered_at = $3, next_attempt_at = coalesce($4, next_attempt_at), given_up_at = $5, error = $6
         where id = $1 and delivered_at is null and (attempts = $2 or $3::timestamptz is not null)",
        leased.id,
        leased.attempts,
        delivered.map(ToSqlx::to_sqlx) as _,
        next.map(ToSqlx::to_sqlx) as _,
        given_up.map(ToSqlx::to_sqlx) as _,
        error
    )
    .execute(executor)
    .await?;
    Ok(())
}

/// Deletes awards that are done and older than `before`, and sums of days before `day`.
pub async fn purge(
    connection: &mut PgConnection,
    before: Timestamp,
    day: Date,
) -> sqlx::Result<u64> {
    let awards = sqlx::query!(
        "delete from point_awards
         where created_at < $1 and (delivered_at is not null or given_up_at is not null)",
        before.to_sqlx() as _
    )
    .execute(&mut *connection)
    .await?;
    let days = sqlx::query!(
        "delete from daily_points where day < $1",
        day.to_sqlx() as _
    )
    .execute(&mut *connection)
    .await?;
    Ok(awards.rows_affected() + days.rows_affected())
}
