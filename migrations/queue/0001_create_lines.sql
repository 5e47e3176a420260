-- What of a waiting room must survive the loss of Redis.

create table lines (
    event_id           uuid        primary key,
    -- Numbers up to here may have been given out. Written ahead of use, in blocks.
    number_reserved_to bigint      not null,
    -- Highest number that was called, as of the last note of a worker.
    serving            bigint      not null default 0,
    -- Incarnation: how often the line was laid out in Redis.
    epoch              integer     not null,
    -- Last sign that the line is in use.
    used_at            timestamptz not null default now(),
    constraint lines_serving_within_reserved check (serving between 0 and number_reserved_to),
    constraint lines_epoch_from_one check (epoch >= 1)
);
create index lines_by_use on lines (used_at);

-- Who is inside. A worker notes it each second, so that the cap holds after a wipe.
create table slots (
    event_id     uuid    not null references lines (event_id) on delete cascade,
    number       bigint  not null,
    admission_id uuid    not null,
    -- Whether the person has appeared after being called.
    appeared     boolean not null,
    primary key (event_id, number)
);

create table event_policies (
    event_id   uuid        primary key,
    -- Grows with every change; a copy with a lower revision is the older one.
    revision   bigint      not null default 1,
    -- The fence of the last accepted write; see the policy's `fence`.
    owner      text        not null,
    generation bigint      not null,
    sequence   bigint      not null,
    body       jsonb       not null,
    changed_at timestamptz not null default now(),
    constraint event_policies_body_is_object check (jsonb_typeof(body) = 'object')
);
