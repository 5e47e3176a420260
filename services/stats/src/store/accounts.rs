//! How many accounts there were, day by day.

use jiff::civil::Date;
use jiff_sqlx::ToSqlx;
use sqlx::PgExecutor;
use urr_contract::internal::UserCounts;

/// Notes the counts of a day. The first of a day is kept beside the last.
pub async fn note(
    executor: impl PgExecutor<'_>,
    day: Date,
    counts: &UserCounts,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into user_counts (day, first_users, users, admins) values ($1, $2, $2, $3)
         on conflict (day) do update set users = excluded.users, admins = excluded.admins",
        day.to_sqlx() as _,
        counts.users,
        counts.admins,
    )
    .execute(executor)
    .await?;
    Ok(())
}

/// The accounts of one day.
#[derive(Debug)]
pub struct DayOfAccounts {
    /// The day.
    pub day: jiff_sqlx::Date,
    /// More than at the end of the noted day before it; on the first noted day, more than
    /// when it was first noted.
    pub new_users: i64,
    /// At the end of the day.
    pub users: i64,
}

/// The days noted from `since` on, newest first.
pub async fn days(executor: impl PgExecutor<'_>, since: Date) -> sqlx::Result<Vec<DayOfAccounts>> {
    sqlx::query_as!(
        DayOfAccounts,
        r#"select day, users,
                  greatest(users - coalesce(
                      (select before.users from user_counts as before
                       where before.day < noted.day order by before.day desc limit 1),
                      first_users), 0) as "new_users!"
           from user_counts as noted where day >= $1 order by day desc"#,
        since.to_sqlx() as _,
    )
    .fetch_all(executor)
    .await
}
