-- A ticket for each seat and each standing place of a confirmed reservation. What a person shows
-- at the door is signed anew from its row each time it is shown, and never stored.

create table tickets (
    id             uuid        primary key default gen_random_uuid(),
    reservation_id uuid        not null references reservations (id) on delete cascade,
    item_id        uuid        not null references reservation_items (id) on delete cascade,
    -- 1 to the quantity of the item.
    unit           int         not null,
    event_id       uuid        not null references events (id) on delete cascade,
    seat_id        uuid        references seats (id) on delete set null,
    -- Version of its credential: raised when the ticket changes hands, and older ones are dead.
    rotation       int         not null default 1,
    issued_at      timestamptz not null default now(),
    voided_at      timestamptz,
    -- The transaction that last changed what doors must know. Whoever has read up to the oldest
    -- transaction that was running then has missed nothing, whichever commits first.
    changed_in     bigint      not null default pg_current_xact_id()::text::bigint,
    constraint tickets_unit_positive check (unit > 0),
    constraint tickets_rotation_positive check (rotation > 0)
);
create unique index tickets_one_live_per_unit on tickets (item_id, unit) where voided_at is null;
create unique index tickets_one_live_per_seat on tickets (seat_id) where voided_at is null;
create index tickets_of_reservation on tickets (reservation_id);
create index tickets_by_change on tickets (event_id, changed_in, id);

-- What was confirmed before there were tickets.
insert into tickets (reservation_id, item_id, unit, event_id, seat_id)
select r.id, i.id, units.unit, r.event_id, i.seat_id
from reservations r
join reservation_items i on i.reservation_id = r.id and i.live
cross join lateral generate_series(1, i.quantity) as units(unit)
where r.status = 'confirmed' and r.event_id is not null;
