-- What stats keeps of the facts it has heard: one row for each reservation, payment,
-- transfer and membership. Every figure is a view or a query over these rows, so no
-- counter can drift from them and no row is hot.
--
-- A fact fills the columns of its own kind, whichever other facts came before. `_day` is
-- the day of the fact's timestamp in the zone of STATS_TIME_ZONE when it was heard.

create table reservation_facts (
    reservation_id  uuid   not null primary key,
    user_id         uuid   not null,
    event_id        uuid,
    quantity        bigint not null default 0,
    created_at      timestamptz,
    created_day     date,
    confirmed_at    timestamptz,
    confirmed_day   date,
    confirmed_amount bigint not null default 0,
    cancelled_at    timestamptz,
    cancelled_day   date,
    rejected_at     timestamptz,
    rejected_day    date,
    expired_at      timestamptz,
    expired_day     date,
    refunded_at     timestamptz,
    refunded_day    date,
    refunded_amount bigint not null default 0,
    constraint reservation_facts_not_negative check (quantity >= 0 and confirmed_amount >= 0 and refunded_amount >= 0)
);
create index reservation_facts_created on reservation_facts (created_day);
create index reservation_facts_created_at on reservation_facts (created_at);
create index reservation_facts_confirmed on reservation_facts (confirmed_day) where confirmed_day is not null;
create index reservation_facts_confirmed_at on reservation_facts (confirmed_at) where confirmed_at is not null;
create index reservation_facts_cancelled on reservation_facts (cancelled_day) where cancelled_day is not null;
create index reservation_facts_rejected on reservation_facts (rejected_day) where rejected_day is not null;
create index reservation_facts_expired on reservation_facts (expired_day) where expired_day is not null;
create index reservation_facts_refunded on reservation_facts (refunded_day) where refunded_day is not null;
create index reservation_facts_event on reservation_facts (event_id);

create table payment_facts (
    payment_id      uuid   not null primary key,
    payment_type    text   not null,
    user_id         uuid   not null,
    method          text,
    captured_at     timestamptz,
    captured_day    date,
    captured_amount bigint not null default 0,
    refunded_at     timestamptz,
    refunded_day    date,
    refunded_amount bigint not null default 0,
    constraint payment_facts_known_type check (payment_type in ('reservation', 'transfer', 'membership')),
    constraint payment_facts_not_negative check (captured_amount >= 0 and refunded_amount >= 0)
);
create index payment_facts_captured on payment_facts (captured_day) where captured_day is not null;
create index payment_facts_captured_at on payment_facts (captured_at) where captured_at is not null;
create index payment_facts_refunded on payment_facts (refunded_day) where refunded_day is not null;

create table transfer_facts (
    transfer_id    uuid        not null primary key,
    reservation_id uuid,
    seller_id      uuid,
    buyer_id       uuid        not null,
    total_price    bigint      not null,
    completed_at   timestamptz not null,
    completed_day  date        not null
);

create table membership_facts (
    membership_id uuid        not null primary key,
    user_id       uuid        not null,
    artist_id     uuid,
    activated_at  timestamptz not null,
    activated_day date        not null
);
create index membership_facts_activated on membership_facts (activated_day);

-- How many accounts auth had: at its first answer of a day, and at its last.
create table user_counts (
    day         date   not null primary key,
    first_users bigint not null,
    users       bigint not null,
    admins      bigint not null
);

-- One day. Revenue is money kept: what confirmed reservations, transfers and memberships
-- brought on the day, less what went back on it. A refund counts only where the sale had
-- counted, so a payment that could not be honoured changes nothing. `payment_revenue` is
-- the same seen from the payments: all captures less all refunds.
create view daily_stats as
select date,
       sum(total_reservations)::bigint     as total_reservations,
       sum(confirmed_reservations)::bigint as confirmed_reservations,
       sum(cancelled_reservations)::bigint as cancelled_reservations,
       sum(rejected_reservations)::bigint  as rejected_reservations,
       sum(expired_reservations)::bigint   as expired_reservations,
       sum(total_revenue)::bigint          as total_revenue,
       sum(payments)::bigint               as payments,
       sum(payment_revenue)::bigint        as payment_revenue
from (
    select created_day as date, 1 as total_reservations, 0 as confirmed_reservations,
           0 as cancelled_reservations, 0 as rejected_reservations, 0 as expired_reservations,
           0::bigint as total_revenue, 0 as payments, 0::bigint as payment_revenue
    from reservation_facts where created_day is not null
    union all
    select confirmed_day, 0, 1, 0, 0, 0, confirmed_amount, 0, 0
    from reservation_facts where confirmed_day is not null
    union all
    select cancelled_day, 0, 0, 1, 0, 0, 0, 0, 0
    from reservation_facts where cancelled_day is not null
    union all
    select rejected_day, 0, 0, 0, 1, 0, 0, 0, 0
    from reservation_facts where rejected_day is not null
    union all
    select expired_day, 0, 0, 0, 0, 1, 0, 0, 0
    from reservation_facts where expired_day is not null
    union all
    select refunded_day, 0, 0, 0, 0, 0, -refunded_amount, 0, 0
    from reservation_facts where refunded_day is not null and confirmed_day is not null
    union all
    select captured_day, 0, 0, 0, 0, 0,
           case when payment_type = 'reservation' then 0 else captured_amount end, 1, captured_amount
    from payment_facts where captured_day is not null
    union all
    select refunded_day, 0, 0, 0, 0, 0,
           case when payment_type = 'reservation' then 0 else -refunded_amount end, 0, -refunded_amount
    from payment_facts where refunded_day is not null
) as counted
group by date;

-- One event. A reservation is sold while it is confirmed and has not ended.
create view event_stats as
select event_id,
       count(created_at)                                                  as total_reservations,
       count(confirmed_at)                                                as confirmed_reservations,
       count(cancelled_at)                                                as cancelled_reservations,
       count(created_at) filter (where confirmed_at is null and cancelled_at is null
                          and rejected_at is null and expired_at is null) as pending_reservations,
       coalesce(sum(quantity) filter (where confirmed_at is not null and cancelled_at is null
                          and rejected_at is null), 0)::bigint            as reserved_seats,
       sum(case when confirmed_at is null then 0
                else confirmed_amount - refunded_amount end)::bigint      as total_revenue
from reservation_facts
where event_id is not null
group by event_id;
