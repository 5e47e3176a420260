//! Making, changing, calling off and deleting events. Whoever changes an event holds its row
//! lock, which waits for the holds that are being taken under its terms.

use jiff_sqlx::ToSqlx;
use sqlx::{PgConnection, PgPool};
use urr_contract::{ArtistId, EventId, ReservationId, SeatLayoutId, UserId};

use crate::domain::form::EventForm;

/// An event under its row lock.
#[derive(Clone, Debug)]
pub struct LockedEvent {
    /// Its title.
    pub title: String,
    /// Its layout; `None` means standing.
    pub layout: Option<SeatLayoutId>,
    /// Whether it was called off.
    pub cancelled: bool,
}

/// Locks an event that was not deleted until the transaction ends.
pub async fn lock(connection: &mut PgConnection, id: EventId) -> sqlx::Result<Option<LockedEvent>> {
    sqlx::query_as!(
        LockedEvent,
        r#"select title, seat_layout_id as "layout: SeatLayoutId", status = 'cancelled' as "cancelled!"
           from events where id = $1 and deleted_at is null for update"#,
        id as EventId,
    )
    .fetch_optional(connection)
    .await
}

/// Makes an event. Its sale starts now and ends with the show where nobody says otherwise.
pub async fn insert(
    connection: &mut PgConnection,
    form: &EventForm,
    artist: Option<ArtistId>,
    admin: UserId,
) -> sqlx::Result<EventId> {
    sqlx::query_scalar!(
        r#"insert into events (title, description, venue, address, event_date, sale_start_date, sale_end_date,
                              poster_image_url, seat_layout_id, artist_id, artist_name, max_per_person,
                              max_seats_per_hold, created_by, status)
           select $1, $2, $3, $4, $5, sale.starts, sale.ends, $8, $9, $10, $11,
                  coalesce($12::int, 4), coalesce($13::int, 1), $14,
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
        admin as UserId,
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
              max_seats_per_hold = coalesce($14::int, e.max_seats_per_hold), updated_at = now(),
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
