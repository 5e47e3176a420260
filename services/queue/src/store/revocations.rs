//! Admissions that have ended while tokens of theirs may live on, for when Redis is wiped.

use sqlx::PgExecutor;
use urr_contract::{AdmissionId, EventId};
use uuid::Uuid;

/// An ended admission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// The admission.
    pub admission_id: AdmissionId,
    /// No token of it lives longer; seconds.
    pub tokens_end_at: i64,
}

/// The ended admissions whose tokens may still live.
pub async fn of_event(
    executor: impl PgExecutor<'_>,
    event: EventId,
) -> sqlx::Result<Vec<Revocation>> {
    sqlx::query_as!(
        Revocation,
        r#"select admission_id as "admission_id: AdmissionId",
                  ceil(extract(epoch from tokens_end_at))::bigint as "tokens_end_at!"
             from revocations where event_id = $1 and tokens_end_at >= now()"#,
        event as EventId
    )
    .fetch_all(executor)
    .await
}

/// Notes admissions that have ended.
pub async fn note(
    executor: impl PgExecutor<'_>,
    event: EventId,
    ended: &[Revocation],
) -> sqlx::Result<()> {
    let admissions: Vec<Uuid> = ended.iter().map(|ended| ended.admission_id.0).collect();
    let ends: Vec<i64> = ended.iter().map(|ended| ended.tokens_end_at).collect();
    sqlx::query!(
        "insert into revocations (event_id, admission_id, tokens_end_at)
         select $1, admission_id, timestamptz 'epoch' + ends * interval '1 second'
           from unnest($2::uuid[], $3::bigint[]) as given (admission_id, ends)
         on conflict (event_id, admission_id) do nothing",
        event as EventId,
        &admissions,
        &ends
    )
    .execute(executor)
    .await?;
    Ok(())
}

/// Notes admissions that have ended at this moment.
pub async fn note_from_now(
    executor: impl PgExecutor<'_>,
    event: EventId,
    ended: &[AdmissionId],
    token_ttl_seconds: i64,
) -> sqlx::Result<()> {
    let admissions: Vec<Uuid> = ended.iter().map(|admission| admission.0).collect();
    sqlx::query!(
        "insert into revocations (event_id, admission_id, tokens_end_at)
         select $1, unnest($2::uuid[]), now() + $3::bigint * interval '1 second'
         on conflict (event_id, admission_id) do nothing",
        event as EventId,
        &admissions,
        token_ttl_seconds
    )
    .execute(executor)
    .await?;
    Ok(())
}

/// Forgets the admissions of whose tokens none can live any more.
pub async fn forget_over(executor: impl PgExecutor<'_>, event: EventId) -> sqlx::Result<()> {
    sqlx::query!(
        "delete from revocations where event_id = $1 and tokens_end_at < now()",
        event as EventId
    )
    .execute(executor)
    .await?;
    Ok(())
}
