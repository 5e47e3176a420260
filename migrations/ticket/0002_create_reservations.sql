-- Who holds or owns what. The life of a reservation is in services/ticket/src/domain/reservation.rs.

create table reservations (
    id                 uuid         primary key default gen_random_uuid(),
    user_id            uuid         not null,
    event_id           uuid         references events (id) on delete set null,
    reservation_number varchar(50)  not null,
    -- Seats and standing places in it.
    quantity           int          not null,
    total_amount       bigint       not null,
    status             varchar(20)  not null default 'pending',
    payment_status     varchar(20)  not null default 'pending',
    payment_method     varchar(50),
    expires_at         timestamptz  not null,
    -- The order that fences the hold while it is being paid.
    order_id           varchar(64),
    -- The order it was sold to.
    sold_order_id      varchar(64),
    -- A hold being paid whose outcome the provider could not say is asked about again then.
    resolve_after      timestamptz,
    resolve_attempts   int          not null default 0,
    created_at         timestamptz  not null default now(),
    updated_at         timestamptz  not null default now(),
    constraint reservations_one_per_number unique (reservation_number),
    constraint reservations_quantity_positive check (quantity > 0),
    constraint reservations_total_not_negative check (total_amount >= 0),
    constraint reservations_state_known check (
        (status = 'pending' and payment_status = 'pending' and order_id is null)
        or (status = 'pending' and payment_status = 'processing' and order_id is not null)
        or (status = 'confirmed' and payment_status in ('completed', 'refunded') and sold_order_id is not null)
        or (status in ('expired', 'cancelled') and payment_status in ('pending', 'refund_requested', 'refunded'))
    )
);
create index reservations_due on reservations (expires_at) where status = 'pending';
create index reservations_of_person on reservations (user_id, created_at desc);
create index reservations_of_event on reservations (event_id, user_id);
-- Ended ones that an order fenced: reconciliation looks at the recent of them.
create index reservations_ended_with_order on reservations (updated_at)
    where status in ('expired', 'cancelled') and order_id is not null;

create table reservation_items (
    id             uuid        primary key default gen_random_uuid(),
    reservation_id uuid        not null references reservations (id) on delete cascade,
    ticket_type_id uuid        references ticket_types (id),
    seat_id        uuid        references seats (id) on delete set null,
    quantity       int         not null,
    unit_price     bigint      not null,
    subtotal       bigint      not null,
    -- True while the reservation holds or owns the item. Changed with the reservation.
    live           boolean     not null default true,
    -- The seat's token at the time it was taken.
    fencing_token  bigint,
    created_at     timestamptz not null default now(),
    constraint reservation_items_seat_or_type check (num_nonnulls(ticket_type_id, seat_id) <= 1),
    constraint reservation_items_quantity_positive check (quantity > 0),
    constraint reservation_items_one_place_a_seat check (seat_id is null or quantity = 1),
    constraint reservation_items_subtotal_adds_up check (subtotal = unit_price * quantity)
);
create index reservation_items_by_reservation on reservation_items (reservation_id);
create index reservation_items_by_type on reservation_items (ticket_type_id) where ticket_type_id is not null;
-- A seat is sold once. This index is what says so.
create unique index reservation_items_one_live_per_seat on reservation_items (seat_id) where live;

-- One row per (event, person), locked by every hold of that person, so that two holds at
-- once cannot both see room under the cap.
create table event_people (
    event_id uuid not null references events (id) on delete cascade,
    user_id  uuid not null,
    primary key (event_id, user_id)
);

-- Captured orders that no reservation can honour. One row each, so that each is refunded once.
create table rejected_orders (
    order_id       varchar(64) primary key,
    reservation_id uuid        not null references reservations (id) on delete cascade,
    reason         text        not null,
    rejected_at    timestamptz not null default now()
);

-- Answers to requests that carried an idempotency key, byte for byte. Written in the
-- transaction of the effect.
create table idempotency_keys (
    user_id      uuid        not null,
    key          varchar(64) not null,
    request_hash bytea       not null,
    response     bytea,
    created_at   timestamptz not null default now(),
    primary key (user_id, key)
);
create index idempotency_keys_by_age on idempotency_keys (created_at);
