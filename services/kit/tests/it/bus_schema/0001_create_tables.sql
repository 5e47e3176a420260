-- What a database needs that publishes and consumes, and something to see effects by.

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

create table consumer_offsets (
    consumer    text   not null,
    topic       text   not null,
    partition   int    not null,
    next_offset bigint not null,
    primary key (consumer, topic, partition)
);

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

-- Each change of an aggregate publishes its new number.
create table aggregates (
    id     uuid   not null primary key,
    number bigint not null default 0
);

create table effects (
    id        bigint generated always as identity primary key,
    consumer  text   not null,
    aggregate uuid   not null,
    number    bigint not null
);
