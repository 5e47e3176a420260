//! The HTTP surface of community.

use std::sync::Arc;

use axum::Router;
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
pub(crate) mod webhook_messages;
mod webhooks;

/// All routes.
pub(crate) fn router(state: Arc<State>) -> Router {
    Router::from(public())
        .merge(personal_data::routes())
        .with_state(state)
}

/// What people may call, with its description.
pub(crate) fn public() -> OpenApiRouter<Arc<State>> {
    writing().merge(notices())
}

/// News, posts and comments.
fn writing() -> OpenApiRouter<Arc<State>> {
    OpenApiRouter::default()
        .routes(routes!(news::list, news::create))
        .routes(routes!(news::show, news::update, news::remove))
        .routes(routes!(posts::list, posts::create))
        .routes(routes!(posts::show, posts::update, posts::remove))
        .routes(routes!(comments::list, comments::create))
        .routes(routes!(comments::remove))
}

/// What administrators see of mails and webhooks.
fn notices() -> OpenApiRouter<Arc<State>> {
    OpenApiRouter::default()
        .routes(routes!(mails::list))
        .routes(routes!(mails::resend))
        .routes(routes!(webhooks::list, webhooks::create))
        .routes(routes!(webhooks::show, webhooks::change, webhooks::remove))
        .routes(routes!(webhooks::rotate_secret))
        .routes(routes!(webhooks::log))
        .routes(routes!(webhook_deliveries::test))
        .routes(routes!(webhook_deliveries::replay_range))
        .routes(routes!(webhook_deliveries::list))
        .routes(routes!(webhook_deliveries::show))
        .routes(routes!(webhook_deliveries::replay))
}
