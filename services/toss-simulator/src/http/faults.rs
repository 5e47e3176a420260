//! `/simulator/faults`: GET lists, POST adds, DELETE clears. For who knows the secret key.

use std::sync::Arc;

use axum::{
    Json,
    body::Bytes,
    extract::State as Shared,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use serde_json::{Value, json};

use super::auth::Merchant;
use crate::{State, domain::faults::FaultOrder};

pub(super) async fn list(_: Merchant, Shared(state): Shared<Arc<State>>) -> Json<Value> {
    Json(json!({"faults": state.faults()}))
}

pub(super) async fn add(_: Merchant, Shared(state): Shared<Arc<State>>, body: Bytes) -> Response {
    let order: FaultOrder = match serde_json::from_slice(&body) {
        Ok(order) => order,
        Err(error) => return refuse(&error.to_string()),
    };
    if let Some(problem) = order.problem() {
        return refuse(&problem);
    }
    state.add_fault(order);
    (StatusCode::CREATED, Json(json!({"faults": state.faults()}))).into_response()
}

pub(super) async fn clear(_: Merchant, Shared(state): Shared<Arc<State>>) -> StatusCode {
    state.clear_faults();
    StatusCode::NO_CONTENT
}

fn refuse(problem: &str) -> Response {
    let body = json!({"code": "INVALID_REQUEST", "message": problem});
    (StatusCode::BAD_REQUEST, Json(body)).into_response()
}
