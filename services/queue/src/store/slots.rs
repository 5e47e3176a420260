//! Who is inside, noted each second: so that the cap holds when Redis is wiped, and so that
//! a purchase still finds the slot of the buyer.

use jiff::Timestamp;
use serde::Serialize;
use sqlx::{PgConnection, PgExecutor};
use urr_contract::{AdmissionId, EventId, UserId};
use uuid::Uuid;

use super::revocations;

/// Somebody inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotedSlot {
    /// The number.
    pub number: i64,
    /// The admission.
    pub admission_id: AdmissionId,
    /// Whether the person had appeared after being called.
    pub appeared: bool,
    /// Whose slot it is; unknown until they have appeared.
    pub person: Option<UserId>,
    /// Begin of the stay, or the call; ms.
    pub since_ms: i64,
}

/// Everybody who was inside when last noted.
pub async fn of_event(
    executor: impl PgExecutor<'_>,
    event: EventId,
) -> sqlx::Result<Vec<NotedSlot>> {
    sqlx::query_as!(
        NotedSlot,
        r#"select number, admission_id as "admission_id: AdmissionId", appeared,
                  person as "person: UserId",
                  (extract(epoch from since) * 1000)::bigint as "since_ms!"
             from slots where event_id = $1"#,
        event as EventId
    )
    .fetch_all(executor)
    .await
}

/// The number of that person's slot.
pub async fn number_of(
    executor: impl PgExecutor<'_>,
    event: EventId,
    person: UserId,
) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar!(
        "select number from slots where event_id = $1 and person = $2",
        event as EventId,
        person as UserId
    )
    .fetch_optional(executor)
    .await
}

/// A stay of one person, as that person may see it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stay {
    /// Where.
    pub event_id: EventId,
    /// Under which number.
    pub number: i64,
    /// Begin of the stay, or the call.
    pub since: Timestamp,
}

/// Where that person is inside, as last noted.
pub async fn of_person(executor: impl PgExecutor<'_>, person: UserId) -> sqlx::Result<Vec<Stay>> {
    sqlx::query!(
        r#"select event_id as "event_id: EventId", number, since from slots where person = $1"#,
        person as UserId
    )
    .fetch_all(executor)
    .await
    .map(|rows| {
        rows.into_iter()
            .map(|row| Stay {
                event_id: row.event_id,
                number: row.number,
                since: row.since.to_jiff(),
            })
            .collect()
    })
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
    let persons: Vec<Option<Uuid>> = slots
        .iter()
        .map(|slot| slot.person.map(|person| person.0))
        .collect();
    let since: Vec<i64> = slots.iter().map(|slot| slot.since_ms).collect();
    sqlx::query!(
        "insert into slots (event_id, number, admission_id, appeared, person, since)
         select $1, number, admission_id, appeared, person,
                timestamptz 'epoch' + since_ms * interval '1 millisecond'
           from unnest($2::bigint[], $3::uuid[], $4::boolean[], $5::uuid[], $6::bigint[])
                as given (number, admission_id, appeared, person, since_ms)
         on conflict (event_id, number) do update
            set admission_id = excluded.admission_id, appeared = excluded.appeared,
                person = excluded.person, since = excluded.since",
        event as EventId,
        &numbers,
        &admissions,
        &appeared,
        &persons as &[Option<Uuid>],
        &since
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

/// Forgets the slot of that person, and keeps its admission as ended.
pub async fn end(
    connection: &mut PgConnection,
    event: EventId,
    person: UserId,
    token_ttl_seconds: i64,
) -> sqlx::Result<()> {
    let ended = sqlx::query_scalar!(
        r#"delete from slots where event_id = $1 and person = $2
           returning admission_id as "admission_id: AdmissionId""#,
        event as EventId,
        person as UserId
    )
    .fetch_all(&mut *connection)
    .await?;
    revocations::note_from_now(connection, event, &ended, token_ttl_seconds).await
}
