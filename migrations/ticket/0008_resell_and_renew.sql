-- Resale: a listing is kept for one buyer's order at a time, a ticket that changed hands
-- belongs to that order, and what the seller is owed is written down. Memberships: a row is
-- one paid term, so that renewing one makes another.

alter table ticket_transfers
    add column reserved_by    uuid,
    add column reserved_order varchar(64),
    add column reserved_until timestamptz,
    -- The order it was sold to.
    add column order_id       varchar(64);

-- The order by which the present owner bought it from somebody else.
alter table reservations add column owner_order_id varchar(64);

create table seller_payouts (
    transfer_id uuid        primary key references ticket_transfers (id),
    seller_id   uuid        not null,
    amount      bigint      not null,
    recorded_at timestamptz not null default now(),
    constraint seller_payouts_not_negative check (amount >= 0)
);
create index seller_payouts_of_seller on seller_payouts (seller_id, recorded_at desc);

alter table artist_memberships
    drop constraint artist_memberships_one_per_person,
    -- The order that paid for this term.
    add column order_id varchar(64);
create unique index artist_memberships_one_open_per_person on artist_memberships (user_id, artist_id)
    where status <> 'expired';
create index artist_memberships_of_person on artist_memberships (user_id, artist_id, created_at desc);
create index artist_memberships_due on artist_memberships (expires_at) where status = 'active';
create index membership_point_logs_by_reference on membership_point_logs (reference_id)
    where reference_id is not null;

-- Orders whose money goes or went back before their membership was active.
create table returned_membership_orders (
    order_id      varchar(64) primary key,
    membership_id uuid        not null references artist_memberships (id) on delete cascade,
    reason        text        not null,
    returned_at   timestamptz not null default now()
);
