-- Who declares how an event is sold, and for how long a hold of it lives.

create table sale_policies (
    event_id        uuid        primary key references events (id) on delete cascade,
    -- Another number with every change, also after a policy was let go: the entity tag.
    revision        bigint      not null generated always as identity,
    -- The fence of the last accepted write; see the policy's `fence`.
    owner           text        not null,
    generation      bigint      not null,
    sequence        bigint      not null,
    body            jsonb       not null,
    seat_seconds    int         not null generated always as ((body ->> 'seatSeconds')::int) stored,
    payment_seconds int         not null generated always as ((body ->> 'paymentSeconds')::int) stored,
    changed_at      timestamptz not null default now(),
    constraint sale_policies_body_is_object check (jsonb_typeof(body) = 'object'),
    constraint sale_policies_times_positive check (seat_seconds > 0 and payment_seconds > 0)
);
