-- Seats for wheelchairs, and those beside them for who comes along.

alter table seats
    add column kind text not null default 'standard',
    add constraint seats_kind_known check (kind in ('standard', 'wheelchair', 'companion')) not valid;
