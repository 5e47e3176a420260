//! Lines of reservations: seats and standing places. A line is live while the reservation
//! holds or owns it.

use sqlx::PgConnection;
use urr_contract::{ReservationId, SeatId, TicketTypeId, Won};

use super::seats::TakenSeat;

/// Places of one type in a reservation.
#[derive(Clone, Copy, Debug)]
pub struct Places {
    /// The type.
    pub ticket_type: TicketTypeId,
    /// How many.
    pub quantity: i32,
    /// Price of one.
    pub unit_price: Won,
}

/// Adds live lines for seats that were taken.
pub async fn insert_seats(
    connection: &mut PgConnection,
    reservation: ReservationId,
    seats: &[TakenSeat],
) -> sqlx::Result<()> {
    let ids: Vec<SeatId> = seats.iter().map(|seat| seat.id).collect();
    let prices: Vec<Won> = seats.iter().map(|seat| seat.price).collect();
    let tokens: Vec<i64> = seats.iter().map(|seat| seat.fencing_token).collect();
    sqlx::query!(
        r"insert into reservation_items (reservation_id, seat_id, quantity, unit_price, subtotal, fencing_token)
          select $1, s.id, 1, s.price, s.price, s.token
          from unnest($2::uuid[], $3::bigint[], $4::bigint[]) as s(id, price, token)",
        reservation as ReservationId,
        &ids as &[SeatId],
        &prices as &[Won],
        &tokens,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Adds live lines for places that were taken.
pub async fn insert_places(
    connection: &mut PgConnection,
    reservation: ReservationId,
    places: &[Places],
) -> sqlx::Result<()> {
    let types: Vec<TicketTypeId> = places.iter().map(|line| line.ticket_type).collect();
    let quantities: Vec<i32> = places.iter().map(|line| line.quantity).collect();
    let prices: Vec<Won> = places.iter().map(|line| line.unit_price).collect();
    sqlx::query!(
        r"insert into reservation_items (reservation_id, ticket_type_id, quantity, unit_price, subtotal)
          select $1, t.id, t.quantity, t.price, t.price * t.quantity
          from unnest($2::uuid[], $3::int[], $4::bigint[]) as t(id, quantity, price)",
        reservation as ReservationId,
        &types as &[TicketTypeId],
        &quantities,
        &prices as &[Won],
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// What a line holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// The seat, if it is one.
    pub seat: Option<SeatId>,
    /// The type, if it is places of one.
    pub ticket_type: Option<TicketTypeId>,
    /// How many.
    pub quantity: i32,
}

/// Lets go of all live lines of a reservation and returns them, by type. What comes back
/// must be given back; a second call returns nothing.
pub async fn let_go(
    connection: &mut PgConnection,
    reservation: ReservationId,
) -> sqlx::Result<Vec<Line>> {
    let mut lines = sqlx::query_as!(
        Line,
        r#"update reservation_items set live = false where reservation_id = $1 and live
           returning seat_id as "seat: SeatId", ticket_type_id as "ticket_type: TicketTypeId", quantity"#,
        reservation as ReservationId,
    )
    .fetch_all(connection)
    .await?;
    lines.sort_unstable_by_key(|line| (line.ticket_type, line.seat));
    Ok(lines)
}

/// All lines of a reservation, live or not, by type.
pub async fn of_reservation(
    connection: &mut PgConnection,
    reservation: ReservationId,
) -> sqlx::Result<Vec<Line>> {
    sqlx::query_as!(
        Line,
        r#"select seat_id as "seat: SeatId", ticket_type_id as "ticket_type: TicketTypeId", quantity
           from reservation_items where reservation_id = $1 order by ticket_type_id, seat_id"#,
        reservation as ReservationId,
    )
    .fetch_all(connection)
    .await
}

/// Number of live seats of a reservation.
pub async fn live_seats(
    connection: &mut PgConnection,
    reservation: ReservationId,
) -> sqlx::Result<u64> {
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!" from reservation_items
           where reservation_id = $1 and live and seat_id is not null"#,
        reservation as ReservationId,
    )
    .fetch_one(connection)
    .await?;
    Ok(count.unsigned_abs())
}

/// Makes all lines of an ended reservation live again, seats under their new tokens.
pub async fn revive(
    connection: &mut PgConnection,
    reservation: ReservationId,
    seats: &[TakenSeat],
) -> sqlx::Result<()> {
    let ids: Vec<SeatId> = seats.iter().map(|seat| seat.id).collect();
    let tokens: Vec<i64> = seats.iter().map(|seat| seat.fencing_token).collect();
    sqlx::query!(
        r"update reservation_items i set live = true, fencing_token = s.token
          from (
              select line.id, taken.token from reservation_items line
              left join unnest($2::uuid[], $3::bigint[]) as taken(seat, token) on taken.seat = line.seat_id
              where line.reservation_id = $1
          ) s
          where i.id = s.id",
        reservation as ReservationId,
        &ids as &[SeatId],
        &tokens,
    )
    .execute(connection)
    .await?;
    Ok(())
}
