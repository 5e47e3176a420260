//! The HTTP surface.

mod admin;
mod answer;
mod caller;
mod figures;
mod line;
mod policy;

use std::sync::Arc;

use axum::{Router, routing::get};
use urr_kit::{
    ApiError,
    openapi::{OpenApiRouter, routes},
    personal_data,
};

use crate::State;

/// Seconds after which to try again while Redis is away.
const REDIS_RETRY_SECONDS: u64 = 2;

/// All routes.
pub fn router(state: Arc<State>) -> Router {
    Router::from(public())
        .route(
            "/internal/events/{event}/policy",
            get(policy::read).put(policy::write).delete(policy::release),
        )
        .route("/internal/events/{event}/line", get(figures::figures))
        .merge(personal_data::routes())
        .with_state(state)
}

/// What everybody may call, with its description.
pub(crate) fn public() -> OpenApiRouter<Arc<State>> {
    OpenApiRouter::default()
        .routes(routes!(line::check))
        .routes(routes!(line::status))
        .routes(routes!(line::heartbeat))
        .routes(routes!(line::leave))
        .routes(routes!(admin::view))
        .routes(routes!(admin::clear))
        .routes(routes!(admin::suspend))
        .routes(routes!(admin::resume))
}

fn unknown_event() -> ApiError {
    ApiError::not_found("EVENT_NOT_FOUND", "Event not found")
}

/// The contract's answer while the line cannot be asked.
pub(crate) fn line_unavailable(cause: impl Into<anyhow::Error>) -> ApiError {
    ApiError::unavailable(
        "QUEUE_UNAVAILABLE",
        "Queue service temporarily unavailable. Please retry.",
        REDIS_RETRY_SECONDS,
    )
    .caused_by(cause)
}
