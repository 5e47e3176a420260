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

use crate::State;

pub(crate) fn routes(state: Arc<State>) -> Router {
    Router::new()
        .route("/api/payments/prepare", post(payments::prepare))
        .route("/api/payments/confirm", post(payments::confirm))
        .route("/api/payments/process", post(payments::process))
        .route("/api/payments/order/{order_id}", get(payments::by_order))
        .route("/api/payments/user/me", get(payments::mine))
        .route("/api/payments/webhooks/toss", post(webhooks::toss))
        .route("/api/payments/{payment_key}/cancel", post(cancel::cancel))
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
        .with_state(state)
}
