//! Sums over events.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use sqlx::PgExecutor;
use urr_contract::EventId;

/// One event.
#[derive(Clone, Debug)]
pub struct Event {
    /// Which.
    pub id: EventId,
    /// Holds ever taken.
    pub reservations: i64,
    /// Of those, paid.
    pub confirmed: i64,
    /// Cancelled, paid or not.
    pub cancelled: i64,
    /// Neither paid nor ended.
    pub pending: i64,
    /// Seats and standing places sold and not given back.
    pub sold_seats: i64,
    /// Won kept.
    pub revenue: i64,
}

impl Event {
    /// An event of which no fact has told yet.
    pub const fn untold(id: EventId) -> Self {
        Self {
            id,
            reservations: 0,
            confirmed: 0,
            cancelled: 0,
            pending: 0,
            sold_seats: 0,
            revenue: 0,
        }
    }
}

/// Every event that facts have told of.
pub async fn all(executor: impl PgExecutor<'_>) -> sqlx::Result<Vec<Event>> {
    sqlx::query_as!(
        Event,
        r#"select event_id as "id!: EventId", total_reservations as "reservations!",
                  confirmed_reservations as "confirmed!", cancelled_reservations as "cancelled!",
                  pending_reservations as "pending!", reserved_seats as "sold_seats!",
                  total_revenue as "revenue!"
           from event_stats order by event_id"#
    )
    .fetch_all(executor)
    .await
}

/// One event, if facts have told of it.
pub async fn find(executor: impl PgExecutor<'_>, id: EventId) -> sqlx::Result<Option<Event>> {
    sqlx::query_as!(
        Event,
        r#"select event_id as "id!: EventId", total_reservations as "reservations!",
                  confirmed_reservations as "confirmed!", cancelled_reservations as "cancelled!",
                  pending_reservations as "pending!", reserved_seats as "sold_seats!",
                  total_revenue as "revenue!"
           from event_stats where event_id = $1"#,
        id as EventId,
    )
    .fetch_optional(executor)
    .await
}

/// An event that people are reserving for.
#[derive(Debug)]
pub struct Trending {
    /// Which.
    pub id: EventId,
    /// Holds taken.
    pub reservations: i64,
}

/// The five events with the most holds since `since`.
pub async fn trending(
    executor: impl PgExecutor<'_>,
    since: Timestamp,
) -> sqlx::Result<Vec<Trending>> {
    sqlx::query_as!(
        Trending,
        r#"select event_id as "id!: EventId", count(*) as "reservations!"
           from reservation_facts where event_id is not null and created_at >= $1
           group by event_id order by 2 desc, 1 limit 5"#,
        since.to_sqlx() as _,
    )
    .fetch_all(executor)
    .await
}
