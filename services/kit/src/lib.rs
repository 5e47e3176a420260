//! What every service stands on: configuration groups, the HTTP server with its errors,
//! identity and health, telemetry, the stores, the bus with outbox and consumers.
//!
//! A service decides; this crate carries out what all of them need done alike.

pub mod aws;
pub mod bus;
pub mod client;
pub mod clock;
pub mod config;
pub mod consumer;
pub mod database;
pub mod engines;
pub mod env_file;
pub mod error;
pub mod extract;
pub mod health;
pub mod identity;
pub mod internal;
pub mod metrics;
pub mod openapi;
pub mod outbound;
pub mod outbox;
pub mod page;
pub mod personal_data;
pub mod redis;
pub mod retention;
pub mod runtime;
pub mod serve;
pub mod tally;
pub mod tasks;
pub mod telemetry;
mod unread;

pub use client::http_client;
pub use clock::Clock;
pub use database::constraint;
pub use error::{ApiError, ApiResult};
pub use metrics::Metrics;
pub use runtime::Runtime;
pub use tasks::Tasks;
