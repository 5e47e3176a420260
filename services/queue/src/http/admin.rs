//! What administrators see and do.

use std::sync::Arc;

use axum::{Json, extract, response::Response};
use serde_json::{Value, json};
use urr_contract::EventId;
use urr_kit::{ApiResult, extract::AppPath, identity::Admin};

use super::{answer::admin_view, line_unavailable};
use crate::State;

/// `GET /api/queue/admin/{event}`: the state of the line.
pub(super) async fn view(
    extract::State(state): extract::State<Arc<State>>,
    Admin(_): Admin,
    AppPath(event): AppPath<EventId>,
) -> ApiResult<Response> {
    let line = super::line::open_line(&state, event).await?;
    let view = line
        .view()
        .ok_or_else(|| line_unavailable(anyhow::anyhow!("the line is not known yet")))?;
    Ok(admin_view(event, &view))
}

/// `POST /api/queue/admin/clear/{event}`: ends the line and every stay inside.
pub(super) async fn clear(
    extract::State(state): extract::State<Arc<State>>,
    Admin(admin): Admin,
    AppPath(event): AppPath<EventId>,
) -> ApiResult<Json<Value>> {
    let line = super::line::open_line(&state, event).await?;
    let rooms = state.lines.rooms();
    rooms.line(event).clear().await.map_err(line_unavailable)?;
    state.lines.renew(&line).await.map_err(line_unavailable)?;
    tracing::warn!(event.id = %event, admin.id = %admin.id, "the line was cleared");
    Ok(Json(json!({"message": "Queue cleared"})))
}
