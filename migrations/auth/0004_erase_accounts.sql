-- An erased account is a tombstone: an id to which nothing leads any more, so that what the
-- law wants kept elsewhere still has an owner.
alter table users
    add column erased_at timestamptz,
    add constraint users_erased_are_empty check (
        erased_at is null or (phone is null and google_id is null and email like 'erased-%@erased.invalid')
    );

alter table token_families
    drop constraint token_families_end_reason_is_known,
    add constraint token_families_end_reason_is_known
        check (end_reason in ('logout', 'reuse', 'takeover', 'erasure'));

-- An erasure that was promised. It is carried out by one step for each service that knows the
-- person, again and again until all have answered.
create table erasures (
    user_id       uuid        primary key references users (id),
    -- The person, or an administrator.
    requested_by  uuid        not null,
    requested_at  timestamptz not null,
    -- Until then somebody may still act under the account with an access token.
    tokens_end_at timestamptz not null,
    completed_at  timestamptz
);
create index erasures_by_completion on erasures (completed_at);

create table erasure_steps (
    user_id         uuid        not null references erasures (user_id) on delete cascade,
    holder          text        not null,
    attempts        int         not null default 0,
    next_attempt_at timestamptz not null,
    -- Erased there after the last access token had ended.
    erased_at       timestamptz,
    last_error      text,
    primary key (user_id, holder),
    constraint erasure_steps_holder_is_known check (holder in ('ticket', 'payment', 'community', 'queue'))
);
create index erasure_steps_due on erasure_steps (next_attempt_at) where erased_at is null;
