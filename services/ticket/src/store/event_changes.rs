//! Making, changing, calling off and deleting events. Whoever changes an event holds its row
//! lock, which waits for the holds that are being taken under its terms.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use sqlx::{PgConnection, PgPool};
use urr_contract::{ArtistId, EventId, ReservationId, SeatLayoutId, UserId};
use uuid::Uuid;

use crate::domain::{form::EventForm, stamp::Stamp};

/// An event under its row lock.
#[derive(Clone, Debug)]
pub struct LockedEvent {
    /// Its title.
    pub title: String,
    /// Its layout; `None` means standing.
    pub layout: Option<SeatLayoutId>,
    /// Whether it was called off.
    pub cancelled: bool,
    /// The database's time.
    pub now: Timestamp,
}

/// Locks an event that was not deleted until the transaction ends.
pub async fn lock(connection: &mut PgConnection, id: EventId) -> sqlx::Result<Option<LockedEvent>> {
    let row = sqlx::query!(
        r#"select title, seat_layout_id as "layout: SeatLayoutId", status = 'cancelled' as "cancelled!",
                  clock_timestamp() as "now!: Stamp"
           from events where id = $1 and deleted_at is null for update"#,
        id as EventId,
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| LockedEvent {
        title: row.title,
        layout: row.layout,
        cancelled: row.cancelled,
        now: row.now.time(),
    }))
}

/// Moves the sale of an event whose row is locked. What is absent stays.
pub async fn set_sale_dates(
    connection: &mut PgConnection,
    id: EventId,
    starts_at: Option<Timestamp>,
    ends_at: Option<Timestamp>,
) -> sqlx::Result<()> {
    sqlx::query!(
        r"update events e
          set sale_start_date = sale.starts, sale_end_date = sale.ends, updated_at = now(),
              status = case when e.status = 'cancelled' then 'cancelled'
                            when e.event_date <= now() or sale.ends <= now() then 'ended'
                            when sale.starts <= now() then 'on_sale' else 'upcoming' end
          from (select coalesce($2::timestamptz, sale_start_date) as starts,
                       coalesce($3::timestamptz, sale_end_date) as ends
                from events where id = $1) sale
          where e.id = $1",
        id as EventId,
        starts_at.map(ToSqlx::to_sqlx) as _,
        ends_at.map(ToSqlx::to_sqlx) as _,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The event that was made for a resource, and whether it was deleted since. Nobody else makes
/// one for the same resource until the transaction ends.
pub async fn of_source(
    connection: &mut PgConnection,
    uid: Uuid,
) -> sqlx::Result<Option<(EventId, bool)>> {
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended($1::uuid::text, 0))",
        uid
    )
    .execute(&mut *connection)
    .await?;
    let row = sqlx::query!(
        r#"select id as "id!: EventId", deleted_at is not null as "deleted!" from events where source_uid = $1"#,
        uid
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| (row.id, row.deleted)))
}

/// Remembers for which resource an event was made.
pub async fn set_source(connection: &mut PgConnection, id: EventId, uid: Uuid) -> sqlx::Result<()> {
    sqlx::query!(
        "update events set source_uid = $2 where id = $1",
        id as EventId,
        uid
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Dates of an event's sale, and who declares them where a policy does.
pub async fn declared_dates(
    connection: &mut PgConnection,
    id: EventId,
) -> sqlx::Result<Option<DeclaredDates>> {
    let row = sqlx::query!(
        r#"select e.sale_start_date as "starts: Stamp", e.sale_end_date as "ends: Stamp", p.owner
           from events e join sale_policies p on p.event_id = e.id where e.id = $1"#,
        id as EventId,
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| DeclaredDates {
        starts_at: row.starts.map(Stamp::time),
        ends_at: row.ends.map(Stamp::time),
        owner: row.owner,
    }))
}

/// Dates that a policy declares.
#[derive(Clone, Debug)]
pub struct DeclaredDates {
    /// Start of the sale.
    pub starts_at: Option<Timestamp>,
    /// End of the sale.
    pub ends_at: Option<Timestamp>,
    /// Who declares them.
    pub owner: String,
}

impl DeclaredDates {
    /// Whether a form that names these dates would change them. What it leaves out stays.
    pub fn differ(&self, starts_at: Option<Timestamp>, ends_at: Option<Timestamp>) -> bool {
        let moves = |wanted: Option<Timestamp>, is| wanted.is_some() && wanted != is;
        moves(starts_at, self.starts_at) || moves(ends_at, self.ends_at)
    }
}

/// Makes an event. Its sale starts now and ends with the show where nobody says otherwise.
pub async fn insert(
    connection: &mut PgConnection,
    form: &EventForm,
    artist: Option<ArtistId>,
    admin: Option<UserId>,
) -> sqlx::Result<EventId> {
    sqlx::query_scalar!(
        r#"insert into events (title, description, venue, address, event_date, sale_start_date, sale_end_date,
                              poster_image_url, seat_layout_id, artist_id, artist_name, max_per_person,
                              max_seats_per_hold, created_by, presale, status)
           select $1, $2, $3, $4, $5, sale.starts, sale.ends, $8, $9, $10, $11,
                  coalesce($12::int, 4), coalesce($13::int, 1), $14, coalesce($15::boolean, false),
                  case when $5 <= now() or sale.ends <= now() then 'ended'
                       when sale.starts <= now() then 'on_sale' else 'upcoming' end
           from (select coalesce($6::timestamptz, now()) as starts, coalesce($7::timestamptz, $5) as ends) sale
           returning id as "id!: EventId""#,
        form.title.trim(),
        form.description,
        form.venue.trim(),
        form.address,
        form.event_date.to_sqlx() as _,
        form.sale_start_date.map(ToSqlx::to_sqlx) as _,
        form.sale_end_date.map(ToSqlx::to_sqlx) as _,
        form.poster_image_url,
        form.seat_layout_id as Option<SeatLayoutId>,
        artist as Option<ArtistId>,
        form.artist(),
        small(form.max_per_person),
        small(form.max_seats_per_hold),
        admin as Option<UserId>,
        form.presale,
    )
    .fetch_one(connection)
    .await
}

/// Changes an event. Dates and limits that the form leaves out stay; so does `cancelled`.
pub async fn update(
    connection: &mut PgConnection,
    id: EventId,
    form: &EventForm,
    artist: Option<ArtistId>,
) -> sqlx::Result<()> {
    sqlx::query!(
        r"update events e
          set title = $2, description = $3, venue = $4, address = $5, event_date = $6,
              sale_start_date = sale.starts, sale_end_date = sale.ends, poster_image_url = $9,
              seat_layout_id = coalesce($10, e.seat_layout_id), artist_id = $11, artist_name = $12,
              max_per_person = coalesce($13::int, e.max_per_person),
              max_seats_per_hold = coalesce($14::int, e.max_seats_per_hold),
              presale = coalesce($15::boolean, e.presale), updated_at = now(),
              status = case when e.status = 'cancelled' then 'cancelled'
                            when $6 <= now() or sale.ends <= now() then 'ended'
                            when sale.starts <= now() then 'on_sale' else 'upcoming' end
          from (select coalesce($7::timestamptz, sale_start_date) as starts,
                       coalesce($8::timestamptz, sale_end_date) as ends
                from events where id = $1) sale
          where e.id = $1",
        id as EventId,
        form.title.trim(),
        form.description,
        form.venue.trim(),
        form.address,
        form.event_date.to_sqlx() as _,
        form.sale_start_date.map(ToSqlx::to_sqlx) as _,
        form.sale_end_date.map(ToSqlx::to_sqlx) as _,
        form.poster_image_url,
        form.seat_layout_id as Option<SeatLayoutId>,
        artist as Option<ArtistId>,
        form.artist(),
        small(form.max_per_person),
        small(form.max_seats_per_hold),
        form.presale,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// A limit as its column has it. The form was checked, so it fits.
fn small(limit: Option<i64>) -> Option<i32> {
    limit.map(|limit| i32::try_from(limit).unwrap_or(i32::MAX))
}

/// Number of reservations of an event that hold or own something.
pub async fn live_reservations(connection: &mut PgConnection, id: EventId) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from reservations
           where event_id = $1 and status in ('pending', 'confirmed')"#,
        id as EventId,
    )
    .fetch_one(connection)
    .await
}

/// Whether anybody ever reserved something of an event.
pub async fn was_ever_reserved(connection: &mut PgConnection, id: EventId) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (select from reservations where event_id = $1) as "reserved!""#,
        id as EventId,
    )
    .fetch_one(connection)
    .await
}

/// Calls an event off: from here on nothing is held or sold, and what is live must end.
pub async fn call_off(
    connection: &mut PgConnection,
    id: EventId,
    deleted: bool,
) -> sqlx::Result<()> {
    sqlx::query!(
        r"update events set status = 'cancelled', ending = true, updated_at = now(),
                 deleted_at = case when $2 then now() else deleted_at end
          where id = $1",
        id as EventId,
        deleted,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Deletes an event nobody ever reserved anything of, with its seats and types.
pub async fn delete(connection: &mut PgConnection, id: EventId) -> sqlx::Result<()> {
    sqlx::query!("delete from events where id = $1", id as EventId)
        .execute(connection)
        .await?;
    Ok(())
}

/// What stands against removing an event for good.
#[derive(Clone, Copy, Debug)]
pub struct Remains {
    /// Whether the show is over.
    pub is_over: bool,
    /// Reservations that hold something, or whose money is on its way back.
    pub unsettled: i64,
    /// Reservations that hold or own something.
    pub live: i64,
}

/// What stands against removing an event, which is locked until the transaction ends; also of
/// one that was deleted before.
pub async fn remains(connection: &mut PgConnection, id: EventId) -> sqlx::Result<Option<Remains>> {
    let event = sqlx::query_scalar!(
        r#"select event_date <= clock_timestamp() as "over!" from events where id = $1 for update"#,
        id as EventId,
    )
    .fetch_optional(&mut *connection)
    .await?;
    let Some(is_over) = event else {
        return Ok(None);
    };
    let row = sqlx::query!(
        r#"select count(*) filter (where r.status = 'pending' or r.payment_status = 'refund_requested'
                                     or t.id is not null) as "unsettled!",
                  count(*) filter (where r.status in ('pending', 'confirmed')) as "live!"
           from reservations r
           left join ticket_transfers t
             on t.reservation_id = r.id and t.status = 'listed' and t.reserved_until > clock_timestamp()
           where r.event_id = $1"#,
        id as EventId,
    )
    .fetch_one(connection)
    .await?;
    Ok(Some(Remains {
        is_over,
        unsettled: row.unsettled,
        live: row.live,
    }))
}

/// Removes an event with its seats, types and policy. Its reservations stay, as records of
/// what people paid; they name the event no more.
pub async fn remove(connection: &mut PgConnection, id: EventId) -> sqlx::Result<()> {
    sqlx::query!(
        r"update reservation_items i set ticket_type_id = null
          from ticket_types t where t.id = i.ticket_type_id and t.event_id = $1",
        id as EventId,
    )
    .execute(&mut *connection)
    .await?;
    delete(connection, id).await
}

/// Events whose reservations are still ending.
pub async fn ending(pool: &PgPool) -> sqlx::Result<Vec<EventId>> {
    sqlx::query_scalar!(r#"select id as "id!: EventId" from events where ending order by id"#)
        .fetch_all(pool)
        .await
}

/// A batch of the live reservations of an event, after the last one seen.
pub async fn live_after(
    pool: &PgPool,
    event: EventId,
    after: ReservationId,
    limit: i64,
) -> sqlx::Result<Vec<ReservationId>> {
    sqlx::query_scalar!(
        r#"select id as "id!: ReservationId" from reservations
           where event_id = $1 and status in ('pending', 'confirmed') and id > $2 order by id limit $3"#,
        event as EventId,
        after as ReservationId,
        limit,
    )
    .fetch_all(pool)
    .await
}

/// Remembers that nothing of an event is live any more, if that is so.
pub async fn ended(pool: &PgPool, id: EventId) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        r"update events set ending = false, updated_at = now()
          where id = $1 and ending and not exists (
              select from reservations where event_id = $1 and status in ('pending', 'confirmed'))",
        id as EventId,
    )
    .execute(pool)
    .await?;
    Ok(done.rows_affected() == 1)
}
