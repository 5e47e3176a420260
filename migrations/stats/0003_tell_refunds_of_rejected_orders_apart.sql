-- An order that could not be honoured is refunded too, and may belong to a reservation that was
-- sold to another order. Its refund takes nothing off what the sale brought, and its
-- rejection takes no seat away.

create table rejected_orders (
    order_id text not null primary key
);

-- The order that the refund noted here belongs to.
alter table reservation_facts add column refunded_order_id text;

create or replace view event_stats as
select event_id,
       count(created_at)                                                  as total_reservations,
       count(confirmed_at)                                                as confirmed_reservations,
       count(cancelled_at)                                                as cancelled_reservations,
       count(created_at) filter (where confirmed_at is null and cancelled_at is null
                          and rejected_at is null and expired_at is null) as pending_reservations,
       coalesce(sum(quantity) filter (where confirmed_at is not null
                          and cancelled_at is null), 0)::bigint           as reserved_seats,
       sum(case when confirmed_at is null then 0
                else confirmed_amount - refunded_amount end)::bigint      as total_revenue
from reservation_facts
where event_id is not null
group by event_id;
