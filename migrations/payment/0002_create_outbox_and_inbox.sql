-- Facts on their way out, and facts of others that were applied here.

create table outbox (
    id           bigint generated always as identity primary key,
    fact_id      uuid        not null default gen_random_uuid(),
    topic        text        not null,
    key          text        not null,
    payload      json        not null,
    created_at   timestamptz not null default now(),
    published_at timestamptz,
    constraint outbox_one_row_per_fact unique (fact_id)
);
create index outbox_unpublished on outbox (id) where published_at is null;

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
