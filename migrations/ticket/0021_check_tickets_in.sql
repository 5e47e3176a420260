-- The door: devices that scan, and every scan with what came of it.

-- Null: from the beginning of the event's day.
alter table events add column doors_open_at timestamptz;

create table check_in_devices (
    id           uuid        primary key default gen_random_uuid(),
    event_id     uuid        not null references events (id) on delete cascade,
    name         text        not null,
    gate         text        not null,
    -- SHA-256 of the token, which is shown once and kept nowhere.
    token_hash   bytea       not null,
    created_by   uuid        not null,
    created_at   timestamptz not null default now(),
    last_seen_at timestamptz,
    revoked_at   timestamptz,
    constraint check_in_devices_one_per_token unique (token_hash),
    constraint check_in_devices_name_fits check (char_length(name) between 1 and 100),
    constraint check_in_devices_gate_fits check (char_length(gate) between 1 and 50)
);
create index check_in_devices_of_event on check_in_devices (event_id, created_at, id);

create table ticket_scans (
    id              uuid        primary key default gen_random_uuid(),
    event_id        uuid        not null references events (id) on delete cascade,
    -- Null: no ticket of ours.
    ticket_id       uuid        references tickets (id) on delete cascade,
    device_id       uuid        references check_in_devices (id) on delete cascade,
    admin_id        uuid,
    scanner         uuid        not null generated always as (coalesce(device_id, admin_id)) stored,
    -- Chosen by the scanner: a repetition gets the first answer.
    scan_id         uuid        not null,
    credential_hash bytea       not null,
    gate            text        not null,
    offline         boolean     not null,
    -- What was answered.
    code            text        not null,
    answer          json        not null,
    -- Somebody was let in.
    admitted        boolean     not null,
    -- By a credential that was good, so that this scan may be the one that counts.
    eligible        boolean     not null,
    -- The one scan by which the ticket is used: the earliest eligible one.
    counts          boolean     not null,
    -- The scanner's word.
    scanned_at      timestamptz not null,
    -- That word within bounds: what decides which scan is earlier.
    happened_at     timestamptz not null,
    received_at     timestamptz not null,
    undone_at       timestamptz,
    undone_by       uuid,
    undo_reason     text,
    constraint ticket_scans_one_scanner check (num_nonnulls(device_id, admin_id) = 1),
    constraint ticket_scans_one_per_scan unique (scanner, scan_id),
    constraint ticket_scans_counting_is_eligible check (not counts or (eligible and undone_at is null)),
    constraint ticket_scans_eligible_let_in check (not eligible or (admitted and ticket_id is not null)),
    constraint ticket_scans_gate_fits check (char_length(gate) between 1 and 50),
    constraint ticket_scans_undone_by_somebody check ((undone_at is null) = (undone_by is null))
);
-- A ticket is used once. This index is what says so.
create unique index ticket_scans_one_counts_per_ticket on ticket_scans (ticket_id) where counts;
create index ticket_scans_eligible on ticket_scans (ticket_id) where eligible;
create index ticket_scans_of_event on ticket_scans (event_id, received_at desc, id);
create index ticket_scans_conflicts on ticket_scans (event_id) where admitted and not counts;
