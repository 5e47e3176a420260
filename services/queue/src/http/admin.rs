//! What administrators see and do.

use std::sync::Arc;

use axum::{Json, extract};
use serde::Serialize;
use urr_contract::EventId;
use urr_kit::{ApiResult, extract::AppPath, identity::Admin};
use utoipa::ToSchema;

use super::{
    answer::{LineBody, admin_view},
    line_unavailable,
};
use crate::State;

/// What was done.
#[derive(Serialize, ToSchema)]
#[schema(as = QueueCleared)]
pub(super) struct ClearedBody {
    /// What was done, for people.
    message: &'static str,
}

/// The state of the line of an event.
#[utoipa::path(
    get,
    path = "/api/queue/admin/{event}",
    operation_id = "getQueue",
    tag = "Waiting room",
    params(("event" = EventId, Path)),
    security(("bearer" = ["admin"])),
    responses(
        (status = 200, description = "How many wait and how many are inside.", body = LineBody),
        (status = 404, description = "`EVENT_NOT_FOUND`: there is no such event."),
        (status = 503, description = "`QUEUE_UNAVAILABLE`: the line cannot be asked."),
    )
)]
pub(super) async fn view(
    extract::State(state): extract::State<Arc<State>>,
    Admin(_): Admin,
    AppPath(event): AppPath<EventId>,
) -> ApiResult<Json<LineBody>> {
    let line = super::line::open_line(&state, event).await?;
    let view = line
        .view()
        .ok_or_else(|| line_unavailable(anyhow::anyhow!("the line is not known yet")))?;
    Ok(Json(admin_view(event, &view)))
}

/// Ends the line of an event and every stay inside.
#[utoipa::path(
    post,
    path = "/api/queue/admin/clear/{event}",
    operation_id = "clearQueue",
    tag = "Waiting room",
    params(("event" = EventId, Path)),
    security(("bearer" = ["admin"])),
    responses(
        (status = 200, description = "Nobody waits any more.", body = ClearedBody),
        (status = 404, description = "`EVENT_NOT_FOUND`: there is no such event."),
        (status = 503, description = "`QUEUE_UNAVAILABLE`: the line cannot be asked."),
    )
)]
pub(super) async fn clear(
    extract::State(state): extract::State<Arc<State>>,
    Admin(admin): Admin,
    AppPath(event): AppPath<EventId>,
) -> ApiResult<Json<ClearedBody>> {
    let line = super::line::open_line(&state, event).await?;
    let rooms = state.lines.rooms();
    rooms.line(event).clear().await.map_err(line_unavailable)?;
    state.lines.renew(&line).await.map_err(line_unavailable)?;
    tracing::warn!(event.id = %event, admin.id = %admin.id, "the line was cleared");
    Ok(Json(ClearedBody {
        message: "Queue cleared",
    }))
}
