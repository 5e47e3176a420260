-- Orders, the money they moved, and what is still owed back. The life of an order is in
-- services/payment/src/domain/order.rs.

create table payments (
    id              uuid         primary key default gen_random_uuid(),
    order_id        varchar(64)  not null,
    -- Tries to capture under this order id: part of the provider's idempotency key.
    attempt         int          not null default 1,
    user_id         uuid         not null,
    payment_type    varchar(20)  not null,
    reservation_id  uuid,
    reference_id    uuid,
    -- What is paid for, whichever column holds it.
    target_id       uuid         not null generated always as (coalesce(reservation_id, reference_id)) stored,
    event_id        uuid,
    order_name      text,
    amount          bigint       not null,
    status          varchar(20)  not null default 'pending',
    payment_key     varchar(200),
    method          varchar(50),
    -- End of the time in which the order may be paid.
    expires_at      timestamptz  not null,
    confirming_at   timestamptz,
    captured_at     timestamptz,
    -- Captured for a target that another order had paid already, or given back before we knew of
    -- it: owed back from the start, and the other services never hear of it.
    superseded      boolean      not null default false,
    failure_code    text,
    failure_message text,
    refund_reason   text,
    refunded_at     timestamptz,
    -- The provider is asked about this order again then; null where nothing is left to learn.
    next_check_at   timestamptz,
    checks          int          not null default 0,
    created_at      timestamptz  not null default now(),
    updated_at      timestamptz  not null default now(),
    constraint payments_one_per_order_id unique (order_id),
    constraint payments_one_per_payment_key unique (payment_key),
    constraint payments_amount_positive check (amount > 0),
    constraint payments_status_known check (
        status in ('pending', 'confirming', 'confirmed', 'refunding', 'refunded', 'failed', 'voided')
    ),
    constraint payments_target_fits_type check (
        (payment_type = 'reservation' and reservation_id is not null and reference_id is null)
        or (payment_type in ('transfer', 'membership') and reference_id is not null and reservation_id is null)
    ),
    -- Money that moved is known by key, method and time.
    constraint payments_captured_is_complete check (
        status not in ('confirmed', 'refunding', 'refunded')
        or (payment_key is not null and method is not null and captured_at is not null)
    )
);
-- Nobody is charged twice for one thing. This index is what says so.
create unique index payments_one_open_or_paid_per_target on payments (payment_type, target_id)
    where status in ('pending', 'confirming', 'confirmed');
create index payments_of_person on payments (user_id, created_at desc, id);
create index payments_of_reservation on payments (reservation_id, created_at desc) where reservation_id is not null;
create index payments_to_check on payments (next_check_at) where next_check_at is not null;

-- Money that must go back: asked for in the transaction of its cause, carried out afterwards.
create table refunds (
    id              uuid        primary key default gen_random_uuid(),
    payment_id      uuid        not null references payments (id),
    amount          bigint      not null,
    reason          text        not null,
    status          varchar(20) not null default 'requested',
    -- Definite refusals by the provider so far: part of the idempotency key.
    refusals        int         not null default 0,
    attempts        int         not null default 0,
    last_error      text,
    next_attempt_at timestamptz not null default now(),
    transaction_key varchar(200),
    requested_at    timestamptz not null default now(),
    completed_at    timestamptz,
    constraint refunds_one_per_payment unique (payment_id),
    constraint refunds_amount_positive check (amount > 0),
    constraint refunds_status_known check (status in ('requested', 'completed'))
);
create index refunds_to_carry_out on refunds (next_attempt_at) where status = 'requested';

-- Double-entry book. One transaction a movement of money, two or more lines that sum to zero.
create table ledger_transactions (
    id         bigint      generated always as identity primary key,
    payment_id uuid        not null references payments (id),
    kind       varchar(20) not null,
    created_at timestamptz not null default now(),
    constraint ledger_one_movement_of_a_kind_per_payment unique (payment_id, kind),
    constraint ledger_kind_known check (kind in ('capture', 'refund'))
);

create table ledger_entries (
    id             bigint      generated always as identity primary key,
    transaction_id bigint      not null references ledger_transactions (id),
    account        varchar(40) not null,
    -- Debit positive, credit negative.
    amount         bigint      not null,
    constraint ledger_account_known check (
        account in (
            'provider_receivable', 'demo_receivable', 'ticket_sales', 'resale_sales', 'membership_sales', 'refunds'
        )
    ),
    constraint ledger_amount_not_zero check (amount <> 0)
);
create index ledger_entries_of_transaction on ledger_entries (transaction_id);

create function ledger_check_balance() returns trigger language plpgsql as $$
declare
    checked bigint := (to_jsonb(new) ->> tg_argv[0])::bigint;
    lines   bigint;
    total   numeric;
begin
    select count(*), coalesce(sum(amount), 0) into lines, total from ledger_entries where transaction_id = checked;
    if lines < 2 or total <> 0 then
        raise exception 'ledger transaction % has % lines that sum to %', checked, lines, total
            using errcode = 'check_violation', constraint = 'ledger_sums_to_zero', table = tg_table_name;
    end if;
    return null;
end
$$;
-- Checked when the transaction commits, so that its lines may be written one by one.
create constraint trigger ledger_sums_to_zero after insert on ledger_transactions
    deferrable initially deferred for each row execute function ledger_check_balance('id');
create constraint trigger ledger_sums_to_zero after insert on ledger_entries
    deferrable initially deferred for each row execute function ledger_check_balance('transaction_id');

create function ledger_refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'the ledger is only added to'
        using errcode = 'check_violation', constraint = 'ledger_is_only_added_to', table = tg_table_name;
end
$$;
create trigger ledger_is_only_added_to before update or delete or truncate on ledger_transactions
    for each statement execute function ledger_refuse_change();
create trigger ledger_is_only_added_to before update or delete or truncate on ledger_entries
    for each statement execute function ledger_refuse_change();
