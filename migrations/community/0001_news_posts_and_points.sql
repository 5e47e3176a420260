-- News, the board with its comments, and the points that writing earns.

create table news (
    id         uuid         primary key default gen_random_uuid(),
    title      varchar(255) not null,
    content    text         not null,
    author     varchar(100) not null,
    author_id  uuid,
    views      integer      not null default 0,
    is_pinned  boolean      not null default false,
    created_at timestamptz  not null default now(),
    updated_at timestamptz  not null default now(),
    constraint news_views_only_grow check (views >= 0)
);
create index news_in_list_order on news (is_pinned desc, created_at desc, id);

create table community_posts (
    id            uuid         primary key default gen_random_uuid(),
    artist_id     uuid         not null,
    author_id     uuid         not null,
    author_name   varchar(100) not null,
    title         varchar(255) not null,
    content       text         not null,
    views         integer      not null default 0,
    comment_count integer      not null default 0,
    is_pinned     boolean      not null default false,
    created_at    timestamptz  not null default now(),
    updated_at    timestamptz  not null default now(),
    constraint community_posts_views_only_grow check (views >= 0),
    constraint community_posts_comment_count_not_negative check (comment_count >= 0)
);
create index community_posts_in_list_order on community_posts (is_pinned desc, created_at desc, id);
create index community_posts_of_artist_in_list_order
    on community_posts (artist_id, is_pinned desc, created_at desc, id);

create table community_comments (
    id          uuid         primary key default gen_random_uuid(),
    post_id     uuid         not null references community_posts on delete cascade,
    author_id   uuid         not null,
    author_name varchar(100) not null,
    content     text         not null,
    created_at  timestamptz  not null default now()
);
create index community_comments_of_post_in_order on community_comments (post_id, created_at, id);

-- Points that were earned and not yet handed to ticket. Written in the transaction of the
-- post, delivered afterwards; one award for one thing written.
create table point_awards (
    id              bigint      generated always as identity primary key,
    user_id         uuid        not null,
    artist_id       uuid,
    action_type     varchar(50) not null,
    points          integer     not null,
    description     text        not null,
    reference_id    uuid        not null,
    attempts        integer     not null default 0,
    next_attempt_at timestamptz not null default now(),
    -- Done: handed over, or given up with the reason.
    delivered_at    timestamptz,
    given_up_at     timestamptz,
    error           text,
    created_at      timestamptz not null default now(),
    constraint point_awards_one_per_reference unique (action_type, reference_id),
    constraint point_awards_have_points check (points > 0),
    constraint point_awards_end_once check (delivered_at is null or given_up_at is null)
);
create index point_awards_due on point_awards (next_attempt_at)
    where delivered_at is null and given_up_at is null;
create index point_awards_by_age on point_awards (created_at);

-- What a person earned on one day, so that writing and deleting again does not farm points.
create table daily_points (
    user_id uuid    not null,
    day     date    not null,
    points  integer not null,
    primary key (user_id, day)
);
