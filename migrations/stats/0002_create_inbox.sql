-- Facts of others that were applied here.

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
