//! Reservations. Whatever changes one holds its row lock.

use anyhow::Context;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;
use sqlx::{PgConnection, PgPool, types::Json};
use urr_contract::{EventId, ReservationId, SeatId, UserId, Won};
use utoipa::ToSchema;

use crate::domain::{
    reservation::{Reservation, Stage},
    stamp::Stamp,
};

/// A hold to be made.
#[derive(Clone, Debug)]
pub struct NewHold {
    /// Its id.
    pub id: ReservationId,
    /// Whose it is.
    pub user: UserId,
    /// For which event.
    pub event: EventId,
    /// Its number for people.
    pub number: String,
    /// Seats and places in it.
    pub quantity: i64,
    /// Won to pay.
    pub total: Won,
    /// Its life.
    pub seconds: i32,
}

/// Times of a hold that was made.
#[derive(Clone, Copy, Debug)]
pub struct HoldTimes {
    /// When.
    pub created_at: Timestamp,
    /// Its end.
    pub expires_at: Timestamp,
}

/// Makes a hold.
pub async fn insert(connection: &mut PgConnection, hold: &NewHold) -> sqlx::Result<HoldTimes> {
    let row = sqlx::query!(
        r#"insert into reservations (id, user_id, event_id, reservation_number, quantity, total_amount, created_at, expires_at)
           select $1, $2, $3, $4, $5, $6, clock.time, clock.time + make_interval(secs => $7)
           from (select clock_timestamp() as time) clock
           returning created_at as "created_at!: Stamp", expires_at as "expires_at!: Stamp""#,
        hold.id as ReservationId,
        hold.user as UserId,
        hold.event as EventId,
        hold.number,
        i32::try_from(hold.quantity).unwrap_or(i32::MAX),
        hold.total as Won,
        f64::from(hold.seconds),
    )
    .fetch_one(connection)
    .await?;
    Ok(HoldTimes {
        created_at: row.created_at.time(),
        expires_at: row.expires_at.time(),
    })
}

/// A reservation as decisions need it, under its row lock where it is to be changed.
#[derive(Clone, Debug)]
pub struct Locked {
    /// The reservation.
    pub row: Reservation,
    /// Its payment status, as stored.
    pub payment_status: String,
    /// The database's time.
    pub now: Timestamp,
}

/// Reads one reservation; `$lock` ends the statement.
macro_rules! one {
    ($connection:expr, $id:expr, $lock:tt) => {
        sqlx::query_as!(
            LockedRow,
            r#"select id as "id!: ReservationId", user_id as "user!: UserId", event_id as "event: EventId",
                      reservation_number as number, quantity, total_amount as "total!: Won", status, payment_status,
                      expires_at as "expires_at!: Stamp", order_id, sold_order_id,
                      owner_order_id, clock_timestamp() as "now!: Stamp"
               from reservations where id = $1 "# + $lock,
            $id as ReservationId,
        )
        .fetch_optional($connection)
        .await?
        .map(LockedRow::read)
        .transpose()
    };
}

/// Locks a reservation until the transaction ends.
pub async fn lock(
    connection: &mut PgConnection,
    id: ReservationId,
) -> anyhow::Result<Option<Locked>> {
    one!(connection, id, "for update")
}

/// Locks a reservation if nobody else has; `None` where somebody has.
pub async fn try_lock(
    connection: &mut PgConnection,
    id: ReservationId,
) -> anyhow::Result<Option<Locked>> {
    one!(connection, id, "for update skip locked")
}

/// Reads a reservation to answer a question. It may have changed when the answer arrives.
pub async fn read(pool: &PgPool, id: ReservationId) -> anyhow::Result<Option<Locked>> {
    one!(pool, id, "")
}

struct LockedRow {
    id: ReservationId,
    user: UserId,
    event: Option<EventId>,
    number: String,
    quantity: i32,
    total: Won,
    status: String,
    payment_status: String,
    expires_at: Stamp,
    order_id: Option<String>,
    sold_order_id: Option<String>,
    owner_order_id: Option<String>,
    now: Stamp,
}

impl LockedRow {
    fn read(self) -> anyhow::Result<Locked> {
        let stage = Stage::from_columns(&self.status, &self.payment_status)
            .with_context(|| format!("reservation {} is in no known state", self.id))?;
        Ok(Locked {
            row: Reservation {
                id: self.id,
                user: self.user,
                event: self.event,
                number: self.number,
                quantity: i64::from(self.quantity),
                total: self.total,
                stage,
                expires_at: self.expires_at.time(),
                order: self.order_id,
                sold_order: self.sold_order_id,
                owner_order: self.owner_order_id,
            },
            payment_status: self.payment_status,
            now: self.now.time(),
        })
    }
}

/// HELD → PAYING under an order; returns the hold's new end, which is never earlier.
pub async fn begin_paying(
    connection: &mut PgConnection,
    id: ReservationId,
    order: &str,
    seconds: i32,
) -> sqlx::Result<Timestamp> {
    let end = sqlx::query_scalar!(
        r#"update reservations
           set payment_status = 'processing', order_id = $2, resolve_after = null, resolve_attempts = 0,
               expires_at = greatest(expires_at, clock_timestamp() + make_interval(secs => $3)), updated_at = now()
           where id = $1 returning expires_at as "expires_at!: Stamp""#,
        id as ReservationId,
        order,
        f64::from(seconds),
    )
    .fetch_one(connection)
    .await?;
    Ok(end.time())
}

/// Puts another order in the place of one that failed. The end stays.
pub async fn replace_order(
    connection: &mut PgConnection,
    id: ReservationId,
    order: &str,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update reservations set order_id = $2, updated_at = now() where id = $1",
        id as ReservationId,
        order,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Any stage → SOLD.
pub async fn set_sold(
    connection: &mut PgConnection,
    id: ReservationId,
    order: &str,
    method: &str,
) -> sqlx::Result<()> {
    sqlx::query!(
        r"update reservations
          set status = 'confirmed', payment_status = 'completed', payment_method = $3,
              order_id = $2, sold_order_id = $2, resolve_after = null, updated_at = now()
          where id = $1",
        id as ReservationId,
        order,
        method,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Any stage → RELEASED, as `expired` or `cancelled`.
pub async fn set_ended(
    connection: &mut PgConnection,
    id: ReservationId,
    status: &str,
    payment_status: &str,
) -> sqlx::Result<()> {
    sqlx::query!(
        r"update reservations set status = $2, payment_status = $3, resolve_after = null, updated_at = now()
          where id = $1",
        id as ReservationId,
        status,
        payment_status,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes the payment status of an ended or sold reservation.
pub async fn set_payment_status(
    connection: &mut PgConnection,
    id: ReservationId,
    payment_status: &str,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update reservations set payment_status = $2, updated_at = now() where id = $1",
        id as ReservationId,
        payment_status,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Locks the live seats of a reservation, in the order of their ids.
pub async fn lock_seats(connection: &mut PgConnection, id: ReservationId) -> sqlx::Result<()> {
    sqlx::query!(
        r"select s.id from seats s join reservation_items i on i.seat_id = s.id
          where i.reservation_id = $1 and i.live order by s.id for update of s",
        id as ReservationId,
    )
    .fetch_all(connection)
    .await?;
    Ok(())
}

/// Gives a sold reservation to the person who bought it from its owner, with its seats, which
/// the caller has locked.
pub async fn hand_over(
    connection: &mut PgConnection,
    id: ReservationId,
    buyer: UserId,
    order: &str,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update reservations set user_id = $2, owner_order_id = $3, updated_at = now() where id = $1",
        id as ReservationId,
        buyer as UserId,
        order,
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        r"update seats s set locked_by = $2, version = s.version + 1, updated_at = now()
          from reservation_items i where i.seat_id = s.id and i.reservation_id = $1 and i.live",
        id as ReservationId,
        buyer as UserId,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Holds whose time is over and that nobody pays, oldest first.
pub async fn overdue_held(pool: &PgPool, limit: i64) -> sqlx::Result<Vec<ReservationId>> {
    sqlx::query_scalar!(
        r#"select id as "id!: ReservationId" from reservations
           where status = 'pending' and payment_status = 'pending' and expires_at <= now()
           order by expires_at limit $1"#,
        limit,
    )
    .fetch_all(pool)
    .await
}

/// A hold whose paying time is over.
#[derive(Clone, Debug)]
pub struct OverduePaying {
    /// The reservation.
    pub id: ReservationId,
    /// The order that fences it.
    pub order: String,
    /// How often its outcome was in doubt.
    pub attempts: i32,
}

/// Holds whose paying time is over and whose order is due to be asked about.
pub async fn overdue_paying(pool: &PgPool, limit: i64) -> sqlx::Result<Vec<OverduePaying>> {
    sqlx::query_as!(
        OverduePaying,
        r#"select id as "id!: ReservationId", order_id as "order!", resolve_attempts as attempts
           from reservations
           where status = 'pending' and payment_status = 'processing' and expires_at <= now()
             and (resolve_after is null or resolve_after <= now())
           order by expires_at limit $1"#,
        limit,
    )
    .fetch_all(pool)
    .await
}

/// Asks about an order in doubt again after so many seconds.
pub async fn resolve_later(pool: &PgPool, id: ReservationId, seconds: i32) -> sqlx::Result<()> {
    sqlx::query!(
        r"update reservations set resolve_attempts = resolve_attempts + 1,
                 resolve_after = now() + make_interval(secs => $2)
          where id = $1 and status = 'pending' and payment_status = 'processing'",
        id as ReservationId,
        f64::from(seconds),
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// Reservations with an order that payment may have captured without our knowing: those
/// being paid for more than a quarter of a minute, and those that ended a short while ago.
pub async fn to_reconcile(
    pool: &PgPool,
    after: ReservationId,
    limit: i64,
) -> sqlx::Result<Vec<ReservationId>> {
    sqlx::query_scalar!(
        r#"with paying as (
               select id, order_id from reservations
               where status = 'pending' and payment_status = 'processing'
                 and updated_at < now() - interval '15 seconds'
           ), ended as (
               select id, order_id from reservations
               where status in ('expired', 'cancelled') and order_id is not null
                 and sold_order_id is null and updated_at > now() - interval '20 minutes'
           )
           select r.id as "id!: ReservationId"
           from (select * from paying union all select * from ended) r
           where r.id > $1 and not exists (select from rejected_orders o where o.order_id = r.order_id)
           order by r.id limit $2"#,
        after as ReservationId,
        limit,
    )
    .fetch_all(pool)
    .await
}

/// The live reservation of a person on a seat, if it is unpaid.
pub async fn own_hold_on_seat(
    connection: &mut PgConnection,
    user: UserId,
    seat: SeatId,
) -> sqlx::Result<Option<ReservationId>> {
    sqlx::query_scalar!(
        r#"select r.id as "id!: ReservationId" from reservation_items i
           join reservations r on r.id = i.reservation_id
           where i.seat_id = $2 and i.live and r.user_id = $1 and r.status = 'pending'"#,
        user as UserId,
        seat as SeatId,
    )
    .fetch_optional(connection)
    .await
}

/// An unpaid hold, as its owner is told again.
#[derive(Clone, Debug)]
pub struct Held {
    /// Its number for people.
    pub number: String,
    /// Won to pay.
    pub total: Won,
    /// Its end.
    pub expires_at: Timestamp,
}

/// An unpaid hold, not locked.
pub async fn held(connection: &mut PgConnection, id: ReservationId) -> sqlx::Result<Option<Held>> {
    let row = sqlx::query!(
        r#"select reservation_number as number, total_amount as "total!: Won", expires_at as "expires_at!: Stamp"
           from reservations where id = $1 and status = 'pending'"#,
        id as ReservationId,
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| Held {
        number: row.number,
        total: row.total,
        expires_at: row.expires_at.time(),
    }))
}

/// A seat that a hold has, with the token that it was taken under.
#[derive(Debug)]
pub struct HeldSeat {
    /// The seat.
    pub id: SeatId,
    /// Its name for people.
    pub seat_label: String,
    /// Its price.
    pub price: Won,
    /// Number of changes.
    pub version: i32,
    /// Token of the hold.
    pub fencing_token: i64,
}

/// Live seats of a reservation, by id.
pub async fn held_seats(
    connection: &mut PgConnection,
    id: ReservationId,
) -> sqlx::Result<Vec<HeldSeat>> {
    sqlx::query_as!(
        HeldSeat,
        r#"select s.id as "id!: SeatId", s.seat_label, i.unit_price as "price!: Won", s.version,
                  coalesce(i.fencing_token, 0) as "fencing_token!"
           from reservation_items i join seats s on s.id = i.seat_id
           where i.reservation_id = $1 and i.live order by s.id"#,
        id as ReservationId,
    )
    .fetch_all(connection)
    .await
}

/// One line of a reservation in its owner's list, as Postgres writes it.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "describes what a query writes")]
pub struct MyReservationItem {
    /// The name of the ticket type; the label of a seat.
    ticket_type_name: String,
    /// How many.
    quantity: i32,
    /// The price of one, in won.
    unit_price: Won,
    /// The price of all of them, in won.
    subtotal: Won,
    /// Null for standing places.
    seat_label: Option<String>,
}

/// A reservation in its owner's list.
#[derive(Debug, Serialize, ToSchema)]
pub struct MyReservation {
    /// The reservation.
    pub id: ReservationId,
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
    /// End of the hold.
    pub expires_at: Stamp,
    /// Title of the event.
    pub event_title: Option<String>,
    /// Where it is.
    pub venue: Option<String>,
    /// When it is.
    pub event_date: Option<Stamp>,
    /// Its lines.
    #[schema(value_type = Vec<MyReservationItem>)]
    pub items: Json<Box<RawValue>>,
}

/// Reservations of a person, newest first.
pub async fn of_person(pool: &PgPool, user: UserId) -> sqlx::Result<Vec<MyReservation>> {
    sqlx::query_as!(
        MyReservation,
        r#"select r.id as "id!: ReservationId", r.reservation_number, r.total_amount as "total_amount!: Won",
                  r.status, r.payment_status, r.created_at as "created_at!: Stamp",
                  r.expires_at as "expires_at!: Stamp", e.title as "event_title?", e.venue as "venue?",
                  e.event_date as "event_date?: Stamp", lines.items as "items!: Json<Box<RawValue>>"
           from reservations r
           left join events e on e.id = r.event_id
           cross join lateral (
               select json_agg(json_build_object(
                   'ticketTypeName', coalesce(t.name, s.seat_label), 'quantity', i.quantity,
                   'unitPrice', i.unit_price, 'subtotal', i.subtotal, 'seatLabel', s.seat_label)
                   order by s.id, t.id) as items
               from reservation_items i
               left join ticket_types t on t.id = i.ticket_type_id
               left join seats s on s.id = i.seat_id
               where i.reservation_id = r.id
           ) lines
           where r.user_id = $1 and lines.items is not null
           order by r.created_at desc, r.id"#,
        user as UserId,
    )
    .fetch_all(pool)
    .await
}

/// One line of a reservation on its page, as Postgres writes it. Fields of the seat are
/// null for standing places.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "describes what a query writes")]
pub struct ReservationItem {
    /// The name of the ticket type; the label of a seat.
    ticket_type_name: String,
    /// How many.
    quantity: i32,
    /// The price of one, in won.
    unit_price: Won,
    /// The price of all of them, in won.
    subtotal: Won,
    /// The seat; null for standing places.
    seat_id: Option<SeatId>,
    /// Its name for people; null for standing places.
    seat_label: Option<String>,
    /// Its section; null for standing places.
    section: Option<String>,
    /// Its row; null for standing places.
    row_number: Option<i32>,
    /// Its number in the row; null for standing places.
    seat_number: Option<i32>,
}

/// One line of a reservation in the form of the seat pages, as Postgres writes it.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "describes what a query writes")]
pub struct ReservationSeat {
    /// The seat; null for standing places.
    seat_id: Option<SeatId>,
    /// Its name for people; null for standing places.
    seat_label: Option<String>,
    /// Its section; null for standing places.
    section: Option<String>,
    /// Its row; null for standing places.
    row_number: Option<i32>,
    /// Its number in the row; null for standing places.
    seat_number: Option<i32>,
    /// The price of one, in won.
    price: Won,
    /// Null for seats.
    ticket_type_name: Option<String>,
    /// How many.
    quantity: i32,
}

/// A reservation as its page shows it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Reservation)]
pub struct ReservationDetail {
    /// The reservation.
    pub id: ReservationId,
    /// Its number for people.
    pub reservation_number: String,
    /// Won to pay.
    pub total_amount: Won,
    /// Its status.
    pub status: String,
    /// Its payment status.
    pub payment_status: String,
    /// How it was paid.
    pub payment_method: Option<String>,
    /// End of the hold.
    pub expires_at: Stamp,
    /// When it was made.
    pub created_at: Stamp,
    /// The event.
    pub event_id: EventId,
    /// Its title.
    pub event_title: String,
    /// Where it is.
    pub venue: String,
    /// The address of that place.
    pub address: Option<String>,
    /// When it is.
    pub event_date: Stamp,
    /// Its lines.
    #[schema(value_type = Vec<ReservationItem>)]
    pub items: Json<Box<RawValue>>,
    /// Those of the lines that are seats, in the form of the seat pages.
    #[schema(value_type = Vec<ReservationSeat>)]
    pub seats: Json<Box<RawValue>>,
    /// All lines in that form.
    #[serde(skip)]
    pub lines: Json<Box<RawValue>>,
}

/// One reservation of a person.
pub async fn detail(
    pool: &PgPool,
    id: ReservationId,
    user: UserId,
) -> sqlx::Result<Option<ReservationDetail>> {
    sqlx::query_as!(
        ReservationDetail,
        r#"select r.id as "id!: ReservationId", r.reservation_number, r.total_amount as "total_amount!: Won",
                  r.status, r.payment_status, r.payment_method, r.expires_at as "expires_at!: Stamp",
                  r.created_at as "created_at!: Stamp", e.id as "event_id!: EventId", e.title as event_title,
                  e.venue, e.address, e.event_date as "event_date!: Stamp",
                  lines.items as "items!: Json<Box<RawValue>>", lines.seats as "seats!: Json<Box<RawValue>>",
                  lines.lines as "lines!: Json<Box<RawValue>>"
           from reservations r
           join events e on e.id = r.event_id
           cross join lateral (
               select coalesce(json_agg(json_build_object(
                          'ticketTypeName', coalesce(t.name, s.seat_label), 'quantity', i.quantity,
                          'unitPrice', i.unit_price, 'subtotal', i.subtotal, 'seatId', s.id,
                          'seatLabel', s.seat_label, 'section', s.section, 'rowNumber', s.row_number,
                          'seatNumber', s.seat_number) order by s.id, t.id), '[]') as items,
                      coalesce(json_agg(form.seat order by s.id) filter (where s.id is not null), '[]') as seats,
                      coalesce(json_agg(form.seat order by s.id, t.id), '[]') as lines
               from reservation_items i
               left join ticket_types t on t.id = i.ticket_type_id
               left join seats s on s.id = i.seat_id
               cross join lateral (select json_build_object(
                   'seatId', s.id, 'seatLabel', s.seat_label, 'section', s.section,
                   'rowNumber', s.row_number, 'seatNumber', s.seat_number, 'price', i.unit_price,
                   'ticketTypeName', t.name, 'quantity', i.quantity) as seat) form
               where i.reservation_id = r.id
           ) lines
           where r.id = $1 and r.user_id = $2"#,
        id as ReservationId,
        user as UserId,
    )
    .fetch_optional(pool)
    .await
}
