//! What was sold, when and to whom, as the facts tell it.
//!
//! Stats keeps one row for each reservation, payment, transfer and membership it hears of,
//! and answers every question by counting those rows. What facts do not tell (titles,
//! seats that exist, accounts) it asks ticket and auth for. While they are away it answers
//! without, and says so.

pub mod accounts;
pub mod catalogue;
pub mod config;
pub mod domain;
pub mod events;
pub mod facts;
pub mod http;
pub mod state;
pub mod store;

use std::sync::Arc;

use axum::Router;
use urr_contract::topics::Topic;
use urr_kit::{
    Runtime,
    consumer::{self, Consumer},
    health::Health,
};

pub use crate::{config::Config, state::State};

/// The schema of `stats_db`.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations/stats");

/// The group under which stats reads facts.
pub const GROUP: &str = "stats-service-group";

/// All routes, without the layers of the server.
pub fn router(state: Arc<State>) -> Router {
    http::router(state)
}

/// The description of what administrators may call.
pub fn openapi() -> utoipa::openapi::OpenApi {
    http::public().into_openapi()
}

/// Serves until shutdown.
pub async fn run(config: Config, runtime: Runtime) -> anyhow::Result<()> {
    let bus = config.bus.connect(&runtime).await?;
    let listen = config.http.listen();
    let pool = config
        .database
        .connect(&MIGRATIONS, &runtime, &listen)
        .await?;
    let state = Arc::new(State::new(&config, pool.clone(), &runtime));
    let consumer = Consumer {
        group: GROUP,
        topics: &Topic::ALL,
        pool: pool.clone(),
        bus: bus.clone(),
    };
    consumer::spawn(&runtime, consumer, state.recorder());
    config.dead_letters.spawn(&runtime, &pool);
    let health = Health::new(&runtime)
        .postgres("postgresql", &pool)
        .bus("kafka", &bus);
    urr_kit::serve::serve(
        &runtime,
        &listen,
        router(state),
        health,
        Some(config.gateway.token()),
    )
    .await
}
