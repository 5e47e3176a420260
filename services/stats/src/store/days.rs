//! Sums over days.

use jiff::civil::Date;
use jiff_sqlx::ToSqlx;
use sqlx::PgExecutor;
use urr_contract::EventId;

/// Sums over all days.
#[derive(Debug)]
pub struct Totals {
    /// Holds ever taken.
    pub reservations: i64,
    /// Of those, paid.
    pub confirmed: i64,
    /// Cancelled, paid or not.
    pub cancelled: i64,
    /// Paid and impossible to honour.
    pub rejected: i64,
    /// Ended unpaid.
    pub expired: i64,
    /// Won kept.
    pub revenue: i64,
    /// Captures.
    pub payments: i64,
    /// Won captured, less what went back.
    pub payment_revenue: i64,
}

/// Everything that was ever counted.
pub async fn totals(executor: impl PgExecutor<'_>) -> sqlx::Result<Totals> {
    sqlx::query_as!(
        Totals,
        r#"select coalesce(sum(total_reservations), 0)::bigint as "reservations!",
                  coalesce(sum(confirmed_reservations), 0)::bigint as "confirmed!",
                  coalesce(sum(cancelled_reservations), 0)::bigint as "cancelled!",
                  coalesce(sum(rejected_reservations), 0)::bigint as "rejected!",
                  coalesce(sum(expired_reservations), 0)::bigint as "expired!",
                  coalesce(sum(total_revenue), 0)::bigint as "revenue!",
                  coalesce(sum(payments), 0)::bigint as "payments!",
                  coalesce(sum(payment_revenue), 0)::bigint as "payment_revenue!"
           from daily_stats"#
    )
    .fetch_one(executor)
    .await
}

/// One day.
#[derive(Debug)]
pub struct Day {
    /// Which.
    pub date: jiff_sqlx::Date,
    /// Holds taken.
    pub reservations: i64,
    /// Reservations paid.
    pub confirmed: i64,
    /// Reservations cancelled.
    pub cancelled: i64,
    /// Won kept.
    pub revenue: i64,
}

/// The days since `since` on which something happened, newest first.
pub async fn since(executor: impl PgExecutor<'_>, since: Date) -> sqlx::Result<Vec<Day>> {
    sqlx::query_as!(
        Day,
        r#"select date as "date!", total_reservations as "reservations!",
                  confirmed_reservations as "confirmed!", cancelled_reservations as "cancelled!",
                  total_revenue as "revenue!"
           from daily_stats where date >= $1 order by date desc"#,
        since.to_sqlx() as _,
    )
    .fetch_all(executor)
    .await
}

/// One day, week or month of revenue.
#[derive(Debug)]
pub struct Revenue {
    /// Its first day.
    pub period: jiff_sqlx::Date,
    /// Captures.
    pub payments: i64,
    /// Won kept.
    pub revenue: i64,
}

/// Revenue since `since` by `unit` (`day`, `week` or `month`), newest first.
pub async fn revenue(
    executor: impl PgExecutor<'_>,
    unit: &str,
    since: Date,
) -> sqlx::Result<Vec<Revenue>> {
    sqlx::query_as!(
        Revenue,
        r#"select date_trunc($1, date::timestamp)::date as "period!",
                  sum(payments)::bigint as "payments!", sum(total_revenue)::bigint as "revenue!"
           from daily_stats where date >= $2 group by 1 order by 1 desc"#,
        unit,
        since.to_sqlx() as _,
    )
    .fetch_all(executor)
    .await
}

/// How far the reservations begun on one day came.
#[derive(Debug)]
pub struct Started {
    /// The day.
    pub date: jiff_sqlx::Date,
    /// Holds taken.
    pub total: i64,
    /// Of those, paid, whatever came later.
    pub completed: i64,
    /// Of those, ended unpaid.
    pub ended: i64,
}

/// The reservations begun since `since`, by day, newest first.
pub async fn started(executor: impl PgExecutor<'_>, since: Date) -> sqlx::Result<Vec<Started>> {
    sqlx::query_as!(
        Started,
        r#"select created_day as "date!", count(*) as "total!", count(confirmed_at) as "completed!",
                  count(*) filter (where confirmed_at is null
                      and coalesce(cancelled_at, rejected_at, expired_at) is not null) as "ended!"
           from reservation_facts where created_day >= $1 group by 1 order by 1 desc"#,
        since.to_sqlx() as _,
    )
    .fetch_all(executor)
    .await
}

/// One day of one event.
#[derive(Debug)]
pub struct DayOfEvent {
    /// The day.
    pub date: jiff_sqlx::Date,
    /// Holds taken.
    pub reservations: i64,
    /// Won kept.
    pub revenue: i64,
}

/// The days since `since` on which something happened to an event, newest first.
pub async fn of_event(
    executor: impl PgExecutor<'_>,
    event: EventId,
    since: Date,
) -> sqlx::Result<Vec<DayOfEvent>> {
    sqlx::query_as!(
        DayOfEvent,
        r#"select date as "date!", sum(reservations)::bigint as "reservations!",
                  sum(revenue)::bigint as "revenue!"
           from (
               select created_day as date, 1 as reservations, 0::bigint as revenue
               from reservation_facts where event_id = $1 and created_day >= $2
               union all
               select confirmed_day, 0, confirmed_amount
               from reservation_facts where event_id = $1 and confirmed_day >= $2
               union all
               select refunded_day, 0, -refunded_amount
               from reservation_facts
               where event_id = $1 and refunded_day >= $2 and confirmed_day is not null
           ) as counted
           group by date order by date desc"#,
        event as EventId,
        since.to_sqlx() as _,
    )
    .fetch_all(executor)
    .await
}
