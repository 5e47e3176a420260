alter table events validate constraint events_hold_one_to_eight_seats;
alter table events validate constraint events_only_cancelled_end;
alter table events validate constraint events_deleted_are_cancelled;
