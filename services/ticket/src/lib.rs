//! Events, seats and reservations: what is sold, who holds it, who owns it.
//!
//! Postgres decides, Redis hurries. A seat is sold once because an index over live lines of
//! reservations says so; the locks in Redis only turn losers away cheaply. Every change of a
//! reservation and the fact that tells of it are one transaction.

pub mod booking;
pub mod config;
pub mod domain;
pub mod door;
pub mod enrichment;
pub mod event_plan;
pub mod facts;
pub mod http;
pub mod images;
pub mod jobs;
pub mod membership;
pub mod metrics;
mod personal_data;
pub mod redis;
pub mod refusal;
pub mod resale;
pub mod sale_figures;
pub mod sale_policy;
pub mod seat_map;
pub mod seed;
pub mod spotify;
pub mod state;
pub mod store;

use std::sync::Arc;

use axum::Router;
use urr_contract::topics::Topic;
use urr_kit::{
    Runtime,
    consumer::{self, Consumer},
    health::Health,
    outbox,
};

pub use crate::{config::Config, state::State};
use crate::{facts::payment, facts::payment::PaymentFacts};

/// The schema of `ticket_db`.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations/ticket");

/// All routes, without the layers of the server.
pub fn router(state: Arc<State>) -> Router {
    http::routes(&state).with_state(state)
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
    let redis = config.redis.connect().await?;
    let bus = config.bus.connect(&runtime).await?;
    let state = Arc::new(State::new(&config, pool.clone(), redis.clone(), &runtime));
    state.images.check().await?;
    jobs::spawn(&runtime.tasks, &state, config.intervals());
    outbox::spawn_relay(&runtime, pool.clone(), bus.clone());
    consumer::spawn(
        &runtime,
        Consumer {
            group: payment::GROUP,
            topics: &[Topic::Payment],
            pool: pool.clone(),
            bus: bus.clone(),
        },
        PaymentFacts {
            metrics: state.metrics.clone(),
        },
    );
    let health = Health::new(&runtime)
        .postgres("postgresql", &pool)
        .redis("redis", &redis)
        .bus("kafka", &bus);
    urr_kit::serve::serve(
        &runtime,
        &listen,
        router(Arc::clone(&state)),
        health,
        Some(config.gateway.token()),
    )
    .await?;
    // The last requests were answered after the job's last run.
    jobs::flush_views::run(&state).await
}
