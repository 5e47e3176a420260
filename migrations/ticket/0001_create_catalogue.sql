-- What is sold: layouts, artists, events, standing types with their stock, and seats.

create extension if not exists pg_trgm;

create table seat_layouts (
    id            uuid         primary key default gen_random_uuid(),
    name          varchar(100) not null,
    description   text,
    total_seats   int          not null,
    layout_config jsonb        not null,
    created_at    timestamptz  not null default now(),
    updated_at    timestamptz  not null default now(),
    constraint seat_layouts_one_per_name unique (name),
    constraint seat_layouts_total_not_negative check (total_seats >= 0)
);

create table artists (
    id               uuid         primary key default gen_random_uuid(),
    name             varchar(255) not null,
    image_url        text,
    description      text,
    membership_price bigint       not null default 30000,
    created_at       timestamptz  not null default now(),
    updated_at       timestamptz  not null default now(),
    constraint artists_one_per_name unique (name),
    constraint artists_membership_price_not_negative check (membership_price >= 0)
);

create table events (
    id               uuid         primary key default gen_random_uuid(),
    title            varchar(255) not null,
    description      text,
    venue            varchar(255) not null,
    address          text,
    event_date       timestamptz  not null,
    sale_start_date  timestamptz,
    sale_end_date    timestamptz,
    poster_image_url text,
    -- For lists only. Whether a hold is allowed is computed from the dates.
    status           varchar(20)  not null default 'upcoming',
    -- Null means standing: sold by ticket type.
    seat_layout_id   uuid         references seat_layouts (id),
    artist_id        uuid         references artists (id),
    artist_name      varchar(255),
    pre_scaled       boolean      not null default false,
    max_per_person   int          not null default 4,
    created_by       uuid,
    created_at       timestamptz  not null default now(),
    updated_at       timestamptz  not null default now(),
    search_text      text         not null generated always as (
        lower(title || coalesce(' ' || artist_name, '') || ' ' || venue || coalesce(' ' || address, ''))
    ) stored,
    constraint events_status_known check (status in ('upcoming', 'on_sale', 'ended', 'cancelled')),
    constraint events_sale_ends_after_start check (sale_end_date > sale_start_date),
    constraint events_max_per_person_positive check (max_per_person > 0)
);
create index events_by_sale_start on events (sale_start_date, id);
create index events_by_artist on events (artist_id);
create index events_search on events using gin (search_text gin_trgm_ops);
-- The status job looks at events whose status may still change.
create index events_unfinished on events (status) where status in ('upcoming', 'on_sale');

create table ticket_types (
    id             uuid         primary key default gen_random_uuid(),
    event_id       uuid         not null references events (id) on delete cascade,
    name           varchar(100) not null,
    price          bigint       not null,
    total_quantity int          not null,
    description    text,
    created_at     timestamptz  not null default now(),
    updated_at     timestamptz  not null default now(),
    constraint ticket_types_price_not_negative check (price >= 0),
    constraint ticket_types_total_not_negative check (total_quantity >= 0)
);
create index ticket_types_by_event on ticket_types (event_id);

-- Stock of a standing type, spread over shards so that one type sells in parallel.
-- The available quantity of a type is the sum of its shards.
create table ticket_stock (
    ticket_type_id uuid     not null references ticket_types (id) on delete cascade,
    shard          smallint not null,
    available      int      not null,
    primary key (ticket_type_id, shard),
    constraint ticket_stock_never_below_zero check (available >= 0)
) with (fillfactor = 50);

create table seats (
    id            uuid        primary key default gen_random_uuid(),
    event_id      uuid        not null references events (id) on delete cascade,
    section       varchar(50) not null,
    row_number    int         not null,
    seat_number   int         not null,
    seat_label    varchar(80) not null,
    price         bigint      not null,
    status        varchar(20) not null default 'available',
    version       int         not null default 0,
    -- Raised by every hold, never reset: a write that carries an older token changes nothing.
    fencing_token bigint      not null default 0,
    locked_by     uuid,
    created_at    timestamptz not null default now(),
    updated_at    timestamptz not null default now(),
    constraint seats_one_per_place unique (event_id, section, row_number, seat_number),
    constraint seats_status_known check (status in ('available', 'locked', 'reserved')),
    constraint seats_locked_by_somebody check ((status = 'available') = (locked_by is null)),
    constraint seats_price_not_negative check (price >= 0)
) with (fillfactor = 80);
