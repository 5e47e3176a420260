//! The server's time, by which clients correct their countdowns.

use std::sync::Arc;

use axum::{Router, extract::State as Shared, routing::get};
use jiff::Timestamp;
use serde::Serialize;
use urr_kit::extract::AppJson;

use crate::State;

pub(super) fn routes() -> Router<Arc<State>> {
    Router::new().route("/api/time", get(time))
}

#[derive(Serialize)]
struct TimeAnswer {
    time: Timestamp,
}

async fn time(Shared(state): Shared<Arc<State>>) -> AppJson<TimeAnswer> {
    AppJson(TimeAnswer {
        time: state.clock.now(),
    })
}
