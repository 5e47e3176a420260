alter table seats validate constraint seats_kind_known;
