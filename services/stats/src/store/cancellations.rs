//! Sums over cancelled reservations.

use jiff::civil::Date;
use jiff_sqlx::ToSqlx;
use sqlx::PgExecutor;
use urr_contract::EventId;

/// All cancellations of a window.
#[derive(Debug)]
pub struct Overview {
    /// How many.
    pub cancelled: i64,
    /// Hours between hold and cancellation on average, 0 where there were none.
    pub hours: f64,
    /// Won that went back on those days.
    pub refunded: i64,
}

/// The cancellations since `since`.
pub async fn overview(executor: impl PgExecutor<'_>, since: Date) -> sqlx::Result<Overview> {
    sqlx::query_as!(
        Overview,
        r#"select count(*) filter (where cancelled_day >= $1) as "cancelled!",
                  coalesce(avg(extract(epoch from cancelled_at - created_at) / 3600)
                      filter (where cancelled_day >= $1), 0)::float8 as "hours!",
                  coalesce(sum(refunded_amount) filter (where refunded_day >= $1), 0)::bigint
                      as "refunded!"
           from reservation_facts where cancelled_day >= $1 or refunded_day >= $1"#,
        since.to_sqlx() as _,
    )
    .fetch_one(executor)
    .await
}

/// An event with cancellations.
#[derive(Debug)]
pub struct Event {
    /// Which.
    pub id: EventId,
    /// Holds ever taken.
    pub reservations: i64,
    /// Cancelled in the window.
    pub cancelled: i64,
    /// Won that went back in the window.
    pub refunded: i64,
}

/// The ten events with the most cancellations since `since`.
pub async fn by_event(executor: impl PgExecutor<'_>, since: Date) -> sqlx::Result<Vec<Event>> {
    sqlx::query_as!(
        Event,
        r#"select event_id as "id!: EventId", count(created_at) as "reservations!",
                  count(*) filter (where cancelled_day >= $1) as "cancelled!",
                  coalesce(sum(refunded_amount) filter (where refunded_day >= $1), 0)::bigint
                      as "refunded!"
           from reservation_facts
           where event_id in (select event_id from reservation_facts where cancelled_day >= $1)
           group by event_id order by 3 desc, 1 limit 10"#,
        since.to_sqlx() as _,
    )
    .fetch_all(executor)
    .await
}
