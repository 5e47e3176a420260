//! What single people did.

use jiff::civil::Date;
use jiff_sqlx::ToSqlx;
use sqlx::PgExecutor;

/// One person in a window.
#[derive(Debug)]
pub struct Person {
    /// Holds taken.
    pub reservations: i64,
    /// Won spent on those and not returned.
    pub spent: i64,
}

/// Everybody who took a hold since `since`.
pub async fn people(executor: impl PgExecutor<'_>, since: Date) -> sqlx::Result<Vec<Person>> {
    sqlx::query_as!(
        Person,
        r#"select count(*) as "reservations!",
                  sum(case when confirmed_at is null then 0
                           else confirmed_amount - refunded_amount end)::bigint as "spent!"
           from reservation_facts where created_day >= $1 group by user_id"#,
        since.to_sqlx() as _,
    )
    .fetch_all(executor)
    .await
}

/// Minutes between hold and payment on average, since `since`; 0 where nothing was paid.
pub async fn minutes_to_payment(executor: impl PgExecutor<'_>, since: Date) -> sqlx::Result<f64> {
    sqlx::query_scalar!(
        r#"select coalesce(avg(extract(epoch from confirmed_at - created_at) / 60), 0)::float8
               as "minutes!"
           from reservation_facts where created_day >= $1 and confirmed_at >= created_at"#,
        since.to_sqlx() as _,
    )
    .fetch_one(executor)
    .await
}
