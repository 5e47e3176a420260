-- Money of an order that cannot be honoured goes back by a fact. Should that be lost, payment
-- finds it by asking for what is still owed.
alter table rejected_orders
    -- Null once its money is known to be back.
    add column owed_since timestamptz;
alter table returned_membership_orders
    add column owed_since timestamptz;

-- What sellers of resold tickets were given.
alter table seller_payouts
    add column paid_at        timestamptz,
    add column paid_by        uuid,
    -- How the money was sent, for instance the number of a bank transfer.
    add column paid_reference varchar(100),
    add constraint seller_payouts_paid_is_complete check (
        (paid_at is null) = (paid_by is null) and (paid_at is null) = (paid_reference is null)
    );
