//! What is going on now, and how well it goes.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use sqlx::PgExecutor;
use urr_contract::EventId;

/// This moment.
#[derive(Debug)]
pub struct Now {
    /// Seats and standing places held and not paid.
    pub held_seats: i64,
    /// Money moves of the last minutes.
    pub payments: i64,
    /// Different people of whom a fact told in the last minutes.
    pub users: i64,
}

/// This moment: holds not older than `holds_since` (none lives longer, so one whose end was
/// never told does not count for ever), activity since `active_since`.
pub async fn now(
    executor: impl PgExecutor<'_>,
    holds_since: Timestamp,
    active_since: Timestamp,
) -> sqlx::Result<Now> {
    sqlx::query_as!(
        Now,
        r#"select
               (select coalesce(sum(quantity), 0)::bigint from reservation_facts
                where created_at >= $1
                  and coalesce(confirmed_at, cancelled_at, rejected_at, expired_at) is null)
                   as "held_seats!",
               (select count(*) from payment_facts where captured_at >= $2) as "payments!",
               (select count(*) from (
                    select user_id from reservation_facts where created_at >= $2
                    union select user_id from reservation_facts where confirmed_at >= $2
                    union select user_id from payment_facts where captured_at >= $2
                ) as active) as "users!""#,
        holds_since.to_sqlx() as _,
        active_since.to_sqlx() as _,
    )
    .fetch_one(executor)
    .await
}

/// Some time up to now.
#[derive(Debug)]
pub struct Recent {
    /// Holds taken.
    pub reservations: i64,
    /// Of those, paid.
    pub confirmed: i64,
    /// Of those, paid and impossible to honour.
    pub rejected: i64,
    /// Won that reservations confirmed in that time brought.
    pub revenue: i64,
    /// Seconds that a hold lasted on average, until paid or ended.
    pub hold_seconds: f64,
}

/// What happened since `since`.
pub async fn recent(executor: impl PgExecutor<'_>, since: Timestamp) -> sqlx::Result<Recent> {
    sqlx::query_as!(
        Recent,
        r#"select count(*) as "reservations!", count(confirmed_at) as "confirmed!",
                  count(rejected_at) as "rejected!",
                  (select coalesce(sum(confirmed_amount), 0)::bigint from reservation_facts
                   where confirmed_at >= $1) as "revenue!",
                  coalesce(avg(extract(epoch from
                      least(confirmed_at, cancelled_at, rejected_at, expired_at) - created_at)), 0
                  )::float8 as "hold_seconds!"
           from reservation_facts where created_at >= $1"#,
        since.to_sqlx() as _,
    )
    .fetch_one(executor)
    .await
}

/// How much is stored.
#[derive(Debug)]
pub struct Stored {
    /// Bytes of the database.
    pub bytes: i64,
    /// The same to be read by people.
    pub size: String,
    /// Reservations told of.
    pub reservations: i64,
    /// Payments told of.
    pub payments: i64,
}

/// How much is stored here.
pub async fn stored(executor: impl PgExecutor<'_>) -> sqlx::Result<Stored> {
    sqlx::query_as!(
        Stored,
        r#"select bytes as "bytes!", pg_size_pretty(bytes) as "size!",
                  (select count(*) from reservation_facts) as "reservations!",
                  (select count(*) from payment_facts) as "payments!"
           from pg_database_size(current_database()) as bytes"#
    )
    .fetch_one(executor)
    .await
}

/// What can happen to a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type, serde::Serialize, utoipa::ToSchema)]
#[sqlx(type_name = "text", rename_all = "lowercase")]
#[serde(rename_all = "lowercase")]
#[schema(as = ActivityKind)]
pub enum What {
    /// Held.
    Held,
    /// Paid.
    Paid,
    /// Cancelled, paid or not.
    Cancelled,
    /// Ended unpaid.
    Expired,
}

/// Something that happened to a reservation.
#[derive(Debug)]
pub struct Act {
    /// What.
    pub what: What,
    /// When.
    pub at: jiff_sqlx::Timestamp,
    /// For which event.
    pub event: Option<EventId>,
    /// Seats and standing places in it.
    pub seats: i64,
    /// Won paid.
    pub amount: i64,
}

/// What happened last, the newest first.
pub async fn latest(executor: impl PgExecutor<'_>, limit: i64) -> sqlx::Result<Vec<Act>> {
    sqlx::query_as!(
        Act,
        r#"select what as "what!: What", at as "at!", event_id as "event: EventId",
                  quantity as "seats!", amount as "amount!"
           from (
               (select 'held' as what, created_at as at, event_id, quantity, 0::bigint as amount
                from reservation_facts where created_at is not null
                order by created_at desc limit $1)
               union all
               (select 'paid', confirmed_at, event_id, quantity, confirmed_amount
                from reservation_facts where confirmed_at is not null
                order by confirmed_at desc limit $1)
               union all
               (select 'cancelled', cancelled_at, event_id, quantity, 0
                from reservation_facts where cancelled_at is not null
                order by cancelled_at desc limit $1)
               union all
               (select 'expired', expired_at, event_id, quantity, 0
                from reservation_facts where expired_at is not null
                order by expired_at desc limit $1)
           ) as acts
           order by at desc, what limit $1"#,
        limit,
    )
    .fetch_all(executor)
    .await
}
