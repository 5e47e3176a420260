//! News, the fans' board with its comments, and the points that writing earns; and whoever
//! is to be told what happened to a reservation: fans by mail, organisers by webhook.
//!
//! What is written is kept as text and shown as text. Points belong to ticket: they are
//! noted in the transaction of what earned them and handed over afterwards. So are notices: a
//! fact is noted, then composed with what ticket says of it, then sent.

pub mod artists;
pub mod authors;
pub mod config;
pub mod domain;
pub mod facts;
pub mod http;
pub mod jobs;
pub mod mail;
mod personal_data;
pub mod readers;
pub mod state;
pub mod store;

use std::sync::Arc;

use axum::Router;
use urr_kit::{
    Runtime,
    consumer::{self, Consumer},
    health::Health,
};

pub use crate::{config::Config, state::State};

/// The schema of `community_db`.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations/community");

/// All routes, without the layers of the server.
pub fn router(state: Arc<State>) -> Router {
    http::router(state)
}

/// The description of what people may call, and of what webhooks are sent.
pub fn openapi() -> utoipa::openapi::OpenApi {
    let mut described = http::public().into_openapi();
    let messages = http::webhook_messages::openapi();
    described.webhooks.clone_from(&messages.webhooks);
    described.merge(messages);
    described
}

/// Serves until shutdown.
pub async fn run(config: Config, runtime: Runtime) -> anyhow::Result<()> {
    let bus = config.bus.connect(&runtime).await?;
    let listen = config.http.listen();
    let pool = config
        .database
        .connect(&MIGRATIONS, &runtime, &listen)
        .await?;
    let state = Arc::new(State::new(&config, pool.clone(), &runtime)?);
    let consumer = Consumer {
        group: facts::GROUP,
        topics: facts::TOPICS,
        pool: pool.clone(),
        bus: bus.clone(),
    };
    consumer::spawn(&runtime, consumer, state.note_notices());
    jobs::spawn(&runtime.tasks, &state);
    let health = Health::new(&runtime)
        .postgres("postgresql", &pool)
        .bus("kafka", &bus);
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
