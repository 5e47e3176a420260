//! Table `mails`: what goes to whom, and what became of it. Names are never kept, addresses only
//! to say where a mail went.

use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx;
use serde::Serialize;
use sqlx::{PgExecutor, types::Json};
use urr_contract::{FactId, Language, MailId, ReservationId, UserId};
use urr_kit::page::Page;
use utoipa::ToSchema;

use crate::domain::mail::{Content, Kind, NewMail, schedule::Outcome};

/// A mail as administrators see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Mail {
    /// Its id, which is in its `Message-ID` too.
    pub id: MailId,
    /// What about: `confirmed`, `cancelled`, `rejected`, `refunded`, `sold` or `bought`.
    pub kind: String,
    /// To whom.
    pub user_id: UserId,
    /// About which reservation.
    pub reservation_id: Option<ReservationId>,
    /// `pending`, `sent`, `failed`, or `dropped` where the account is gone.
    pub status: String,
    /// Tries so far, resends included.
    pub attempts: i32,
    /// What went wrong last.
    pub error: Option<String>,
    /// Where it went last.
    pub address: Option<String>,
    /// In which language.
    pub language: Option<String>,
    /// When it is tried next.
    pub next_attempt_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was sent or given up.
    pub ended_at: Option<Timestamp>,
}

struct Row {
    id: MailId,
    kind: String,
    user_id: UserId,
    reservation_id: Option<ReservationId>,
    status: String,
    attempts: i32,
    error: Option<String>,
    address: Option<String>,
    language: Option<String>,
    next_attempt_at: Option<jiff_sqlx::Timestamp>,
    created_at: jiff_sqlx::Timestamp,
    ended_at: Option<jiff_sqlx::Timestamp>,
}

impl From<Row> for Mail {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            kind: row.kind,
            user_id: row.user_id,
            reservation_id: row.reservation_id,
            status: row.status,
            attempts: row.attempts,
            error: row.error,
            address: row.address,
            language: row.language,
            next_attempt_at: row.next_attempt_at.map(jiff_sqlx::Timestamp::to_jiff),
            created_at: row.created_at.to_jiff(),
            ended_at: row.ended_at.map(jiff_sqlx::Timestamp::to_jiff),
        }
    }
}

/// Filter of a list.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter<'a> {
    /// Only about this reservation.
    pub reservation: Option<ReservationId>,
    /// Only to this person.
    pub user: Option<UserId>,
    /// Only of this status.
    pub status: Option<&'a str>,
}

/// A mail that this process sends now.
#[derive(Clone, Debug)]
pub struct Leased {
    /// The mail.
    pub id: MailId,
    /// To whom.
    pub user: UserId,
    /// What about.
    pub kind: String,
    /// What it says.
    pub content: Content,
    /// When it was made.
    pub created_at: Timestamp,
    /// Which try this is since it was made or resent.
    pub tries: i32,
    /// Which try this is at all.
    pub attempt: i32,
}

/// Writes a mail down, once for each fact, kind and person.
pub async fn insert(
    executor: impl PgExecutor<'_>,
    mail: &NewMail,
    fact: FactId,
    now: Timestamp,
) -> sqlx::Result<()> {
    let reservation = mail.content.reservation.as_ref().map(|it| it.id);
    sqlx::query!(
        "insert into mails (fact_id, kind, user_id, reservation_id, content, next_attempt_at, created_at)
         values ($1, $2, $3, $4, $5, $6, $6)
         on conflict on constraint mails_one_per_fact_and_person do nothing",
        fact as FactId,
        mail.kind.as_str(),
        mail.user as UserId,
        reservation as Option<ReservationId>,
        Json(&mail.content) as _,
        now.to_sqlx() as _
    )
    .execute(executor)
    .await?;
    Ok(())
}

/// Takes at most `batch` mails that are due, oldest first. Nobody else takes them until the lease
/// ends; whoever dies in between sends them again, under the same `Message-ID`.
pub async fn lease(
    executor: impl PgExecutor<'_>,
    now: Timestamp,
    lease: SignedDuration,
    batch: i64,
) -> sqlx::Result<Vec<Leased>> {
    let rows = sqlx::query!(
        r#"update mails set attempts = attempts + 1, tries = tries + 1, next_attempt_at = $2
           where id = any(array(
               select id from mails where status = 'pending' and next_attempt_at <= $1
               order by next_attempt_at, id limit $3
               for update skip locked
           ))
           returning id as "id!: MailId", user_id as "user!: UserId", kind,
                     content as "content: Json<Content>", created_at, tries, attempts"#,
        now.to_sqlx() as _,
        (now + lease).to_sqlx() as _,
        batch
    )
    .fetch_all(executor)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Leased {
            id: row.id,
            user: row.user,
            kind: row.kind,
            content: row.content.0,
            created_at: row.created_at.to_jiff(),
            tries: row.tries,
            attempt: row.attempts,
        })
        .collect())
}

/// Writes down what became of a mail, and where it went. What somebody else has taken over
/// meanwhile stays as it is.
pub async fn settle(
    executor: impl PgExecutor<'_>,
    leased: &Leased,
    outcome: &Outcome,
    went_to: Option<(&str, Language)>,
    now: Timestamp,
) -> sqlx::Result<()> {
    let (status, next, error) = match outcome {
        Outcome::Sent => ("sent", None, None),
        Outcome::Retry(then, error) => ("pending", Some(*then), Some(error)),
        Outcome::Failed(error) => ("failed", None, Some(error)),
        Outcome::Dropped(error) => ("dropped", None, Some(error)),
    };
    sqlx::query!(
        "update mails
         set status = $3, next_attempt_at = $4, error = $5, address = $6, language = $7,
             ended_at = case when $3 = 'pending' then null else $8::timestamptz end
         where id = $1 and attempts = $2 and status = 'pending'",
        leased.id as MailId,
        leased.attempt,
        status,
        next.map(ToSqlx::to_sqlx) as _,
        error,
        went_to.map(|(address, _)| address),
        went_to.map(|(_, language)| language.as_str()),
        now.to_sqlx() as _
    )
    .execute(executor)
    .await?;
    Ok(())
}

/// One page, newest first.
pub async fn page(
    executor: impl PgExecutor<'_>,
    filter: Filter<'_>,
    page: Page,
) -> sqlx::Result<Vec<Mail>> {
    sqlx::query_as!(
        Row,
        r#"select id as "id!: MailId", kind, user_id as "user_id!: UserId",
                  reservation_id as "reservation_id: ReservationId", status, attempts, error, address,
                  language, next_attempt_at, created_at, ended_at
           from mails
           where ($1::uuid is null or reservation_id = $1) and ($2::uuid is null or user_id = $2)
             and ($3::text is null or status = $3)
           order by created_at desc, id limit $4 offset $5"#,
        filter.reservation as Option<ReservationId>,
        filter.user as Option<UserId>,
        filter.status,
        page.limit(),
        page.offset()
    )
    .fetch_all(executor)
    .await
    .map(|rows| rows.into_iter().map(Mail::from).collect())
}

/// How many there are.
pub async fn count(executor: impl PgExecutor<'_>, filter: Filter<'_>) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from mails
           where ($1::uuid is null or reservation_id = $1) and ($2::uuid is null or user_id = $2)
             and ($3::text is null or status = $3)"#,
        filter.reservation as Option<ReservationId>,
        filter.user as Option<UserId>,
        filter.status
    )
    .fetch_one(executor)
    .await
}

/// Sends one again, from the beginning of the schedule; `None` where there is no such one.
pub async fn resend(
    executor: impl PgExecutor<'_>,
    id: MailId,
    now: Timestamp,
) -> sqlx::Result<Option<Mail>> {
    sqlx::query_as!(
        Row,
        r#"update mails set status = 'pending', tries = 0, next_attempt_at = $2, ended_at = null
           where id = $1
           returning id as "id!: MailId", kind, user_id as "user_id!: UserId",
                     reservation_id as "reservation_id: ReservationId", status, attempts, error, address,
                     language, next_attempt_at, created_at, ended_at"#,
        id as MailId,
        now.to_sqlx() as _
    )
    .fetch_optional(executor)
    .await
    .map(|row| row.map(Mail::from))
}

/// Forgets where mails to a person went and sends none of them any more; returns how many mails
/// that were.
pub async fn erase_user(
    executor: impl PgExecutor<'_>,
    user: UserId,
    now: Timestamp,
) -> sqlx::Result<u64> {
    let changed = sqlx::query!(
        "update mails
         set address = null,
             status = case when status = 'pending' then 'dropped' else status end,
             next_attempt_at = null,
             ended_at = coalesce(ended_at, $2)
         where user_id = $1 and (address is not null or status = 'pending')",
        user as UserId,
        now.to_sqlx() as _
    )
    .execute(executor)
    .await?;
    Ok(changed.rows_affected())
}

/// How many wait to be sent.
pub async fn backlog(executor: impl PgExecutor<'_>) -> sqlx::Result<i64> {
    sqlx::query_scalar!(r#"select count(*) as "count!" from mails where status = 'pending'"#)
        .fetch_one(executor)
        .await
}

/// Deletes at most `batch` mails made before that time that wait for nothing.
pub async fn purge(
    executor: impl PgExecutor<'_>,
    before: Timestamp,
    batch: i64,
) -> sqlx::Result<u64> {
    let deleted = sqlx::query!(
        "delete from mails where id in (
             select id from mails where created_at < $1 and status <> 'pending' limit $2
         )",
        before.to_sqlx() as _,
        batch
    )
    .execute(executor)
    .await?;
    Ok(deleted.rows_affected())
}

impl Leased {
    /// What it is about; `None` for a word of a newer version.
    pub fn kind(&self) -> Option<Kind> {
        Kind::parse(&self.kind)
    }
}
