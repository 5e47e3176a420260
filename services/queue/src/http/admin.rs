//! What administrators see and do.

use std::sync::Arc;

use axum::{Json, extract};
use serde::{Deserialize, Serialize};
use urr_contract::{EventId, sale_policy::MAX_MESSAGE_CHARS};
use urr_kit::{
    ApiError, ApiResult,
    extract::{AppJson, AppPath},
    identity::Admin,
};
use utoipa::ToSchema;

use super::{
    answer::{LineBody, admin_view},
    line_unavailable, policy,
};
use crate::State;

/// What was done.
#[derive(Serialize, ToSchema)]
#[schema(as = QueueChanged)]
pub(super) struct DoneBody {
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
        (status = 200, description = "Nobody waits any more.", body = DoneBody),
        (status = 404, description = "`EVENT_NOT_FOUND`: there is no such event."),
        (status = 503, description = "`QUEUE_UNAVAILABLE`: the line cannot be asked."),
    )
)]
pub(super) async fn clear(
    extract::State(state): extract::State<Arc<State>>,
    Admin(admin): Admin,
    AppPath(event): AppPath<EventId>,
) -> ApiResult<Json<DoneBody>> {
    let line = super::line::open_line(&state, event).await?;
    let rooms = state.lines.rooms();
    rooms.line(event).clear().await.map_err(line_unavailable)?;
    state.lines.renew(&line).await.map_err(line_unavailable)?;
    tracing::warn!(event.id = %event, admin.id = %admin.id, "the line was cleared");
    Ok(Json(DoneBody {
        message: "Queue cleared",
    }))
}

/// Why the line is stopped.
#[derive(Default, Deserialize, ToSchema)]
#[schema(as = SuspendQueue)]
pub(super) struct SuspendBody {
    /// What those who wait are told, in at most 500 characters.
    #[schema(max_length = 500)]
    message: Option<String>,
}

/// Stops the line of an event.
///
/// Nobody enters any more, everybody keeps the place and is told why; whoever is inside goes
/// on. Said again, it changes the message.
#[utoipa::path(
    post,
    path = "/api/queue/admin/suspend/{event}",
    operation_id = "suspendQueue",
    tag = "Waiting room",
    params(("event" = EventId, Path)),
    request_body = Option<SuspendBody>,
    security(("bearer" = ["admin"])),
    responses(
        (status = 200, description = "Nobody enters any more.", body = DoneBody),
        (status = 400, description = "`INVALID_FIELD`: the message is too long or no text."),
        (status = 404, description = "`EVENT_NOT_FOUND`: there is no such event."),
        (status = 409, description = "`POLICY_OWNED`: a resource declares the policy of this sale; suspend it there."),
        (status = 503, description = "`QUEUE_UNAVAILABLE`: the line cannot be asked."),
    )
)]
pub(super) async fn suspend(
    extract::State(state): extract::State<Arc<State>>,
    Admin(admin): Admin,
    AppPath(event): AppPath<EventId>,
    body: Option<AppJson<SuspendBody>>,
) -> ApiResult<Json<DoneBody>> {
    let message = body.and_then(|AppJson(body)| body.message);
    let message = message.map(checked).transpose()?;
    policy::suspend(&state, event, message).await?;
    tracing::warn!(event.id = %event, admin.id = %admin.id, "the line was suspended");
    Ok(Json(DoneBody {
        message: "Queue suspended",
    }))
}

fn checked(message: String) -> ApiResult<String> {
    if message.chars().count() > MAX_MESSAGE_CHARS || message.contains('\0') {
        return Err(ApiError::bad_request(
            "INVALID_FIELD",
            format!("message: must be at most {MAX_MESSAGE_CHARS} characters of text"),
        ));
    }
    Ok(message)
}

/// Lets the line of an event go on.
///
/// The limits stay those that were in force before. Nothing changes where it was not stopped.
#[utoipa::path(
    post,
    path = "/api/queue/admin/resume/{event}",
    operation_id = "resumeQueue",
    tag = "Waiting room",
    params(("event" = EventId, Path)),
    security(("bearer" = ["admin"])),
    responses(
        (status = 200, description = "People enter again.", body = DoneBody),
        (status = 404, description = "`EVENT_NOT_FOUND`: there is no such event."),
        (status = 409, description = "`POLICY_OWNED`: a resource declares the policy of this sale; resume it there."),
        (status = 503, description = "`QUEUE_UNAVAILABLE`: the line cannot be asked."),
    )
)]
pub(super) async fn resume(
    extract::State(state): extract::State<Arc<State>>,
    Admin(admin): Admin,
    AppPath(event): AppPath<EventId>,
) -> ApiResult<Json<DoneBody>> {
    policy::resume(&state, event).await?;
    tracing::warn!(event.id = %event, admin.id = %admin.id, "the line goes on");
    Ok(Json(DoneBody {
        message: "Queue resumed",
    }))
}
