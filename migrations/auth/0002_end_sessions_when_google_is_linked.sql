-- Whoever Google vouches for takes an account over; what was signed in before ends.
alter table token_families
    drop constraint token_families_end_reason_is_known,
    add constraint token_families_end_reason_is_known check (end_reason in ('logout', 'reuse', 'takeover'));
