-- Whose slot it is, as of when slots were noted, and which admissions have ended: so that
-- after the loss of Redis a purchase still finds the buyer's slot, the newest knowledge of
-- who is inside wins, and ended admissions stay ended.

alter table slots
    -- Null until the person has appeared after being called.
    add column person uuid,
    -- Begin of the stay, or the call.
    add column since timestamptz not null default now();

-- Incarnation, and time of Redis, of the snapshot that `slots` was last made to equal.
alter table lines
    add column noted_epoch integer not null default 0,
    add column noted_at    timestamptz not null default 'epoch';

create table revocations (
    event_id      uuid        not null references lines (event_id) on delete cascade,
    admission_id  uuid        not null,
    -- No entry token of the admission lives longer.
    tokens_end_at timestamptz not null,
    primary key (event_id, admission_id)
);
