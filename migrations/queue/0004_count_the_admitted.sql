-- How many people a line has let in, as of the last note of a worker.

alter table lines
    add column admitted bigint not null default 0,
    add constraint lines_admitted_not_negative check (admitted >= 0) not valid;
