//! Reservations of everybody, as administrators see them.

use serde::Serialize;
use sqlx::PgPool;
use urr_contract::{EventId, ReservationId, UserId, Won};
use utoipa::ToSchema;

use crate::domain::stamp::Stamp;

/// A reservation in the list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ReservationOfPerson)]
pub struct AdminReservation {
    /// The reservation.
    pub id: ReservationId,
    /// Whose it is.
    pub user_id: UserId,
    /// Its number for people.
    pub reservation_number: String,
    /// Won to pay.
    pub total_amount: Won,
    /// Its status.
    pub status: String,
    /// Its payment status.
    pub payment_status: String,
    /// When it was made.
    pub created_at: Stamp,
    /// Title of the event.
    pub event_title: Option<String>,
    /// Where it is.
    pub venue: Option<String>,
    /// When it is.
    pub event_date: Option<Stamp>,
}

/// Reservations, newest first, and how many there are. Only those of one status where one is
/// named.
pub async fn list(
    pool: &PgPool,
    status: Option<&str>,
    limit: i64,
    offset: i64,
) -> sqlx::Result<(Vec<AdminReservation>, i64)> {
    let total = sqlx::query_scalar!(
        r#"select count(*) as "count!" from reservations where $1::text is null or status = $1"#,
        status,
    )
    .fetch_one(pool)
    .await?;
    let rows = sqlx::query_as!(
        AdminReservation,
        r#"select r.id as "id!: ReservationId", r.user_id as "user_id!: UserId", r.reservation_number,
                  r.total_amount as "total_amount!: Won", r.status, r.payment_status,
                  r.created_at as "created_at!: Stamp", e.title as "event_title?", e.venue as "venue?",
                  e.event_date as "event_date?: Stamp"
           from reservations r left join events e on e.id = r.event_id
           where $1::text is null or r.status = $1
           order by r.created_at desc, r.id limit $2 offset $3"#,
        status,
        limit,
        offset,
    )
    .fetch_all(pool)
    .await?;
    Ok((rows, total))
}

/// All columns of a reservation that the contract knows.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReservationColumns {
    /// The reservation.
    pub id: ReservationId,
    /// Whose it is.
    pub user_id: UserId,
    /// For which event.
    pub event_id: Option<EventId>,
    /// Its number for people.
    pub reservation_number: String,
    /// Won to pay.
    pub total_amount: Won,
    /// Its status.
    pub status: String,
    /// How it was paid.
    pub payment_method: Option<String>,
    /// Its payment status.
    pub payment_status: String,
    /// End of the hold.
    pub expires_at: Stamp,
    /// When it was made.
    pub created_at: Stamp,
    /// When it was changed.
    pub updated_at: Stamp,
}

/// One reservation.
pub async fn find(pool: &PgPool, id: ReservationId) -> sqlx::Result<Option<ReservationColumns>> {
    sqlx::query_as!(
        ReservationColumns,
        r#"select id as "id!: ReservationId", user_id as "user_id!: UserId", event_id as "event_id: EventId",
                  reservation_number, total_amount as "total_amount!: Won", status, payment_method,
                  payment_status, expires_at as "expires_at!: Stamp", created_at as "created_at!: Stamp",
                  updated_at as "updated_at!: Stamp"
           from reservations where id = $1"#,
        id as ReservationId,
    )
    .fetch_optional(pool)
    .await
}

/// Sums over everything.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DashboardTotals)]
pub struct Totals {
    /// Events, deleted ones left out.
    pub total_events: i64,
    /// Reservations that were not cancelled.
    pub total_reservations: i64,
    /// Won of the reservations that are paid.
    pub total_revenue: i64,
    /// Reservations made since midnight in Seoul.
    pub today_reservations: i64,
}

/// Sums over everything.
pub async fn totals(pool: &PgPool) -> sqlx::Result<Totals> {
    sqlx::query_as!(
        Totals,
        r#"select (select count(*) from events where deleted_at is null) as "total_events!",
                  count(*) filter (where status <> 'cancelled') as "total_reservations!",
                  coalesce(sum(total_amount) filter (where payment_status = 'completed'), 0)::bigint
                      as "total_revenue!",
                  count(*) filter (where created_at >=
                      date_trunc('day', now() at time zone 'Asia/Seoul') at time zone 'Asia/Seoul')
                      as "today_reservations!"
           from reservations"#,
    )
    .fetch_one(pool)
    .await
}
