-- The embedded bus: one log of facts, cut into topics and partitions.

create table topics (
    name       text not null primary key,
    partitions int  not null,
    constraint topics_have_partitions check (partitions between 1 and 1024)
);

insert into topics (name, partitions) values
    ('payment-events', 3),
    ('reservation-events', 3),
    ('transfer-events', 3),
    ('membership-events', 3),
    ('payment-events.dead-letter', 3),
    ('reservation-events.dead-letter', 3),
    ('transfer-events.dead-letter', 3),
    ('membership-events.dead-letter', 3);

-- Ids are drawn under an advisory lock of the row's topic and partition that lasts until
-- the commit. So within a partition they are in commit order, and whoever has read up to
-- an id has missed nothing below it. Without that lock a reader would lose rows.
create table log (
    topic       text        not null references topics (name),
    partition   int         not null,
    id          bigint      not null generated always as identity,
    fact_id     uuid        not null,
    key         text        not null,
    payload     json        not null,
    appended_at timestamptz not null default now(),
    primary key (topic, partition, id)
);

-- Retention looks for what is oldest; the log is written in about that order.
create index log_appended_at on log using brin (appended_at);
