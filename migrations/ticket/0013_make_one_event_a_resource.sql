-- no-transaction
create unique index concurrently events_one_per_source on events (source_uid) where source_uid is not null;
