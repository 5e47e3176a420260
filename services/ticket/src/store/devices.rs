//! Devices that scan at the door of one event. A token is kept as its hash only.

use serde::Serialize;
use sqlx::PgPool;
use urr_contract::{CheckInDeviceId, EventId, UserId};
use utoipa::ToSchema;

use crate::domain::stamp::Stamp;

/// A device, as administrators see it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CheckInDevice)]
pub struct DeviceRow {
    /// The device.
    pub id: CheckInDeviceId,
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub gate: String,
    /// Who added it.
    pub created_by: UserId,
    /// When.
    pub created_at: Stamp,
    /// When it was last heard of, to the minute.
    pub last_seen_at: Option<Stamp>,
    /// When its token was taken away.
    pub revoked_at: Option<Stamp>,
}

/// A device to be added.
#[derive(Clone, Copy, Debug)]
pub struct NewDevice<'a> {
    /// Whose door it stands at.
    pub event: EventId,
    /// Its name.
    pub name: &'a str,
    /// Where it stands.
    pub gate: &'a str,
    /// SHA-256 of its token.
    pub token_hash: &'a [u8],
    /// Who adds it.
    pub admin: UserId,
}

/// Adds a device; `None` where there is no such event.
pub async fn insert(pool: &PgPool, device: NewDevice<'_>) -> sqlx::Result<Option<DeviceRow>> {
    sqlx::query_as!(
        DeviceRow,
        r#"insert into check_in_devices (event_id, name, gate, token_hash, created_by)
           select id, $2, $3, $4, $5 from events where id = $1 and deleted_at is null
           returning id as "id!: CheckInDeviceId", name, gate, created_by as "created_by!: UserId",
                     created_at as "created_at!: Stamp", last_seen_at as "last_seen_at: Stamp",
                     revoked_at as "revoked_at: Stamp""#,
        device.event as EventId,
        device.name,
        device.gate,
        device.token_hash,
        device.admin as UserId,
    )
    .fetch_optional(pool)
    .await
}

/// Devices of an event, the first one first, with the number of all.
pub async fn of_event(
    pool: &PgPool,
    event: EventId,
    limit: i64,
    offset: i64,
) -> sqlx::Result<(Vec<DeviceRow>, i64)> {
    let devices = sqlx::query_as!(
        DeviceRow,
        r#"select id as "id!: CheckInDeviceId", name, gate, created_by as "created_by!: UserId",
                  created_at as "created_at!: Stamp", last_seen_at as "last_seen_at: Stamp",
                  revoked_at as "revoked_at: Stamp"
           from check_in_devices where event_id = $1 order by created_at, id limit $2 offset $3"#,
        event as EventId,
        limit,
        offset,
    )
    .fetch_all(pool)
    .await?;
    let total = sqlx::query_scalar!(
        r#"select count(*) as "count!" from check_in_devices where event_id = $1"#,
        event as EventId,
    )
    .fetch_one(pool)
    .await?;
    Ok((devices, total))
}

/// Takes a device's token away; false where the event has no such device. A second time
/// changes nothing.
pub async fn revoke(pool: &PgPool, event: EventId, id: CheckInDeviceId) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        r"update check_in_devices set revoked_at = coalesce(revoked_at, now())
          where id = $2 and event_id = $1",
        event as EventId,
        id as CheckInDeviceId,
    )
    .execute(pool)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// A device that showed its token.
#[derive(Clone, Debug)]
pub struct Device {
    /// The device.
    pub id: CheckInDeviceId,
    /// Whose door it stands at.
    pub event: EventId,
    /// Where it stands.
    pub gate: String,
    stale: bool,
}

/// The device of a token, unless the token was taken away; notes that it was heard of.
pub async fn by_token(pool: &PgPool, token_hash: &[u8]) -> sqlx::Result<Option<Device>> {
    let device = sqlx::query_as!(
        Device,
        r#"select id as "id!: CheckInDeviceId", event_id as "event!: EventId", gate,
                  last_seen_at is null or last_seen_at < now() - interval '1 minute' as "stale!"
           from check_in_devices where token_hash = $1 and revoked_at is null"#,
        token_hash,
    )
    .fetch_optional(pool)
    .await?;
    if let Some(device) = device.as_ref().filter(|device| device.stale) {
        sqlx::query!(
            "update check_in_devices set last_seen_at = now() where id = $1",
            device.id as CheckInDeviceId,
        )
        .execute(pool)
        .await?;
    }
    Ok(device)
}
