//! Tables `token_families` and `refresh_tokens`: the logins and what keeps them going.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use sqlx::PgExecutor;
use urr_contract::{FamilyId, Language, UserId};
use uuid::Uuid;

use crate::domain::{
    account::{Account, Role},
    session::RefreshToken,
};

/// Why a family ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// Its owner signed out.
    Logout,
    /// A rotated token was presented.
    Reuse,
    /// Google vouched for the owner of an account that anybody may have registered.
    Takeover,
    /// Its account was erased.
    Erasure,
}

impl EndReason {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Logout => "logout",
            Self::Reuse => "reuse",
            Self::Takeover => "takeover",
            Self::Erasure => "erasure",
        }
    }
}

/// A family under its lock.
#[derive(Clone, Debug)]
pub struct Family {
    /// Whose it is.
    pub account: Account,
    /// When it ended, if it has.
    pub ended_at: Option<Timestamp>,
}

/// Founds the family of a login with its first token.
pub async fn found(
    executor: impl PgExecutor<'_>,
    user: UserId,
    token: &RefreshToken,
    now: Timestamp,
) -> sqlx::Result<()> {
    sqlx::query!(
        "with family as (
             insert into token_families (id, user_id, started_at, expires_at)
             values ($1, $2, $3, $6)
         )
         insert into refresh_tokens (id, family_id, issued_at, expires_at)
         values ($4, $1, $5, $6)",
        token.family as FamilyId,
        user as UserId,
        now.to_sqlx() as _,
        token.id,
        token.issued_at.to_sqlx() as _,
        token.expires_at.to_sqlx() as _,
    )
    .execute(executor)
    .await?;
    Ok(())
}

/// Founds the family of a login by password, if `password_hash` is still that of the account;
/// returns whether it is. It may have been taken away since the password was compared.
pub async fn found_by_password(
    executor: impl PgExecutor<'_>,
    user: UserId,
    password_hash: &str,
    token: &RefreshToken,
    now: Timestamp,
) -> sqlx::Result<bool> {
    let founded = sqlx::query!(
        "with owner as (
             select id from users where id = $2 and password_hash = $7 for share
         ), family as (
             insert into token_families (id, user_id, started_at, expires_at)
             select $1, owner.id, $3, $6 from owner
             returning id
         )
         insert into refresh_tokens (id, family_id, issued_at, expires_at)
         select $4, family.id, $5, $6 from family",
        token.family as FamilyId,
        user as UserId,
        now.to_sqlx() as _,
        token.id,
        token.issued_at.to_sqlx() as _,
        token.expires_at.to_sqlx() as _,
        password_hash,
    )
    .execute(executor)
    .await?;
    Ok(founded.rows_affected() == 1)
}

/// Locks a family, so that its refreshes come one after the other.
pub async fn lock(executor: impl PgExecutor<'_>, family: FamilyId) -> sqlx::Result<Option<Family>> {
    sqlx::query!(
        r#"select u.id as "id!: UserId", u.email, u.name, u.role as "role!: Role", u.created_at,
                  u.language as "language!: Language", f.ended_at
           from token_families f join users u on u.id = f.user_id
           where f.id = $1 and u.erased_at is null
           for update of f"#,
        family as FamilyId
    )
    .fetch_optional(executor)
    .await
    .map(|found| {
        found.map(|row| Family {
            account: Account {
                id: row.id,
                email: row.email,
                name: row.name,
                role: row.role,
                created_at: row.created_at.to_jiff(),
                language: row.language,
            },
            ended_at: row.ended_at.map(jiff_sqlx::Timestamp::to_jiff),
        })
    })
}

/// A token of a family, and when it was rotated.
pub async fn token(
    executor: impl PgExecutor<'_>,
    family: FamilyId,
    id: Uuid,
) -> sqlx::Result<Option<(RefreshToken, Option<Timestamp>)>> {
    sqlx::query!(
        "select issued_at, expires_at, rotated_at from refresh_tokens
         where id = $1 and family_id = $2",
        id,
        family as FamilyId
    )
    .fetch_optional(executor)
    .await
    .map(|found| {
        found.map(|row| {
            let token = RefreshToken {
                id,
                family,
                issued_at: row.issued_at.to_jiff(),
                expires_at: row.expires_at.to_jiff(),
            };
            (token, row.rotated_at.map(jiff_sqlx::Timestamp::to_jiff))
        })
    })
}

/// The live token of a family. There is exactly one as long as the family lives.
pub async fn live_token(
    executor: impl PgExecutor<'_>,
    family: FamilyId,
) -> sqlx::Result<RefreshToken> {
    let row = sqlx::query!(
        "select id, issued_at, expires_at from refresh_tokens
         where family_id = $1 and rotated_at is null",
        family as FamilyId
    )
    .fetch_one(executor)
    .await?;
    Ok(RefreshToken {
        id: row.id,
        family,
        issued_at: row.issued_at.to_jiff(),
        expires_at: row.expires_at.to_jiff(),
    })
}

/// Marks a token as rotated.
pub async fn mark_rotated(
    executor: impl PgExecutor<'_>,
    id: Uuid,
    now: Timestamp,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update refresh_tokens set rotated_at = $2 where id = $1",
        id,
        now.to_sqlx() as _
    )
    .execute(executor)
    .await?;
    Ok(())
}

/// Adds the successor, with which the family lives longer.
pub async fn add_successor(
    executor: impl PgExecutor<'_>,
    successor: &RefreshToken,
) -> sqlx::Result<()> {
    sqlx::query!(
        "with family as (
             update token_families set expires_at = greatest(expires_at, $4) where id = $2
         )
         insert into refresh_tokens (id, family_id, issued_at, expires_at) values ($1, $2, $3, $4)",
        successor.id,
        successor.family as FamilyId,
        successor.issued_at.to_sqlx() as _,
        successor.expires_at.to_sqlx() as _,
    )
    .execute(executor)
    .await?;
    Ok(())
}

/// Ends a family, if it has not ended yet.
pub async fn end(
    executor: impl PgExecutor<'_>,
    family: FamilyId,
    reason: EndReason,
    now: Timestamp,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update token_families set ended_at = $2, end_reason = $3
         where id = $1 and ended_at is null",
        family as FamilyId,
        now.to_sqlx() as _,
        reason.as_str()
    )
    .execute(executor)
    .await?;
    Ok(())
}

/// Ends every family of an account.
pub async fn end_all_of(
    executor: impl PgExecutor<'_>,
    user: UserId,
    reason: EndReason,
    now: Timestamp,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update token_families set ended_at = $2, end_reason = $3
         where user_id = $1 and ended_at is null",
        user as UserId,
        now.to_sqlx() as _,
        reason.as_str()
    )
    .execute(executor)
    .await?;
    Ok(())
}

/// Whether a family has been ended before its time.
pub async fn has_ended(executor: impl PgExecutor<'_>, family: FamilyId) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (
               select from token_families where id = $1 and ended_at is not null
           ) as "exists!""#,
        family as FamilyId
    )
    .fetch_one(executor)
    .await
}

/// When the login was made that the family descends from.
pub async fn started_at(
    executor: impl PgExecutor<'_>,
    family: FamilyId,
) -> sqlx::Result<Option<Timestamp>> {
    sqlx::query_scalar!(
        "select started_at from token_families where id = $1",
        family as FamilyId
    )
    .fetch_optional(executor)
    .await
    .map(|found| found.map(jiff_sqlx::Timestamp::to_jiff))
}

/// A login, as its owner may see it.
#[derive(Clone, Debug)]
pub struct Login {
    /// When it was made.
    pub started_at: Timestamp,
    /// When it ends, unless it is used again.
    pub expires_at: Timestamp,
    /// When it was ended before its time.
    pub ended_at: Option<Timestamp>,
}

/// The logins of an account that are still kept, newest first.
pub async fn of_user(executor: impl PgExecutor<'_>, user: UserId) -> sqlx::Result<Vec<Login>> {
    sqlx::query!(
        "select started_at, expires_at, ended_at from token_families
         where user_id = $1 order by started_at desc",
        user as UserId
    )
    .fetch_all(executor)
    .await
    .map(|rows| {
        rows.into_iter()
            .map(|row| Login {
                started_at: row.started_at.to_jiff(),
                expires_at: row.expires_at.to_jiff(),
                ended_at: row.ended_at.map(jiff_sqlx::Timestamp::to_jiff),
            })
            .collect()
    })
}

/// Deletes at most `batch` families of which nothing is valid any more; returns how many.
pub async fn purge_families(
    executor: impl PgExecutor<'_>,
    now: Timestamp,
    batch: i64,
) -> sqlx::Result<u64> {
    let deleted = sqlx::query!(
        "delete from token_families where id = any(array(
             select id from token_families where expires_at <= $1 limit $2 for update skip locked
         ))",
        now.to_sqlx() as _,
        batch
    )
    .execute(executor)
    .await?;
    Ok(deleted.rows_affected())
}

/// Deletes at most `batch` tokens past their end; returns how many.
pub async fn purge_tokens(
    executor: impl PgExecutor<'_>,
    now: Timestamp,
    batch: i64,
) -> sqlx::Result<u64> {
    let deleted = sqlx::query!(
        "delete from refresh_tokens where id = any(array(
             select id from refresh_tokens where expires_at <= $1 limit $2 for update skip locked
         ))",
        now.to_sqlx() as _,
        batch
    )
    .execute(executor)
    .await?;
    Ok(deleted.rows_affected())
}
