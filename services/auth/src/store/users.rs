//! Table `users`.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use sqlx::{PgConnection, PgExecutor};
use urr_contract::{
    Language, UserId,
    internal::{AccountDay, AccountDaysRequest, UserCounts},
};

use crate::domain::{
    account::{Account, Role},
    erasure::{ERASED_NAME, erased_email},
    google_identity::GoogleIdentity,
    password::NO_PASSWORD,
    registration::{ProfileChange, Registration},
};

struct Row {
    id: UserId,
    email: String,
    name: String,
    role: Role,
    created_at: jiff_sqlx::Timestamp,
    language: Language,
}

impl From<Row> for Account {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            email: row.email,
            name: row.name,
            role: row.role,
            created_at: row.created_at.to_jiff(),
            language: row.language,
        }
    }
}

/// Makes an account; `None` where the e-mail has one already.
pub async fn insert(
    executor: impl PgExecutor<'_>,
    registration: &Registration,
    password_hash: &str,
    language: Language,
) -> sqlx::Result<Option<Account>> {
    sqlx::query_as!(
        Row,
        r#"insert into users (email, password_hash, name, phone, language)
           values ($1, $2, $3, $4, $5)
           on conflict on constraint users_one_account_per_email do nothing
           returning id as "id!: UserId", email, name, role as "role!: Role", created_at, language as "language!: Language""#,
        registration.email.as_str(),
        password_hash,
        registration.name,
        registration.phone,
        language as Language,
    )
    .fetch_optional(executor)
    .await
    .map(|row| row.map(Account::from))
}

/// Whether the e-mail has an account. A hint that saves a hash; [`insert`] decides.
pub async fn email_is_taken(executor: impl PgExecutor<'_>, email: &str) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (select from users where email = $1) as "exists!""#,
        email
    )
    .fetch_one(executor)
    .await
}

/// The account of an e-mail, and the stored hash of its password.
pub async fn by_email_with_hash(
    executor: impl PgExecutor<'_>,
    email: &str,
) -> sqlx::Result<Option<(Account, String)>> {
    sqlx::query!(
        r#"select id as "id!: UserId", email, name, role as "role!: Role", created_at, password_hash,
                  language as "language!: Language"
           from users where email = $1"#,
        email
    )
    .fetch_optional(executor)
    .await
    .map(|found| {
        found.map(|user| {
            let account = Account {
                id: user.id,
                email: user.email,
                name: user.name,
                role: user.role,
                created_at: user.created_at.to_jiff(),
                language: user.language,
            };
            (account, user.password_hash)
        })
    })
}

/// An account.
pub async fn by_id(executor: impl PgExecutor<'_>, id: UserId) -> sqlx::Result<Option<Account>> {
    sqlx::query_as!(
        Row,
        r#"select id as "id!: UserId", email, name, role as "role!: Role", created_at, language as "language!: Language"
           from users where id = $1 and erased_at is null"#,
        id as UserId
    )
    .fetch_optional(executor)
    .await
    .map(|row| row.map(Account::from))
}

/// Changes what is given of an account; `None` where there is none.
pub async fn change(
    executor: impl PgExecutor<'_>,
    id: UserId,
    change: &ProfileChange,
) -> sqlx::Result<Option<Account>> {
    sqlx::query_as!(
        Row,
        r#"update users set name = coalesce($2, name), language = coalesce($3, language)
           where id = $1 and erased_at is null
           returning id as "id!: UserId", email, name, role as "role!: Role", created_at,
                     language as "language!: Language""#,
        id as UserId,
        change.name.as_deref(),
        change.language as Option<Language>,
    )
    .fetch_optional(executor)
    .await
    .map(|row| row.map(Account::from))
}

/// Those of the accounts that exist.
pub async fn by_ids(executor: impl PgExecutor<'_>, ids: &[UserId]) -> sqlx::Result<Vec<Account>> {
    sqlx::query_as!(
        Row,
        r#"select id as "id!: UserId", email, name, role as "role!: Role", created_at, language as "language!: Language"
           from users where id = any($1) and erased_at is null"#,
        ids as &[UserId]
    )
    .fetch_all(executor)
    .await
    .map(|rows| rows.into_iter().map(Account::from).collect())
}

/// How many accounts there are, by role.
pub async fn counts(executor: impl PgExecutor<'_>) -> sqlx::Result<UserCounts> {
    sqlx::query_as!(
        UserCounts,
        r#"select count(*) filter (where role = 'user')  as "users!",
                  count(*) filter (where role = 'admin') as "admins!"
           from users where erased_at is null"#
    )
    .fetch_one(executor)
    .await
}

/// Accounts made and accounts there were, day by day, newest first. Whoever was erased counts
/// until then.
pub async fn days(
    executor: impl PgExecutor<'_>,
    asked: &AccountDaysRequest,
) -> sqlx::Result<Vec<AccountDay>> {
    let rows = sqlx::query!(
        r#"with changes as (
               select (created_at at time zone $3)::date as day, 1 as made, 1 as change from users
               union all
               select (erased_at at time zone $3)::date, 0, -1 from users where erased_at is not null
           ), known as (
               select day, sum(made) as made, sum(sum(change)) over (order by day) as users
               from changes group by day
           )
           select shown::date as "day!: jiff_sqlx::Date",
                  coalesce((select made from known where day = shown), 0)::bigint as "made!",
                  (select users from known where day <= shown order by day desc limit 1)::bigint
                      as "users!"
           from generate_series(greatest($1::date, (select min(day) from known)), $2::date,
                                interval '1 day') as shown
           where exists (select from known)
           order by shown desc"#,
        asked.since.to_sqlx() as _,
        asked.until.to_sqlx() as _,
        asked.time_zone,
    )
    .fetch_all(executor)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| AccountDay {
            day: row.day.to_jiff(),
            new_users: row.made,
            users: row.users,
        })
        .collect())
}

/// An account with what only its owner may see.
#[derive(Clone, Debug)]
pub struct Private {
    /// The account.
    pub account: Account,
    /// The stored hash of its password.
    pub password_hash: String,
    /// Its phone number, if given.
    pub phone: Option<String>,
    /// Google's id of the person, where they have signed in with it.
    pub google_id: Option<String>,
}

/// An account with what only its owner may see.
pub async fn private(executor: impl PgExecutor<'_>, id: UserId) -> sqlx::Result<Option<Private>> {
    sqlx::query!(
        r#"select id as "id!: UserId", email, name, role as "role!: Role", created_at,
                  language as "language!: Language", password_hash, phone, google_id
           from users where id = $1 and erased_at is null"#,
        id as UserId
    )
    .fetch_optional(executor)
    .await
    .map(|found| {
        found.map(|user| Private {
            account: Account {
                id: user.id,
                email: user.email,
                name: user.name,
                role: user.role,
                created_at: user.created_at.to_jiff(),
                language: user.language,
            },
            password_hash: user.password_hash,
            phone: user.phone,
            google_id: user.google_id,
        })
    })
}

/// Locks every administrator, so that two of them cannot leave at the same moment; returns
/// how many there are.
pub async fn lock_administrators(connection: &mut PgConnection) -> sqlx::Result<usize> {
    let locked = sqlx::query!(
        "select id from users where role = 'admin' and erased_at is null order by id for update"
    )
    .fetch_all(connection)
    .await?;
    Ok(locked.len())
}

/// Makes a tombstone of an account; returns false where it was one, or never was.
pub async fn erase(
    executor: impl PgExecutor<'_>,
    id: UserId,
    now: Timestamp,
) -> sqlx::Result<bool> {
    let erased = sqlx::query!(
        "update users
         set email = $2, name = $3, password_hash = $4, phone = null, google_id = null, role = 'user',
             language = 'ko', erased_at = $5
         where id = $1 and erased_at is null",
        id as UserId,
        erased_email(id),
        ERASED_NAME,
        NO_PASSWORD,
        now.to_sqlx() as _,
    )
    .execute(executor)
    .await?;
    Ok(erased.rows_affected() == 1)
}

/// The account of a person whom Google vouches for.
#[derive(Clone, Debug)]
pub struct Vouched {
    /// The account.
    pub account: Account,
    /// Whether somebody had registered it before, who need not be the same person.
    pub is_taken_over: bool,
}

/// The account of a person whom Google vouches for: the one linked to their Google id,
/// else the one with their e-mail (linked from now on), else a new one in that language. `None` where
/// another sign-in made the account in between: ask again.
pub async fn for_google(
    connection: &mut PgConnection,
    identity: &GoogleIdentity,
    language: Language,
) -> sqlx::Result<Option<Vouched>> {
    let known = |account| Vouched {
        account,
        is_taken_over: false,
    };
    if let Some(account) = by_google_id(&mut *connection, &identity.google_id).await? {
        return Ok(Some(known(account)));
    }
    if let Some(account) = take_over(&mut *connection, identity).await? {
        return Ok(Some(Vouched {
            account,
            is_taken_over: true,
        }));
    }
    // One linked to another Google id keeps that link and is used all the same: both have
    // proven that the e-mail is theirs.
    let found = by_email_with_hash(&mut *connection, identity.email.as_str()).await?;
    if let Some((account, _)) = found {
        return Ok(Some(known(account)));
    }
    insert_vouched(connection, identity, language)
        .await
        .map(|account| account.map(known))
}

async fn insert_vouched(
    executor: impl PgExecutor<'_>,
    identity: &GoogleIdentity,
    language: Language,
) -> sqlx::Result<Option<Account>> {
    sqlx::query_as!(
        Row,
        r#"insert into users (email, password_hash, name, google_id, language)
           values ($1, $2, $3, $4, $5)
           on conflict do nothing
           returning id as "id!: UserId", email, name, role as "role!: Role", created_at, language as "language!: Language""#,
        identity.email.as_str(),
        NO_PASSWORD,
        identity.name,
        identity.google_id,
        language as Language,
    )
    .fetch_optional(executor)
    .await
    .map(|row| row.map(Account::from))
}

async fn by_google_id(
    executor: impl PgExecutor<'_>,
    google_id: &str,
) -> sqlx::Result<Option<Account>> {
    sqlx::query_as!(
        Row,
        r#"select id as "id!: UserId", email, name, role as "role!: Role", created_at, language as "language!: Language"
           from users where google_id = $1"#,
        google_id
    )
    .fetch_optional(executor)
    .await
    .map(|row| row.map(Account::from))
}

/// Links the account with that e-mail for the first time. Nobody ever proved that the e-mail
/// is theirs until now, so whoever registered it must not get in by their password.
async fn take_over(
    executor: impl PgExecutor<'_>,
    identity: &GoogleIdentity,
) -> sqlx::Result<Option<Account>> {
    sqlx::query_as!(
        Row,
        r#"update users set google_id = $2, password_hash = $3
           where email = $1 and google_id is null
           returning id as "id!: UserId", email, name, role as "role!: Role", created_at, language as "language!: Language""#,
        identity.email.as_str(),
        identity.google_id,
        NO_PASSWORD,
    )
    .fetch_optional(executor)
    .await
    .map(|row| row.map(Account::from))
}

/// Makes an administrator; returns false, and changes nothing, where the e-mail has an account.
pub async fn insert_admin(
    executor: impl PgExecutor<'_>,
    email: &str,
    name: &str,
    password_hash: &str,
) -> sqlx::Result<bool> {
    let made = sqlx::query!(
        "insert into users (email, password_hash, name, role) values ($1, $2, $3, 'admin')
         on conflict on constraint users_one_account_per_email do nothing",
        email,
        password_hash,
        name,
    )
    .execute(executor)
    .await?;
    Ok(made.rows_affected() == 1)
}

/// Makes the accounts `fan000001@demo.urr.invalid` … that do not exist yet; returns how many.
pub async fn insert_demo_fans(
    executor: impl PgExecutor<'_>,
    count: i32,
    password_hash: &str,
) -> sqlx::Result<u64> {
    let made = sqlx::query!(
        "insert into users (email, password_hash, name)
         select 'fan' || lpad(number::text, 6, '0') || '@demo.urr.invalid', $2,
                '팬 ' || lpad(number::text, 6, '0')
         from generate_series(1, $1) as number
         on conflict on constraint users_one_account_per_email do nothing",
        count,
        password_hash,
    )
    .execute(executor)
    .await?;
    Ok(made.rows_affected())
}
