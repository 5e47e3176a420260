//! Takes payments, gives them back, and keeps the books.
//!
//! An order is opened for one target, captured by the provider, written down together with its
//! ledger lines and its fact, and given back at most once. Whatever dies in between, the state
//! in Postgres says how to go on, and the provider is asked rather than guessed about.

mod config;
mod domain;
mod facts;
mod fault_points;
mod http;
mod jobs;
mod paying;
mod personal_data;
mod provider;
mod refusals;
mod state;
mod store;
mod ticket;

use std::sync::Arc;

use axum::Router;
use sqlx::migrate::Migrator;
use urr_contract::topics::Topic;
use urr_kit::{
    Runtime,
    consumer::{self, Consumer},
    health::Health,
    identity::GatewayToken,
    outbox, serve,
};

pub use config::{Config, PaymentDatabase, ProviderArgs, ProviderKind};
pub use facts::reservation_ended::ReservationEnded;
pub use fault_points::{FaultPoint, FaultPoints};
pub use jobs::{owed_back::run as find_owed_back, work_once};
pub use state::State;

/// The schema of `payment_db`.
pub static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/payment");

/// The HTTP surface. Identity is believed beside `gateway`'s token only.
pub fn router(state: Arc<State>, gateway: GatewayToken) -> Router {
    let runtime = state.runtime.clone();
    serve::layers(http::routes(state), &runtime, Some(gateway))
}

/// The description of what everybody may call.
pub fn openapi() -> utoipa::openapi::OpenApi {
    http::public().into_openapi()
}

/// Runs until shutdown.
pub async fn run(config: Config, runtime: Runtime) -> anyhow::Result<()> {
    let listen = config.http.listen();
    let pool = config
        .database
        .connect(&MIGRATIONS, &runtime, &listen)
        .await?;
    let bus = config.bus.connect(&runtime).await?;
    let state = Arc::new(State::new(&config, runtime.clone(), pool.clone())?);
    outbox::spawn_relay(&runtime, pool.clone(), bus.clone());
    consumer::spawn(
        &runtime,
        Consumer {
            group: facts::reservation_ended::GROUP,
            topics: &[Topic::Reservation],
            pool: pool.clone(),
            bus: bus.clone(),
        },
        ReservationEnded(Arc::clone(&state)),
    );
    jobs::spawn(&state);
    config.dead_letters.spawn(&runtime, &pool);
    let health = Health::new(&runtime)
        .postgres("postgresql", &pool)
        .bus("kafka", &bus);
    serve::serve(
        &runtime,
        &listen,
        http::routes(state),
        health,
        Some(config.gateway.token()),
    )
    .await
}
