//! Accounts and sessions: who somebody is, and the pair of tokens that says so.
//!
//! Everything else believes the gateway, and the gateway believes the access tokens signed
//! here. This service checks them itself, so it needs no identity headers.

pub mod config;
pub mod domain;
pub mod erasing;
pub mod google;
pub mod hashing;
pub mod holders;
pub mod http;
pub mod jobs;
mod refusals;
pub mod seed;
pub mod state;
pub mod store;

use std::sync::Arc;

use axum::Router;
use urr_kit::{Runtime, health::Health};

pub use crate::{config::Config, state::State};

/// The schema of `auth_db`.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations/auth");

/// All routes, without the layers of the server.
pub fn router(state: Arc<State>) -> Router {
    http::router(state)
}

/// The description of what everybody may call.
pub fn openapi() -> utoipa::openapi::OpenApi {
    http::public().into_openapi()
}

/// Serves until shutdown.
pub async fn run(config: Config, runtime: Runtime) -> anyhow::Result<()> {
    let listen = config.http.listen();
    let pool = config
        .database
        .connect(&MIGRATIONS, &runtime, &listen)
        .await?;
    let state = Arc::new(State::new(&config, pool.clone(), &runtime)?);
    jobs::spawn(&runtime.tasks, &state);
    let health = Health::new(&runtime).postgres("postgresql", &pool);
    urr_kit::serve::serve(
        &runtime,
        &listen,
        router(state),
        health,
        Some(config.gateway.token()),
    )
    .await
}
