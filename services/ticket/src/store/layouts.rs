//! Seat layouts.

use serde::Serialize;
use serde_json::Value;
use sqlx::{PgExecutor, PgPool};
use urr_contract::{EventId, SeatLayoutId};
use utoipa::ToSchema;

/// A layout.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SeatLayout)]
pub struct LayoutRow {
    /// The layout.
    pub id: SeatLayoutId,
    /// Its name.
    pub name: String,
    /// Its description.
    pub description: Option<String>,
    /// Seats it describes.
    pub total_seats: i32,
    /// Its sections.
    pub layout_config: Value,
}

/// All layouts, smallest first.
pub async fn list(pool: &PgPool) -> sqlx::Result<Vec<LayoutRow>> {
    sqlx::query_as!(
        LayoutRow,
        r#"select id as "id!: SeatLayoutId", name, description, total_seats, layout_config
           from seat_layouts order by total_seats, name"#,
    )
    .fetch_all(pool)
    .await
}

/// Sections of one layout.
pub async fn config(
    executor: impl PgExecutor<'_>,
    id: SeatLayoutId,
) -> sqlx::Result<Option<Value>> {
    sqlx::query_scalar!(
        "select layout_config from seat_layouts where id = $1",
        id as SeatLayoutId
    )
    .fetch_optional(executor)
    .await
}

/// The layout of that name.
pub async fn named(
    executor: impl PgExecutor<'_>,
    name: &str,
) -> sqlx::Result<Option<SeatLayoutId>> {
    sqlx::query_scalar!(
        r#"select id as "id!: SeatLayoutId" from seat_layouts where name = $1"#,
        name.replace('\0', ""),
    )
    .fetch_optional(executor)
    .await
}

/// All layouts, by name.
pub async fn by_name(pool: &PgPool) -> sqlx::Result<Vec<LayoutRow>> {
    let mut layouts = list(pool).await?;
    layouts.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(layouts)
}

/// Title of an event and the sections of its layout, `None` for a standing event.
pub async fn of_event(
    pool: &PgPool,
    event: EventId,
) -> sqlx::Result<Option<(String, Option<Value>)>> {
    let row = sqlx::query!(
        r#"select e.title, l.layout_config as "layout_config?"
           from events e left join seat_layouts l on l.id = e.seat_layout_id
           where e.id = $1 and e.deleted_at is null"#,
        event as EventId,
    )
    .fetch_optional(pool)
    .await?;
    Ok(row.map(|row| (row.title, row.layout_config)))
}
