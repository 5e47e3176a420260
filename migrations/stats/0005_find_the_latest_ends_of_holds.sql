-- no-transaction
create index concurrently reservation_facts_expired_at on reservation_facts (expired_at)
    where expired_at is not null;
