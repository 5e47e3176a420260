//! Sums over what can be sold and what is sold, for statistics.

use sqlx::PgPool;
use urr_contract::{
    EventId, Won,
    internal::{AlikePlaces, CatalogueFigures},
};

/// Counts of everything there is.
pub async fn catalogue(pool: &PgPool) -> sqlx::Result<CatalogueFigures> {
    sqlx::query_as!(
        CatalogueFigures,
        r#"select count(*) as "events!",
                  count(*) filter (where status <> 'cancelled' and sale_start_date <= now()
                      and event_date > now() and coalesce(sale_end_date > now(), true)) as "on_sale!",
                  (select count(*) from seats s join events e on e.id = s.event_id
                   where e.deleted_at is null)
                  + (select coalesce(sum(t.total_quantity), 0) from ticket_types t
                     join events e on e.id = t.event_id
                     where e.deleted_at is null and e.seat_layout_id is null) as "seats!"
           from events where deleted_at is null"#
    )
    .fetch_one(pool)
    .await
}

/// The places of one event or of all, those that are alike together, and how many of them
/// are sold.
pub async fn places(pool: &PgPool, event: Option<EventId>) -> sqlx::Result<Vec<AlikePlaces>> {
    sqlx::query_as!(
        AlikePlaces,
        r#"select section as "section!", row, price as "price!: Won", sum(total)::bigint as "total!",
                  sum(sold)::bigint as "sold!"
           from (
               select s.section, s.row_number as row, s.price, count(*) as total,
                      count(*) filter (where s.status = 'reserved') as sold
               from seats s join events e on e.id = s.event_id
               where e.deleted_at is null and ($1::uuid is null or e.id = $1)
               group by s.section, s.row_number, s.price
               union all
               select t.name, null, t.price, t.total_quantity,
                      (select coalesce(sum(i.quantity), 0) from reservation_items i
                       join reservations r on r.id = i.reservation_id
                       where i.ticket_type_id = t.id and r.status = 'confirmed')
               from ticket_types t join events e on e.id = t.event_id
               where e.deleted_at is null and e.seat_layout_id is null
                 and ($1::uuid is null or e.id = $1)
           ) as places
           group by section, row, price order by section, row, price"#,
        event.map(|id| id.0),
    )
    .fetch_all(pool)
    .await
}
