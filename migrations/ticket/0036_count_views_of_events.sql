-- How often the page of an event was looked at. Apart from the event's own row, which sales read
-- and lock.
create table event_views (
    event_id uuid   not null primary key references events (id) on delete cascade,
    views    bigint not null,
    constraint event_views_positive check (views > 0)
) with (fillfactor = 70);
