-- Notices to people: what facts mean for fans (mails) and organisers (webhooks).

create table applied_facts (
    consumer   text        not null,
    fact_id    uuid        not null,
    applied_at timestamptz not null default now(),
    primary key (consumer, fact_id)
);

-- Embedded bus only: the next position to read.
create table consumer_offsets (
    consumer    text   not null,
    topic       text   not null,
    partition   int    not null,
    next_offset bigint not null,
    primary key (consumer, topic, partition)
);

-- What could not be applied after all retries, beside the dead-letter topic.
create table dead_letters (
    consumer  text        not null,
    fact_id   uuid        not null,
    topic     text        not null,
    key       text        not null,
    payload   json        not null,
    error     text        not null,
    failed_at timestamptz not null default now(),
    primary key (consumer, fact_id)
);

-- Something that has happened and of which somebody is to be told. Written with the record of
-- its fact; turned into mails and deliveries once ticket has said what the fact is about.
create table notices (
    fact_id         uuid        primary key,
    notice          jsonb       not null,
    happened_at     timestamptz not null,
    attempts        int         not null default 0,
    next_attempt_at timestamptz not null,
    -- Done: turned into mails and deliveries, or given up with the reason.
    composed_at     timestamptz,
    given_up_at     timestamptz,
    error           text,
    constraint notices_end_once check (composed_at is null or given_up_at is null)
);
create index notices_due on notices (next_attempt_at) where composed_at is null and given_up_at is null;
create index notices_by_age on notices (happened_at);

-- Where organisers want to be told.
create table webhook_endpoints (
    id                         uuid          primary key default gen_random_uuid(),
    url                        varchar(2048) not null,
    description                varchar(255)  not null default '',
    -- Only of this event; of all where null.
    event_id                   uuid,
    types                      text[]        not null,
    active                     boolean       not null default true,
    secret                     bytea         not null,
    -- The secret before it was changed signs as well until its end.
    previous_secret            bytea,
    previous_secret_expires_at timestamptz,
    -- How the last deliveries went: failures in a row, since when, and until when it is left alone.
    failures                   int           not null default 0,
    failing_since              timestamptz,
    paused_until               timestamptz,
    -- Switched off by us, because it failed for too long or said that it is gone.
    disabled_at                timestamptz,
    disabled_reason            text,
    created_by                 uuid          not null,
    created_at                 timestamptz   not null,
    updated_at                 timestamptz   not null,
    constraint webhook_endpoints_want_something check (cardinality(types) > 0),
    constraint webhook_endpoints_disabled_are_inactive check (disabled_at is null or not active),
    constraint webhook_endpoints_previous_secret_ends check (
        (previous_secret is null) = (previous_secret_expires_at is null)
    )
);
create index webhook_endpoints_by_age on webhook_endpoints (created_at desc, id);

-- One message to one endpoint, with the bytes that are sent at every try.
create table webhook_deliveries (
    id              uuid        primary key default gen_random_uuid(),
    endpoint_id     uuid        not null references webhook_endpoints on delete cascade,
    -- Null for a test.
    fact_id         uuid,
    message_id      text        not null,
    type            text        not null,
    body            text        not null,
    status          text        not null default 'pending',
    -- Tries since it was made or replayed, which is where the schedule stands.
    tries           int         not null default 0,
    -- All tries ever.
    attempts        int         not null default 0,
    next_attempt_at timestamptz,
    claimed_until   timestamptz,
    -- The last try.
    response_status int,
    duration_ms     int,
    error           text,
    created_at      timestamptz not null,
    ended_at        timestamptz,
    constraint webhook_deliveries_one_per_fact_and_endpoint unique (endpoint_id, fact_id),
    constraint webhook_deliveries_status_known check (status in ('pending', 'delivered', 'failed', 'skipped')),
    constraint webhook_deliveries_pending_have_a_next_try check ((status = 'pending') = (next_attempt_at is not null))
);
create index webhook_deliveries_due on webhook_deliveries (endpoint_id, next_attempt_at) where status = 'pending';
create index webhook_deliveries_of_endpoint on webhook_deliveries (endpoint_id, created_at desc, id);
create index webhook_deliveries_by_age on webhook_deliveries (created_at);

-- Every try, as the endpoint answered it.
create table webhook_attempts (
    delivery_id      uuid        not null references webhook_deliveries on delete cascade,
    number           int         not null,
    at               timestamptz not null,
    duration_ms      int         not null,
    response_status  int,
    response_excerpt text,
    error            text,
    primary key (delivery_id, number)
);

-- Mails, each to one person about one fact. Whose it is stays an id: address and name are asked
-- for when it is sent.
create table mails (
    id              uuid        primary key default gen_random_uuid(),
    fact_id         uuid        not null,
    kind            text        not null,
    user_id         uuid        not null,
    reservation_id  uuid,
    content         jsonb       not null,
    status          text        not null default 'pending',
    tries           int         not null default 0,
    attempts        int         not null default 0,
    next_attempt_at timestamptz,
    error           text,
    -- Where it went, for people who ask. Forgotten with the account.
    address         text,
    language        text,
    created_at      timestamptz not null,
    ended_at        timestamptz,
    constraint mails_one_per_fact_and_person unique (fact_id, kind, user_id),
    constraint mails_status_known check (status in ('pending', 'sent', 'failed', 'dropped')),
    constraint mails_pending_have_a_next_try check ((status = 'pending') = (next_attempt_at is not null))
);
create index mails_due on mails (next_attempt_at) where status = 'pending';
create index mails_of_reservation on mails (reservation_id, created_at desc);
create index mails_of_person on mails (user_id, created_at desc);
create index mails_by_age on mails (created_at desc, id);

-- What administrators did to endpoints and mails, and what became of endpoints by themselves.
create table notice_log (
    id            bigint      generated always as identity primary key,
    at            timestamptz not null,
    -- Null where nobody did it.
    admin_user_id uuid,
    action        text        not null,
    resource_type text        not null,
    resource_id   uuid        not null,
    detail        text        not null default '',
    ip_address    varchar(45)
);
create index notice_log_of_resource on notice_log (resource_id, id desc);
create index notice_log_by_age on notice_log (at);
