//! The HTTP surface.

mod admin;
mod answer;
mod caller;
mod line;
mod policy;

use std::sync::Arc;

use axum::{
    Router,
    routing::{get, post},
};
use urr_kit::ApiError;

use crate::State;

/// Seconds after which to try again while Redis is away.
const REDIS_RETRY_SECONDS: u64 = 2;

/// All routes.
pub fn router(state: Arc<State>) -> Router {
    Router::new()
        .route("/api/queue/check/{event}", post(line::check))
        .route("/api/queue/status/{event}", get(line::status))
        .route("/api/queue/heartbeat/{event}", post(line::heartbeat))
        .route("/api/queue/leave/{event}", post(line::leave))
        .route("/api/queue/admin/{event}", get(admin::view))
        .route("/api/queue/admin/clear/{event}", post(admin::clear))
        .route(
            "/internal/events/{event}/policy",
            get(policy::read).put(policy::write),
        )
        .with_state(state)
}

fn unknown_event() -> ApiError {
    ApiError::not_found("EVENT_NOT_FOUND", "Event not found")
}

/// The contract's answer while the line cannot be asked.
fn line_unavailable(cause: impl Into<anyhow::Error>) -> ApiError {
    ApiError::unavailable(
        "QUEUE_UNAVAILABLE",
        "Queue service temporarily unavailable. Please retry.",
        REDIS_RETRY_SECONDS,
    )
    .caused_by(cause)
}
