-- The language in which a person is written to. Accounts of before got Korean ones.
alter table users
    add column language varchar(2) not null default 'ko',
    add constraint users_language_is_known check (language in ('ko', 'en'));
