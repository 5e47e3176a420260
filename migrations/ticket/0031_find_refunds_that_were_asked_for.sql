-- no-transaction
create index concurrently reservations_refund_requested on reservations (updated_at)
    where payment_status = 'refund_requested';
