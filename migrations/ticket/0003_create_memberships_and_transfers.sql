-- Fans of an artist, their points, and resale between people.

create table artist_memberships (
    id                   uuid        primary key default gen_random_uuid(),
    user_id              uuid        not null,
    artist_id            uuid        not null references artists (id) on delete cascade,
    tier                 varchar(20) not null default 'SILVER',
    points               int         not null default 0,
    status               varchar(20) not null default 'active',
    joined_at            timestamptz not null default now(),
    expires_at           timestamptz not null,
    payment_reference_id uuid,
    created_at           timestamptz not null default now(),
    updated_at           timestamptz not null default now(),
    constraint artist_memberships_one_per_person unique (user_id, artist_id),
    constraint artist_memberships_tier_known check (tier in ('SILVER', 'GOLD', 'DIAMOND')),
    constraint artist_memberships_status_known check (status in ('pending', 'active', 'expired')),
    constraint artist_memberships_points_not_negative check (points >= 0)
);
create index artist_memberships_of_artist on artist_memberships (artist_id, status);

create table membership_point_logs (
    id            uuid        primary key default gen_random_uuid(),
    membership_id uuid        not null references artist_memberships (id) on delete cascade,
    action_type   varchar(50) not null,
    points        int         not null,
    description   text,
    reference_id  uuid,
    created_at    timestamptz not null default now()
);
create index membership_point_logs_of_membership on membership_point_logs (membership_id, created_at desc);
create unique index membership_point_logs_one_award on membership_point_logs (membership_id, action_type, reference_id)
    where reference_id is not null;

create table ticket_transfers (
    id                   uuid        primary key default gen_random_uuid(),
    reservation_id       uuid        not null references reservations (id),
    seller_id            uuid        not null,
    buyer_id             uuid,
    artist_id            uuid,
    original_price       bigint      not null,
    transfer_fee         bigint      not null default 0,
    transfer_fee_percent int         not null default 0,
    total_price          bigint      not null,
    status               varchar(20) not null default 'listed',
    created_at           timestamptz not null default now(),
    completed_at         timestamptz,
    updated_at           timestamptz not null default now(),
    constraint ticket_transfers_status_known check (status in ('listed', 'completed', 'cancelled')),
    constraint ticket_transfers_fee_adds_up check (
        original_price >= 0 and transfer_fee >= 0 and total_price = original_price + transfer_fee
    ),
    constraint ticket_transfers_completed_has_buyer check (status <> 'completed' or buyer_id is not null)
);
create index ticket_transfers_listed on ticket_transfers (artist_id, created_at desc) where status = 'listed';
create index ticket_transfers_of_seller on ticket_transfers (seller_id);
create unique index ticket_transfers_one_open_per_reservation on ticket_transfers (reservation_id)
    where status = 'listed';
