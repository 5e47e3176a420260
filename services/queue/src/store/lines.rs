//! Numbers reserved ahead, the serving counter, the incarnation of each line.

use sqlx::PgExecutor;
use urr_contract::EventId;

/// A new incarnation of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Incarnation {
    /// Its ordinal, from 1.
    pub epoch: i32,
    /// Numbers up to here may have been given out before.
    pub numbers_after: i64,
    /// Numbers up to here may be given out.
    pub reserved_to: i64,
    /// Highest number called, as last noted.
    pub serving: i64,
    /// People let in, as last noted.
    pub admitted: i64,
    /// Incarnation in which slots were last noted.
    pub noted_epoch: i32,
    /// As of when; ms.
    pub noted_ms: i64,
}

/// The incarnation of the line, 0 where there was none yet.
pub async fn epoch(executor: impl PgExecutor<'_>, event: EventId) -> sqlx::Result<i32> {
    let epoch = sqlx::query_scalar!(
        "select epoch from lines where event_id = $1",
        event as EventId
    )
    .fetch_optional(executor)
    .await?;
    Ok(epoch.unwrap_or(0))
}

/// Begins the incarnation after `epoch` with `block` fresh numbers; `None` where somebody
/// else has done so meanwhile.
pub async fn begin(
    executor: impl PgExecutor<'_>,
    event: EventId,
    epoch: i32,
    block: i64,
) -> sqlx::Result<Option<Incarnation>> {
    sqlx::query_as!(
        Incarnation,
        r#"insert into lines as line (event_id, number_reserved_to, epoch)
           values ($1, $2, 1)
           on conflict (event_id) do update
              set epoch = line.epoch + 1,
                  number_reserved_to = line.number_reserved_to + $2,
                  used_at = now()
            where line.epoch = $3
           returning epoch,
                     number_reserved_to - $2 as "numbers_after!",
                     number_reserved_to as reserved_to,
                     serving,
                     admitted,
                     noted_epoch,
                     (extract(epoch from noted_at) * 1000)::bigint as "noted_ms!""#,
        event as EventId,
        block,
        epoch
    )
    .fetch_optional(executor)
    .await
}

/// Reserves numbers up to `number` at least; returns how far they are reserved now.
pub async fn reserve(
    executor: impl PgExecutor<'_>,
    event: EventId,
    number: i64,
) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar!(
        "update lines
            set number_reserved_to = greatest(number_reserved_to, $2), used_at = now()
          where event_id = $1
         returning number_reserved_to",
        event as EventId,
        number
    )
    .fetch_optional(executor)
    .await
}

/// Notes how far people were called, and how many were let in. Nothing is written where nothing changed, but for a
/// sign of use now and then while the line `is_used`.
pub async fn note_serving(
    executor: impl PgExecutor<'_>,
    event: EventId,
    serving: i64,
    admitted: i64,
    is_used: bool,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update lines
            set serving = greatest(serving, least($2, number_reserved_to)),
                admitted = greatest(admitted, $3), used_at = now()
          where event_id = $1
            and (serving < least($2, number_reserved_to) or admitted < $3
                 or ($4 and used_at < now() - interval '10 minutes'))",
        event as EventId,
        serving,
        admitted,
        is_used
    )
    .execute(executor)
    .await?;
    Ok(())
}

/// Locks the line to note who was inside at a moment of Redis' clock. False where something
/// newer is noted already: the caller was slow, and somebody else leads the line.
pub async fn begin_note(
    executor: impl PgExecutor<'_>,
    event: EventId,
    epoch: i32,
    at_ms: i64,
) -> sqlx::Result<bool> {
    let noted = sqlx::query!(
        "update lines
            set noted_epoch = $2, noted_at = timestamptz 'epoch' + $3::bigint * interval '1 millisecond'
          where event_id = $1
            and (noted_epoch, noted_at)
                <= ($2, timestamptz 'epoch' + $3::bigint * interval '1 millisecond')",
        event as EventId,
        epoch,
        at_ms
    )
    .execute(executor)
    .await?;
    Ok(noted.rows_affected() == 1)
}

/// Lines that were in use during the last day.
pub async fn in_use(executor: impl PgExecutor<'_>) -> sqlx::Result<Vec<EventId>> {
    sqlx::query_scalar!(
        r#"select event_id as "event_id: EventId" from lines
            where used_at > now() - interval '1 day'"#
    )
    .fetch_all(executor)
    .await
}

/// Lines of which Redis may still have something: their keys live until a day after the sale,
/// and a sale that is not used for a month is over.
pub async fn kept(executor: impl PgExecutor<'_>) -> sqlx::Result<Vec<EventId>> {
    sqlx::query_scalar!(
        r#"select event_id as "event_id: EventId" from lines
            where used_at > now() - interval '31 days'"#
    )
    .fetch_all(executor)
    .await
}
