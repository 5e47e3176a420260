//! Who is inside, noted each second so that the cap holds when Redis is wiped.

use sqlx::PgExecutor;
use urr_contract::{AdmissionId, EventId};
use uuid::Uuid;

/// Somebody inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotedSlot {
    /// The number.
    pub number: i64,
    /// The admission.
    pub admission_id: AdmissionId,
    /// Whether the person had appeared after being called.
    pub appeared: bool,
}

/// Everybody who was inside when last noted.
pub async fn of_event(
    executor: impl PgExecutor<'_>,
    event: EventId,
) -> sqlx::Result<Vec<NotedSlot>> {
    sqlx::query_as!(
        NotedSlot,
        r#"select number, admission_id as "admission_id: AdmissionId", appeared
             from slots where event_id = $1"#,
        event as EventId
    )
    .fetch_all(executor)
    .await
}

/// Notes people who entered or appeared.
pub async fn note(
    executor: impl PgExecutor<'_>,
    event: EventId,
    slots: &[NotedSlot],
) -> sqlx::Result<()> {
    let numbers: Vec<i64> = slots.iter().map(|slot| slot.number).collect();
    let admissions: Vec<Uuid> = slots.iter().map(|slot| slot.admission_id.0).collect();
    let appeared: Vec<bool> = slots.iter().map(|slot| slot.appeared).collect();
    sqlx::query!(
        "insert into slots (event_id, number, admission_id, appeared)
         select $1, number, admission_id, appeared
           from unnest($2::bigint[], $3::uuid[], $4::boolean[]) as given (number, admission_id, appeared)
         on conflict (event_id, number) do update
            set admission_id = excluded.admission_id, appeared = excluded.appeared",
        event as EventId,
        &numbers,
        &admissions,
        &appeared
    )
    .execute(executor)
    .await?;
    Ok(())
}

/// Forgets people who are inside no more.
pub async fn forget(
    executor: impl PgExecutor<'_>,
    event: EventId,
    numbers: &[i64],
) -> sqlx::Result<()> {
    sqlx::query!(
        "delete from slots where event_id = $1 and number = any($2)",
        event as EventId,
        numbers
    )
    .execute(executor)
    .await?;
    Ok(())
}
