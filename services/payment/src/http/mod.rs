//! The HTTP surface.

mod cancel;
mod internal;
mod payments;
mod webhooks;

use std::sync::Arc;

use axum::{
    Router,
    routing::{get, post},
};
use urr_kit::{
    openapi::{OpenApiRouter, routes},
    personal_data,
};

use crate::State;

pub(crate) fn routes(state: Arc<State>) -> Router {
    Router::from(public())
        .route(
            "/internal/payments/by-reservation/{reservation_id}",
            get(internal::by_reservation),
        )
        .route(
            "/internal/payments/orders/{order_id}/void",
            post(internal::void),
        )
        .route(
            "/internal/payments/orders/{order_id}/resolve",
            post(internal::resolve),
        )
        .merge(personal_data::routes())
        .with_state(state)
}

/// What everybody may call, with its description.
pub(crate) fn public() -> OpenApiRouter<Arc<State>> {
    OpenApiRouter::default()
        .routes(routes!(payments::prepare))
        .routes(routes!(payments::confirm))
        .routes(routes!(payments::process))
        .routes(routes!(payments::by_order))
        .routes(routes!(payments::mine))
        .routes(routes!(webhooks::toss))
        .routes(routes!(cancel::cancel))
}
