-- Events that are called off or deleted, and how many seats one hold may take.

alter table events
    add column max_seats_per_hold int         not null default 1,
    -- Called off, and reservations of it may still be live: a job ends them.
    add column ending             boolean     not null default false,
    -- Deleted, but kept for those who had bought.
    add column deleted_at         timestamptz,
    add constraint events_hold_one_to_eight_seats check (max_seats_per_hold between 1 and 8) not valid,
    add constraint events_only_cancelled_end check (not ending or status = 'cancelled') not valid,
    add constraint events_deleted_are_cancelled check (deleted_at is null or status = 'cancelled') not valid;
create index events_ending on events (id) where ending;
create index reservations_by_time on reservations (created_at desc, id);
