-- no-transaction
create index concurrently reservation_facts_cancelled_at on reservation_facts (cancelled_at)
    where cancelled_at is not null;
