//! Counts of what of an event is free, held and sold.

use sqlx::PgPool;
use urr_contract::EventId;

use crate::domain::availability::Availability;

/// What of an event can still be bought. Ticket types count only where the event has no
/// layout, as everywhere. Of them, whatever is neither left nor held is sold.
pub async fn of_event(pool: &PgPool, event: EventId) -> sqlx::Result<Option<Availability>> {
    sqlx::query_as!(
        Availability,
        r#"select seats.total + places.total as "total!", seats.available + places.available as "available!",
                  seats.held + places.held as "held!",
                  seats.sold + places.total - places.available - places.held as "sold!"
           from events e
           cross join lateral (
               select count(*) as total, count(*) filter (where status = 'available') as available,
                      count(*) filter (where status = 'locked') as held,
                      count(*) filter (where status = 'reserved') as sold
               from seats where event_id = e.id
           ) seats
           cross join lateral (
               select coalesce(sum(t.total_quantity), 0)::bigint as total,
                      coalesce(sum(stock.available), 0)::bigint as available,
                      -- Few are pending at a time, and an index has them.
                      (select coalesce(sum(r.quantity), 0)::bigint from reservations r
                       where r.event_id = e.id and r.status = 'pending' and e.seat_layout_id is null) as held
               from ticket_types t
               cross join lateral (
                   select sum(available) as available from ticket_stock where ticket_type_id = t.id
               ) stock
               where t.event_id = e.id and e.seat_layout_id is null
           ) places
           where e.id = $1 and e.deleted_at is null"#,
        event as EventId,
    )
    .fetch_optional(pool)
    .await
}
