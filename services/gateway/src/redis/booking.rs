//! The exact count of requests that book: a log of times per client, kept by one script.

use ::redis::{RedisResult, Script};
use urr_kit::redis::Redis;

use crate::domain::{
    client::ClientId,
    limits::{Category, WINDOW_SECONDS},
};

/// The logs of accepted booking requests.
#[derive(Debug)]
pub struct BookingLog {
    redis: Redis,
    script: Script,
}

impl BookingLog {
    /// The logs in `redis`.
    pub fn new(redis: Redis) -> Self {
        Self {
            redis,
            script: Script::new(include_str!("booking.lua")),
        }
    }

    /// Logs one request if fewer than `limit` were accepted in the last minute; returns
    /// whether it is accepted.
    pub async fn take(&self, client: ClientId, limit: u32) -> RedisResult<bool> {
        let request: u64 = rand::random();
        let mut call = self.script.key(key(client));
        call.arg(WINDOW_SECONDS * 1_000)
            .arg(limit)
            .arg(format!("{request:016x}"));
        self.redis.eval(&call).await
    }
}

/// Key of one client's log.
pub fn key(client: ClientId) -> String {
    format!("rate:{}:{client}", Category::Booking.name())
}
