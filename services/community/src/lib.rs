//! News, the fans' board with its comments, and the points that writing earns.
//!
//! What is written is kept as text and shown as text. Points belong to ticket: they are
//! noted in the transaction of what earned them and handed over afterwards.

pub mod artists;
pub mod authors;
pub mod config;
pub mod domain;
pub mod http;
pub mod jobs;
mod personal_data;
pub mod state;
pub mod store;

use std::sync::Arc;

use axum::Router;
use urr_kit::{Runtime, health::Health};

pub use crate::{config::Config, state::State};

/// The schema of `community_db`.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations/community");

/// All routes, without the layers of the server.
pub fn router(state: Arc<State>) -> Router {
    http::router(state)
}

/// Serves until shutdown.
pub async fn run(config: Config, runtime: Runtime) -> anyhow::Result<()> {
    let listen = config.http.listen();
    let pool = config
        .database
        .connect(&MIGRATIONS, &runtime, &listen)
        .await?;
    let state = Arc::new(State::new(&config, pool.clone(), &runtime));
    jobs::spawn(&runtime, &state);
    let health = Health::new(&runtime).postgres("postgresql", &pool);
    urr_kit::serve::serve(
        &runtime,
        &listen,
        router(state.clone()),
        health,
        Some(config.gateway.token()),
    )
    .await?;
    // The last requests were answered after the job's last run.
    jobs::flush_views::run(&state).await
}
