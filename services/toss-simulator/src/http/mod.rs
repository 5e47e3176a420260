//! The HTTP that Toss speaks to merchants, a checkout for payers, and the faults.

mod auth;
mod checkout;
mod faults;
mod page;
mod payments;

use std::sync::Arc;

use axum::{
    Json, Router,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http::StatusCode;
use serde_json::{Value, json};
use urr_kit::telemetry::chain;

use crate::{
    State,
    domain::refusals::{self, Refusal},
};

pub(crate) fn routes(state: Arc<State>) -> Router {
    Router::new()
        .route("/v1/payments/confirm", post(payments::confirm))
        .route("/v1/payments/{payment_key}/cancel", post(payments::cancel))
        .route("/v1/payments/{payment_key}", get(payments::by_key))
        .route("/v1/payments/orders/{order_id}", get(payments::by_order))
        .route(
            "/simulator/faults",
            get(faults::list).post(faults::add).delete(faults::clear),
        )
        .route(
            "/checkout/{order_id}",
            get(checkout::show).post(checkout::choose),
        )
        .with_state(state)
}

/// An answer that is not a success, in Toss's form.
struct Refused(Refusal);

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self(refusal)
    }
}

/// A journal that cannot be written: nothing happened, and nothing will.
impl From<anyhow::Error> for Refused {
    fn from(error: anyhow::Error) -> Self {
        tracing::error!(error = %chain(&*error), "a call failed");
        Self(refusals::INTERNAL)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let Refusal {
            status,
            code,
            message,
            ..
        } = self.0;
        (status, Json(json!({"code": code, "message": message}))).into_response()
    }
}

fn answer(status: u16, body: Value) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, Json(body)).into_response()
}
