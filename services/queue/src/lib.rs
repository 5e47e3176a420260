//! The virtual waiting room: a fair line in front of each event.
//!
//! Everybody gets a number once. What moves is who is called: the admission worker lets the
//! lowest present numbers in, as cap and rate allow, in one atomic script. Polls are
//! answered from memory. `redis/` documents the keys, among them those that gateways read.

pub mod admission_messages;
pub mod config;
pub mod domain;
pub mod events;
pub mod facts;
pub mod http;
pub mod jobs;
pub mod lines;
mod personal_data;
mod presale;
pub mod redis;
pub mod state;
pub mod store;

use std::sync::{Arc, atomic::Ordering};

use axum::Router;
use urr_kit::{Runtime, health::Health};

pub use crate::{
    admission_messages::AdmissionMessages,
    config::{AdmissionConfig, Config, Settings},
    state::State,
};

/// The schema of `queue_db`.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations/queue");

/// All routes, without the layers of the server.
pub fn router(state: Arc<State>) -> Router {
    http::router(state)
}

/// The description of what everybody may call.
pub fn openapi() -> utoipa::openapi::OpenApi {
    http::public().into_openapi()
}

/// Serves people until shutdown.
pub async fn run(config: Config, runtime: Runtime) -> anyhow::Result<()> {
    let listen = config.http.listen();
    let messages = AdmissionMessages::start(&config.sqs, &runtime)?;
    let state = State::connect(&config.line, &runtime, &listen).await?;
    let state = Arc::new(state.telling(messages));
    let is_loaded = jobs::memory::spawn(&runtime, &state);
    jobs::events::spawn(&runtime, &state);
    let health = health(&runtime, &state).ready("counters", move || {
        let is_loaded = is_loaded.load(Ordering::Relaxed);
        async move {
            anyhow::ensure!(is_loaded, "the lines in use are being loaded");
            Ok(())
        }
    });
    urr_kit::serve::serve(
        &runtime,
        &listen,
        router(state),
        health,
        Some(config.gateway.token()),
    )
    .await
}

/// Lets people in until shutdown, and gives slots back when purchases become known.
pub async fn run_admission(config: AdmissionConfig, runtime: Runtime) -> anyhow::Result<()> {
    let listen = config.http.listen();
    let state = Arc::new(State::connect(&config.line, &runtime, &listen).await?);
    let bus = config.bus.connect(&runtime).await?;
    jobs::admit::spawn(&runtime, &state);
    facts::spawn(&runtime, &state, bus.clone());
    config.dead_letters.spawn(&runtime, &state.pool);
    let health = health(&runtime, &state).bus("kafka", &bus);
    let routes = Router::new();
    urr_kit::serve::serve(&runtime, &listen, routes, health, None).await
}

fn health(runtime: &Runtime, state: &State) -> Health {
    Health::new(runtime)
        .redis("redis", state.lines.rooms().redis())
        .postgres("postgresql", &state.pool)
}
