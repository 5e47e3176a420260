//! A payment provider to run against. It speaks the HTTP of Toss Payments (confirm, cancel,
//! two queries, webhooks), refuses with the published codes, and goes wrong on demand: times
//! out before or after capturing, answers late, sends a webhook five times or out of order.
//!
//! It is a server of its own, owns no database, and forgets nothing over `kill -9`: each change
//! is a line of a journal that is on disk before the change is answered.

mod config;
mod domain;
mod http;
mod journal;
mod state;
mod webhooks;

use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use urr_kit::{Runtime, health::Health, serve};

pub use config::Config;
pub use domain::refusals::{CANCEL_REFUSALS, CONFIRM_REFUSALS, HEADER_REFUSALS, Refusal};
pub use state::State;
pub use webhooks::spawn as spawn_webhooks;

/// The HTTP surface.
pub fn router(state: Arc<State>) -> Router {
    let runtime = state.runtime.clone();
    serve::layers(http::routes(state), &runtime, None)
}

/// Runs until shutdown.
pub async fn run(config: Config, runtime: Runtime) -> anyhow::Result<()> {
    let state = State::open(&config, runtime.clone()).context("cannot read the state")?;
    let state = Arc::new(state);
    webhooks::spawn(&state);
    let health = Health::new(&runtime);
    serve::serve(
        &runtime,
        &config.http.listen(),
        http::routes(state),
        health,
        None,
    )
    .await
}
