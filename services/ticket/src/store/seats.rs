//! Hot path: no blocking IO, no allocation per waiting user, no info logs.
//!
//! Seats. A hold raises the fencing token; whoever writes later must show it.

use serde::Serialize;
use sqlx::{PgConnection, PgExecutor, PgPool};
use urr_contract::{EventId, ReservationId, SeatId, UserId, Won};
use utoipa::ToSchema;

use crate::domain::{layout::Layout, seat::SeatKind};

/// A seat as the map shows it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Seat)]
pub struct MapSeat {
    /// The seat.
    pub id: SeatId,
    /// Its section.
    pub section: String,
    /// Its row.
    pub row_number: i32,
    /// Its number in the row.
    pub seat_number: i32,
    /// Its name for people.
    pub seat_label: String,
    /// Its price.
    pub price: Won,
    /// `available`, `locked` or `reserved`.
    pub status: String,
    /// For whom it is; left out where for anybody.
    #[serde(skip_serializing_if = "SeatKind::is_standard")]
    pub kind: SeatKind,
}

/// All seats of an event, by section, row and number.
pub async fn map(pool: &PgPool, event: EventId) -> sqlx::Result<Vec<MapSeat>> {
    sqlx::query_as!(
        MapSeat,
        r#"select id as "id!: SeatId", section, row_number, seat_number, seat_label,
                  price as "price!: Won", status, kind as "kind!: SeatKind"
           from seats where event_id = $1 order by section, row_number, seat_number"#,
        event as EventId,
    )
    .fetch_all(pool)
    .await
}

/// A seat under its row lock, as it is before it is taken.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = HeldSeat)]
pub struct LockedSeat {
    /// The seat.
    pub id: SeatId,
    /// Its name for people.
    pub seat_label: String,
    /// Its price.
    pub price: Won,
    /// `available`, `locked` or `reserved`.
    pub status: String,
    /// Number of changes.
    pub version: i32,
}

impl From<super::reservations::HeldSeat> for LockedSeat {
    /// As it was before the hold took it, which is what the first answer showed.
    fn from(seat: super::reservations::HeldSeat) -> Self {
        Self {
            id: seat.id,
            seat_label: seat.seat_label,
            price: seat.price,
            status: "available".to_owned(),
            version: seat.version - 1,
        }
    }
}

/// Locks those of the seats that exist and belong to the event, in the order of their ids.
pub async fn lock(
    connection: &mut PgConnection,
    event: EventId,
    seats: &[SeatId],
) -> sqlx::Result<Vec<LockedSeat>> {
    sqlx::query_as!(
        LockedSeat,
        r#"select id as "id!: SeatId", seat_label, price as "price!: Won", status, version
           from seats where event_id = $1 and id = any($2) order by id for update"#,
        event as EventId,
        seats as &[SeatId],
    )
    .fetch_all(connection)
    .await
}

/// A seat that was taken, with the token that proves it.
#[derive(Clone, Copy, Debug)]
pub struct TakenSeat {
    /// The seat.
    pub id: SeatId,
    /// Its price.
    pub price: Won,
    /// Token of this hold.
    pub fencing_token: i64,
}

/// Takes those of the locked seats that are available.
pub async fn take(
    connection: &mut PgConnection,
    seats: &[SeatId],
    user: UserId,
) -> sqlx::Result<Vec<TakenSeat>> {
    sqlx::query_as!(
        TakenSeat,
        r#"update seats set status = 'locked', locked_by = $2, fencing_token = fencing_token + 1,
                  version = version + 1, updated_at = now()
           where id = any($1) and status = 'available'
           returning id as "id!: SeatId", price as "price!: Won", fencing_token"#,
        seats as &[SeatId],
        user as UserId,
    )
    .fetch_all(connection)
    .await
}

/// Marks the seats of a live reservation as sold, if their tokens are still its own.
/// Returns how many were.
pub async fn sell(connection: &mut PgConnection, reservation: ReservationId) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        r"with own as (
              select s.id from seats s join reservation_items i on i.seat_id = s.id
              where i.reservation_id = $1 and i.live and s.fencing_token = i.fencing_token and s.status = 'locked'
              order by s.id for update of s
          )
          update seats s set status = 'reserved', version = s.version + 1, updated_at = now()
          from own where s.id = own.id",
        reservation as ReservationId,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}

/// Frees seats that a reservation has just let go. Tokens stay as they are.
pub async fn free(connection: &mut PgConnection, seats: &[SeatId]) -> sqlx::Result<()> {
    sqlx::query!(
        r"with ordered as (select id from seats where id = any($1) order by id for update)
          update seats s set status = 'available', locked_by = null, version = s.version + 1, updated_at = now()
          from ordered where s.id = ordered.id",
        seats as &[SeatId],
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Whether every one of the seats is available.
pub async fn all_available(pool: &PgPool, seats: &[SeatId]) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select coalesce(bool_and(status = 'available'), false) as "free!" from seats where id = any($1)"#,
        seats as &[SeatId],
    )
    .fetch_one(pool)
    .await
}

/// Makes the seats of a layout for an event, in one statement. Seats that exist stay.
pub async fn generate(
    connection: &mut PgConnection,
    event: EventId,
    layout: &Layout,
) -> sqlx::Result<u64> {
    let sections = &layout.sections;
    let names: Vec<&str> = sections
        .iter()
        .map(|section| section.name.as_str())
        .collect();
    let rows: Vec<i32> = sections.iter().map(|section| section.rows).collect();
    let per_row: Vec<i32> = sections
        .iter()
        .map(|section| section.seats_per_row)
        .collect();
    let prices: Vec<Won> = sections.iter().map(|section| section.price).collect();
    let starts: Vec<i32> = sections.iter().map(|section| section.start_row).collect();
    let done = sqlx::query!(
        r"insert into seats (event_id, section, row_number, seat_number, seat_label, price)
          select $1, s.name, r, n, s.name || '-' || r || '-' || n, s.price
          from unnest($2::text[], $3::int[], $4::int[], $5::bigint[], $6::int[])
                   as s(name, rows, per_row, price, start),
               generate_series(s.start, s.start + s.rows - 1) as r,
               generate_series(1, s.per_row) as n
          on conflict on constraint seats_one_per_place do nothing",
        event as EventId,
        &names as &[&str],
        &rows,
        &per_row,
        &prices as &[Won],
        &starts,
    )
    .execute(&mut *connection)
    .await?;
    name_special(connection, event, layout).await?;
    Ok(done.rows_affected())
}

/// Writes down for whom the special seats of a layout are.
async fn name_special(
    connection: &mut PgConnection,
    event: EventId,
    layout: &Layout,
) -> sqlx::Result<()> {
    let special: Vec<_> = layout.special_seats().collect();
    if special.is_empty() {
        return Ok(());
    }
    let sections: Vec<&str> = special.iter().map(|seat| seat.section).collect();
    let rows: Vec<i32> = special.iter().map(|seat| seat.row).collect();
    let numbers: Vec<i32> = special.iter().map(|seat| seat.number).collect();
    let kinds: Vec<&str> = special.iter().map(|seat| seat.kind.as_str()).collect();
    sqlx::query!(
        r"update seats s set kind = special.kind
          from unnest($2::text[], $3::int[], $4::int[], $5::text[]) as special(section, row, number, kind)
          where s.event_id = $1 and s.section = special.section and s.row_number = special.row
            and s.seat_number = special.number",
        event as EventId,
        &sections as &[&str],
        &rows,
        &numbers,
        &kinds as &[&str],
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Number of seats of an event.
pub async fn count(executor: impl PgExecutor<'_>, event: EventId) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from seats where event_id = $1"#,
        event as EventId
    )
    .fetch_one(executor)
    .await
}

/// Whether somebody holds or owns a seat of the event. The seats are locked until the
/// transaction ends, so that the answer stays true.
pub async fn any_live(connection: &mut PgConnection, event: EventId) -> sqlx::Result<bool> {
    sqlx::query!(
        "select id from seats where event_id = $1 order by id for update",
        event as EventId
    )
    .fetch_all(&mut *connection)
    .await?;
    sqlx::query_scalar!(
        r#"select exists (
               select from reservation_items i join seats s on s.id = i.seat_id
               where s.event_id = $1 and i.live
           ) as "live!""#,
        event as EventId,
    )
    .fetch_one(connection)
    .await
}

/// Deletes the seats of an event.
pub async fn delete(connection: &mut PgConnection, event: EventId) -> sqlx::Result<u64> {
    let done = sqlx::query!("delete from seats where event_id = $1", event as EventId)
        .execute(connection)
        .await?;
    Ok(done.rows_affected())
}
