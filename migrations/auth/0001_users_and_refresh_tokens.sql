-- Accounts, and the refresh tokens that keep them signed in.

create table users (
    id            uuid         primary key default gen_random_uuid(),
    email         varchar(255) not null,
    -- BCrypt, or the literal OAUTH_USER_NO_PASSWORD, which no password matches.
    password_hash varchar(255) not null,
    name          varchar(100) not null,
    phone         varchar(20),
    role          varchar(20)  not null default 'user',
    google_id     varchar(255),
    created_at    timestamptz  not null default now(),
    updated_at    timestamptz  not null default now(),
    constraint users_one_account_per_email unique (email),
    constraint users_one_account_per_google_id unique (google_id),
    constraint users_email_is_normalised check (email = lower(btrim(email))),
    constraint users_role_is_known check (role in ('user', 'admin'))
);
create index users_by_role on users (role);

create function set_updated_at() returns trigger language plpgsql as $$
begin
    new.updated_at := now();
    return new;
end
$$;
create trigger users_set_updated_at before update on users
    for each row execute function set_updated_at();

-- One login and every refresh token that descends from it. Ending the family ends them
-- all at once; its row is what concurrent refreshes lock.
create table token_families (
    id         uuid        primary key,
    user_id    uuid        not null references users on delete cascade,
    started_at timestamptz not null,
    -- End of the newest token: afterwards nothing of the family is valid.
    expires_at timestamptz not null,
    ended_at   timestamptz,
    end_reason text,
    constraint token_families_end_has_reason check ((ended_at is null) = (end_reason is null)),
    constraint token_families_end_reason_is_known check (end_reason in ('logout', 'reuse'))
);
create index token_families_by_user on token_families (user_id);
create index token_families_by_expiry on token_families (expires_at);

-- The token itself is nowhere: it can be signed again from these claims by whoever holds
-- the key, which is how the second of two racing refreshes gets what the first one got.
create table refresh_tokens (
    id         uuid        primary key,           -- jti
    family_id  uuid        not null references token_families on delete cascade,
    issued_at  timestamptz not null,
    expires_at timestamptz not null,
    rotated_at timestamptz
);
create unique index refresh_tokens_one_live_per_family on refresh_tokens (family_id) where rotated_at is null;
create index refresh_tokens_by_family on refresh_tokens (family_id);
create index refresh_tokens_by_expiry on refresh_tokens (expires_at);
