//! Tickets: one for each seat and each standing place of a confirmed reservation. Whatever
//! changes one, or judges it at the door, holds the row lock of its reservation, so that a
//! ticket is never let in while it is sold on, nor cancelled while its holder walks in.

use std::collections::HashMap;

use jiff::Timestamp;
use sqlx::{PgConnection, PgExecutor, PgPool};
use urr_contract::{EventId, ReservationId, ScanId, TicketId, UserId};
use uuid::Uuid;

use crate::domain::{
    check_in::{Moment, Standing, TicketState, Use},
    stamp::Stamp,
};

/// Issues the tickets of a reservation that is sold; those it has stay.
pub async fn issue(connection: &mut PgConnection, reservation: ReservationId) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        r"insert into tickets (reservation_id, item_id, unit, event_id, seat_id)
          select r.id, i.id, units.unit, r.event_id, i.seat_id
          from reservations r
          join reservation_items i on i.reservation_id = r.id and i.live
          cross join lateral generate_series(1, i.quantity) as units(unit)
          where r.id = $1 and r.status = 'confirmed' and r.event_id is not null
          on conflict (item_id, unit) where voided_at is null do nothing",
        reservation as ReservationId,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}

/// Voids the tickets of a reservation that ends.
pub async fn void(connection: &mut PgConnection, reservation: ReservationId) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        r"update tickets set voided_at = now(), changed_in = pg_current_xact_id()::text::bigint
          where reservation_id = $1 and voided_at is null",
        reservation as ReservationId,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}

/// Gives the tickets of a reservation out anew, to its new owner: older credentials are dead.
pub async fn rotate(connection: &mut PgConnection, reservation: ReservationId) -> sqlx::Result<()> {
    sqlx::query!(
        r"update tickets set rotation = rotation + 1, changed_in = pg_current_xact_id()::text::bigint
          where reservation_id = $1 and voided_at is null",
        reservation as ReservationId,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Whether somebody came in on a ticket of the reservation.
pub async fn is_used(
    connection: &mut PgConnection,
    reservation: ReservationId,
) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (select from tickets t join ticket_scans s on s.ticket_id = t.id
                          where t.reservation_id = $1 and s.counts) as "used!""#,
        reservation as ReservationId,
    )
    .fetch_one(connection)
    .await
}

/// Reservations of the last day whose tickets do not agree with them: a version of this service
/// that knows no tickets has sold or ended them.
pub async fn out_of_step(pool: &PgPool, limit: i64) -> sqlx::Result<Vec<ReservationId>> {
    sqlx::query_scalar!(
        r#"select r.id as "id!: ReservationId" from reservations r
           where r.sold_order_id is not null and r.event_id is not null
             and r.updated_at > now() - interval '1 day'
             and (r.status = 'confirmed') <> exists (
                 select from tickets t where t.reservation_id = r.id and t.voided_at is null)
           order by r.id limit $1"#,
        limit,
    )
    .fetch_all(pool)
    .await
}

/// A ticket, as its owner sees it.
#[derive(Debug)]
pub struct OwnTicket {
    /// The ticket.
    pub id: TicketId,
    /// Its reservation.
    pub reservation: ReservationId,
    /// The reservation's number for people.
    pub reservation_number: String,
    /// The event.
    pub event: EventId,
    /// Its title.
    pub event_title: String,
    /// Where it is.
    pub venue: String,
    /// When it is.
    pub event_date: Stamp,
    /// Since when people are let in, where that is set.
    pub doors_open_at: Option<Stamp>,
    /// Name of the seat, or of the ticket type.
    pub place: Option<String>,
    /// Section of the seat; null for standing places.
    pub section: Option<String>,
    /// Number of the standing place among those of its kind in the reservation, from 1.
    pub unit: i32,
    /// Version of its credential.
    pub rotation: i32,
    /// Whether its reservation was cancelled.
    pub void: bool,
    /// Whether its money goes or went back.
    pub refunded: bool,
    /// Whether it is offered to others.
    pub for_sale: bool,
    /// When its holder came in.
    pub used_at: Option<Stamp>,
    /// Where.
    pub used_gate: Option<String>,
}

/// Which of a person's tickets are wanted.
#[derive(Clone, Copy, Debug)]
pub enum Wanted {
    /// Those of one reservation, void ones as well.
    Of(ReservationId),
    /// That one of a reservation.
    One(ReservationId, TicketId),
    /// Those that are not void, of events that were not over so many hours ago.
    Coming {
        /// Hours since the event.
        hours: f64,
    },
}

/// Tickets of a person, by event and place, with the number of all.
pub async fn of_person(
    pool: &PgPool,
    owner: UserId,
    wanted: Wanted,
    limit: i64,
    offset: i64,
) -> sqlx::Result<(Vec<OwnTicket>, i64)> {
    let (reservation, ticket, hours) = match wanted {
        Wanted::Of(reservation) => (Some(reservation), None, None),
        Wanted::One(reservation, ticket) => (Some(reservation), Some(ticket), None),
        Wanted::Coming { hours } => (None, None, Some(hours)),
    };
    let tickets = sqlx::query_as!(
        OwnTicket,
        r#"select t.id as "id!: TicketId", t.reservation_id as "reservation!: ReservationId",
                  r.reservation_number, t.event_id as "event!: EventId", e.title as event_title, e.venue,
                  e.event_date as "event_date!: Stamp", e.doors_open_at as "doors_open_at: Stamp",
                  coalesce(s.seat_label, k.name) as place, s.section as "section?", t.unit, t.rotation,
                  (t.voided_at is not null or r.status <> 'confirmed') as "void!",
                  (r.payment_status in ('refund_requested', 'refunded')) as "refunded!",
                  exists (select from ticket_transfers x
                          where x.reservation_id = r.id and x.status = 'listed') as "for_sale!",
                  u.happened_at as "used_at?: Stamp", u.gate as "used_gate?"
           from reservations r
           join tickets t on t.reservation_id = r.id
           join events e on e.id = t.event_id
           join reservation_items i on i.id = t.item_id
           left join seats s on s.id = t.seat_id
           left join ticket_types k on k.id = i.ticket_type_id
           left join ticket_scans u on u.ticket_id = t.id and u.counts
           where r.user_id = $1 and ($2::uuid is null or r.id = $2) and ($3::uuid is null or t.id = $3)
             and ($4::float8 is null or (r.status = 'confirmed' and t.voided_at is null
                                         and e.event_date > now() - make_interval(hours => 1) * $4))
           order by e.event_date, e.id, s.section, s.row_number, s.seat_number, k.name, t.unit, t.id
           limit $5 offset $6"#,
        owner as UserId,
        reservation as Option<ReservationId>,
        ticket as Option<TicketId>,
        hours,
        limit,
        offset,
    )
    .fetch_all(pool)
    .await?;
    let total = if hours.is_some() {
        count_coming(pool, owner, hours).await?
    } else {
        i64::try_from(tickets.len()).unwrap_or(i64::MAX)
    };
    Ok((tickets, total))
}

async fn count_coming(
    executor: impl PgExecutor<'_>,
    owner: UserId,
    hours: Option<f64>,
) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from reservations r
           join tickets t on t.reservation_id = r.id and t.voided_at is null
           join events e on e.id = t.event_id
           where r.user_id = $1 and r.status = 'confirmed'
             and e.event_date > now() - make_interval(hours => 1) * $2::float8"#,
        owner as UserId,
        hours,
    )
    .fetch_one(executor)
    .await
}

// === the door ===

/// Locks the reservations of tickets, in the order of their ids.
pub async fn lock_reservations(
    connection: &mut PgConnection,
    tickets: &[TicketId],
) -> sqlx::Result<()> {
    sqlx::query!(
        r"select id from reservations
          where id in (select reservation_id from tickets where id = any($1))
          order by id for update",
        tickets as &[TicketId],
    )
    .fetch_all(connection)
    .await?;
    Ok(())
}

/// What the door knows of a ticket.
#[derive(Debug)]
pub struct DoorTicket {
    /// What the rule of the door needs.
    pub state: TicketState,
    /// Its reservation.
    pub reservation: ReservationId,
    /// Name of the seat, or of the ticket type.
    pub place: String,
}

/// Tickets of an event, as the door judges them. The caller holds the locks of their reservations.
pub async fn at_door(
    connection: &mut PgConnection,
    event: EventId,
    tickets: &[TicketId],
) -> sqlx::Result<HashMap<TicketId, DoorTicket>> {
    let rows = sqlx::query!(
        r#"select t.id as "id!: TicketId", t.reservation_id as "reservation!: ReservationId", t.rotation,
                  coalesce(s.seat_label, k.name, '') as "place!",
                  (t.voided_at is not null or r.status <> 'confirmed') as "void!",
                  (r.payment_status in ('refund_requested', 'refunded')) as "refunded!",
                  exists (select from ticket_transfers x
                          where x.reservation_id = r.id and x.status = 'listed') as "for_sale!",
                  u.happened_at as "used_at?: Stamp", u.scanner as "scanner?", u.scan_id as "scan?: ScanId",
                  u.gate as "gate?"
           from tickets t
           join reservations r on r.id = t.reservation_id
           join reservation_items i on i.id = t.item_id
           left join seats s on s.id = t.seat_id
           left join ticket_types k on k.id = i.ticket_type_id
           left join ticket_scans u on u.ticket_id = t.id and u.counts
           where t.event_id = $1 and t.id = any($2)"#,
        event as EventId,
        tickets as &[TicketId],
    )
    .fetch_all(connection)
    .await?;
    let rows = rows.into_iter().map(|row| {
        let used = use_of(row.used_at, row.scanner, row.scan, row.gate);
        let state = TicketState {
            rotation: row.rotation.unsigned_abs(),
            standing: standing(row.void, row.refunded, row.for_sale),
            used,
        };
        let ticket = DoorTicket {
            state,
            reservation: row.reservation,
            place: row.place,
        };
        (row.id, ticket)
    });
    Ok(rows.collect())
}

fn use_of(
    at: Option<Stamp>,
    scanner: Option<Uuid>,
    scan: Option<ScanId>,
    gate: Option<String>,
) -> Option<Use> {
    Some(Use {
        moment: Moment {
            at: at?.time(),
            scanner: scanner?,
            scan: scan?,
        },
        gate: gate?,
    })
}

/// What a ticket is worth by what is known of it.
pub fn standing(void: bool, refunded: bool, for_sale: bool) -> Standing {
    match (void, refunded, for_sale) {
        (true, true, _) => Standing::Refunded,
        (true, false, _) => Standing::Cancelled,
        (false, _, true) => Standing::ForSale,
        (false, _, false) => Standing::Valid,
    }
}

/// Notes that doors must hear of these tickets again.
pub async fn touch(connection: &mut PgConnection, tickets: &[TicketId]) -> sqlx::Result<()> {
    sqlx::query!(
        "update tickets set changed_in = pg_current_xact_id()::text::bigint where id = any($1)",
        tickets as &[TicketId],
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// A place in the list that doors download: after that ticket, among those that the
/// transaction last changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListPlace {
    /// The transaction.
    pub changed_in: i64,
    /// The ticket.
    pub ticket: TicketId,
}

/// A ticket in that list.
#[derive(Debug)]
pub struct ListedTicket {
    /// Where it stands in the list.
    pub changed_in: i64,
    /// The ticket.
    pub id: TicketId,
    /// The version of its credential that opens the door.
    pub rotation: i32,
    /// Name of the seat, or of the ticket type.
    pub place: String,
    /// Whether its reservation was cancelled.
    pub void: bool,
    /// When its holder came in.
    pub used_at: Option<Stamp>,
    /// Where.
    pub used_gate: Option<String>,
}

/// The oldest transaction that is still running: whoever has read everything of the ones
/// before it has missed nothing.
pub async fn watermark(pool: &PgPool) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select pg_snapshot_xmin(pg_current_snapshot())::text::bigint as "watermark!""#
    )
    .fetch_one(pool)
    .await
}

/// Tickets of an event that were changed after a place in the list, in the order of the list.
pub async fn list(
    pool: &PgPool,
    event: EventId,
    after: ListPlace,
    limit: i64,
) -> sqlx::Result<Vec<ListedTicket>> {
    sqlx::query_as!(
        ListedTicket,
        r#"select t.changed_in, t.id as "id!: TicketId", t.rotation,
                  coalesce(s.seat_label, k.name, '') as "place!",
                  (t.voided_at is not null or r.status <> 'confirmed') as "void!",
                  u.happened_at as "used_at?: Stamp", u.gate as "used_gate?"
           from tickets t
           join reservations r on r.id = t.reservation_id
           join reservation_items i on i.id = t.item_id
           left join seats s on s.id = t.seat_id
           left join ticket_types k on k.id = i.ticket_type_id
           left join ticket_scans u on u.ticket_id = t.id and u.counts
           where t.event_id = $1 and (t.changed_in, t.id) > ($2, $3)
           order by t.changed_in, t.id limit $4"#,
        event as EventId,
        after.changed_in,
        after.ticket as TicketId,
        limit,
    )
    .fetch_all(pool)
    .await
}

/// Locks the reservation of a ticket; `None` where there is no such ticket of the event.
pub async fn lock_reservation_of(
    connection: &mut PgConnection,
    ticket: TicketId,
) -> sqlx::Result<Option<ReservationId>> {
    sqlx::query_scalar!(
        r#"select id as "id!: ReservationId" from reservations
           where id = (select reservation_id from tickets where id = $1) for update"#,
        ticket as TicketId,
    )
    .fetch_optional(connection)
    .await
}

/// What the door must know of an event.
#[derive(Clone, Debug)]
pub struct DoorEvent {
    /// Its title.
    pub title: String,
    /// When it is.
    pub event_at: Timestamp,
    /// Since when people are let in, where that is set.
    pub doors_open_at: Option<Timestamp>,
}

/// Events that scanned credentials name, with the database's time.
pub async fn events(
    connection: &mut PgConnection,
    ids: &[EventId],
) -> sqlx::Result<(HashMap<EventId, DoorEvent>, Timestamp)> {
    let rows = sqlx::query!(
        r#"select id as "id!: EventId", title, event_date as "event_at!: Stamp",
                  doors_open_at as "doors_open_at: Stamp"
           from events where id = any($1)"#,
        ids as &[EventId],
    )
    .fetch_all(&mut *connection)
    .await?;
    let now = sqlx::query_scalar!(r#"select clock_timestamp() as "now!: Stamp""#)
        .fetch_one(connection)
        .await?;
    let events = rows.into_iter().map(|row| {
        let event = DoorEvent {
            title: row.title,
            event_at: row.event_at.time(),
            doors_open_at: row.doors_open_at.map(Stamp::time),
        };
        (row.id, event)
    });
    Ok((events.collect(), now.time()))
}

/// Sets since when people are let in to an event; `None` is the beginning of its day. False
/// where there is no such event.
pub async fn set_doors(
    pool: &PgPool,
    event: EventId,
    opens_at: Option<Timestamp>,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update events set doors_open_at = $2, updated_at = now() where id = $1 and deleted_at is null",
        event as EventId,
        opens_at.map(Stamp::from) as Option<Stamp>,
    )
    .execute(pool)
    .await?;
    Ok(done.rows_affected() == 1)
}
