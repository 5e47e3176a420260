//! Sums over the hours of the day, and over weekdays.

use jiff::civil::Date;
use jiff_sqlx::ToSqlx;
use sqlx::PgExecutor;

/// One hour of the day, over all days of a window.
#[derive(Debug)]
pub struct Hour {
    /// 0 to 23.
    pub hour: i32,
    /// Holds taken.
    pub reservations: i64,
    /// Reservations paid.
    pub confirmed: i64,
    /// Reservations cancelled.
    pub cancelled: i64,
    /// Won that confirmed reservations brought, less what went back.
    pub revenue: i64,
}

/// All 24 hours of the days since `since`, in the zone of that name.
pub async fn since(
    executor: impl PgExecutor<'_>,
    since: Date,
    zone: &str,
) -> sqlx::Result<Vec<Hour>> {
    sqlx::query_as!(
        Hour,
        r#"with counted as (
               select created_at as at, 1 as reservations, 0 as confirmed, 0 as cancelled,
                      0::bigint as revenue
               from reservation_facts where created_day >= $1
               union all
               select confirmed_at, 0, 1, 0, confirmed_amount
               from reservation_facts where confirmed_day >= $1
               union all
               select cancelled_at, 0, 0, 1, 0
               from reservation_facts where cancelled_day >= $1
               union all
               select refunded_at, 0, 0, 0, -refunded_amount
               from reservation_facts where refunded_day >= $1 and confirmed_day is not null
           )
           select hour as "hour!", count(*) filter (where reservations = 1) as "reservations!",
                  count(*) filter (where confirmed = 1) as "confirmed!",
                  count(*) filter (where cancelled = 1) as "cancelled!",
                  coalesce(sum(revenue), 0)::bigint as "revenue!"
           from generate_series(0, 23) as hour
           left join counted on extract(hour from at at time zone $2) = hour
           group by hour order by hour"#,
        since.to_sqlx() as _,
        zone,
    )
    .fetch_all(executor)
    .await
}

/// Working days, or weekends.
#[derive(Debug)]
pub struct DayType {
    /// Whether these are Saturdays and Sundays.
    pub weekend: bool,
    /// Holds taken.
    pub reservations: i64,
    /// Of those, paid.
    pub confirmed: i64,
    /// Won that those brought.
    pub amount: i64,
}

/// Both types of day since `since`.
pub async fn day_types(executor: impl PgExecutor<'_>, since: Date) -> sqlx::Result<Vec<DayType>> {
    sqlx::query_as!(
        DayType,
        r#"select weekend as "weekend!", count(created_at) as "reservations!",
                  count(confirmed_at) as "confirmed!",
                  coalesce(sum(confirmed_amount), 0)::bigint as "amount!"
           from (values (false), (true)) as types (weekend)
           left join reservation_facts
               on created_day >= $1 and (extract(isodow from created_day) > 5) = weekend
           group by weekend order by weekend"#,
        since.to_sqlx() as _,
    )
    .fetch_all(executor)
    .await
}

/// One day of the week.
#[derive(Debug)]
pub struct Weekday {
    /// 0 is Sunday.
    pub day: i32,
    /// Different people who took holds.
    pub users: i64,
    /// Holds taken.
    pub reservations: i64,
}

/// All seven weekdays since `since`.
pub async fn weekdays(executor: impl PgExecutor<'_>, since: Date) -> sqlx::Result<Vec<Weekday>> {
    sqlx::query_as!(
        Weekday,
        r#"select day as "day!", count(distinct user_id) as "users!",
                  count(reservation_id) as "reservations!"
           from generate_series(0, 6) as day
           left join reservation_facts
               on created_day >= $1 and extract(dow from created_day) = day
           group by day order by day"#,
        since.to_sqlx() as _,
    )
    .fetch_all(executor)
    .await
}
