//! The HTTP surface of community.

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

mod comments;
mod errors;
mod mails;
mod news;
mod posts;
mod webhook_deliveries;
mod webhooks;

/// All routes.
pub(crate) fn router(state: Arc<State>) -> Router {
    Router::from(public())
        .merge(notice_routes())
        .merge(personal_data::routes())
        .with_state(state)
}

/// What administrators see of mails and webhooks.
fn notice_routes() -> Router<Arc<State>> {
    Router::new()
        .route("/api/admin/mails", get(mails::list))
        .route("/api/admin/mails/{id}/resend", post(mails::resend))
        .route(
            "/api/admin/webhooks",
            get(webhooks::list).post(webhooks::create),
        )
        .route(
            "/api/admin/webhooks/{id}",
            get(webhooks::show)
                .patch(webhooks::change)
                .delete(webhooks::remove),
        )
        .route(
            "/api/admin/webhooks/{id}/rotate-secret",
            post(webhooks::rotate_secret),
        )
        .route("/api/admin/webhooks/{id}/log", get(webhooks::log))
        .route(
            "/api/admin/webhooks/{id}/test",
            post(webhook_deliveries::test),
        )
        .route(
            "/api/admin/webhooks/{id}/replay",
            post(webhook_deliveries::replay_range),
        )
        .route(
            "/api/admin/webhooks/{id}/deliveries",
            get(webhook_deliveries::list),
        )
        .route(
            "/api/admin/webhooks/{id}/deliveries/{delivery_id}",
            get(webhook_deliveries::show),
        )
        .route(
            "/api/admin/webhooks/{id}/deliveries/{delivery_id}/replay",
            post(webhook_deliveries::replay),
        )
}

/// What everybody may call, with its description.
pub(crate) fn public() -> OpenApiRouter<Arc<State>> {
    OpenApiRouter::default()
        .routes(routes!(news::list, news::create))
        .routes(routes!(news::show, news::update, news::remove))
        .routes(routes!(posts::list, posts::create))
        .routes(routes!(posts::show, posts::update, posts::remove))
        .routes(routes!(comments::list, comments::create))
        .routes(routes!(comments::remove))
}
