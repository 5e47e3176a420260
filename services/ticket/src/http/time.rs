//! The server's time, by which clients correct their countdowns.

use std::sync::Arc;

use axum::extract::State as Shared;
use jiff::Timestamp;
use serde::Serialize;
use urr_kit::{
    extract::AppJson,
    openapi::{OpenApiRouter, routes},
};
use utoipa::ToSchema;

use crate::State;

pub(super) fn routes() -> OpenApiRouter<Arc<State>> {
    OpenApiRouter::default().routes(routes!(time))
}

/// The time.
#[derive(Serialize, ToSchema)]
#[schema(as = ServerTime)]
struct TimeAnswer {
    /// By the server's clock.
    time: Timestamp,
}

/// The server's time, by which clients correct their countdowns.
#[utoipa::path(
    get,
    path = "/api/time",
    operation_id = "getTime",
    tag = "Events",
    responses(
        (status = 200, description = "Now.", body = TimeAnswer),
    )
)]
async fn time(Shared(state): Shared<Arc<State>>) -> AppJson<TimeAnswer> {
    AppJson(TimeAnswer {
        time: state.clock.now(),
    })
}
