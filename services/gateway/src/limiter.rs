//! Whether a client may go on: the rate limits, with and without Redis.
//!
//! Most requests are counted in memory and the counts exchanged with the other gateways
//! through Redis; the few that book something are counted in Redis exactly, one by one.
//! Without Redis the setting decides, at once and without asking Redis again: only the
//! exchange finds out that Redis is back.

mod link;
mod tally;

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::Notify;
use tracing::warn;
use urr_kit::{Clock, redis::Redis, telemetry::chain};

use crate::{
    config::{LimitArgs, OnRedisFailure},
    domain::{
        client::ClientId,
        limits::{Category, Limits},
        window::SubWindow,
    },
    redis::{booking::BookingLog, exchange::Exchange},
};

pub use self::tally::{Others, Untold};
use self::{
    link::Link,
    tally::{SHARDS, Tally},
};

/// Clients whose counts travel in one script call. Redis does nothing else meanwhile.
const CLIENTS_A_CALL: usize = 256;

/// One client in one category.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// What is counted.
    pub category: Category,
    /// Whose requests.
    pub client: ClientId,
}

/// What the limits say about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may go on.
    Pass,
    /// The client has used up its minute.
    Refused,
    /// Nobody can say, and then the setting lets nothing through.
    Unknown,
}

/// The rate limits of one gateway.
#[derive(Debug)]
pub struct Limiter {
    limits: Limits,
    on_failure: OnRedisFailure,
    clock: Clock,
    tally: Tally,
    link: Link,
    redis: Redis,
    booking: BookingLog,
    exchange: Exchange,
    hurry: Arc<Notify>,
}

impl Limiter {
    /// Limits as `settings` say, with nothing counted yet.
    pub fn new(settings: &LimitArgs, redis: Redis, clock: Clock) -> Self {
        let hurry = Arc::new(Notify::new());
        Self {
            limits: settings.limits(),
            on_failure: settings.rate_limit_on_redis_failure,
            clock,
            tally: Tally::new(settings.rate_limit_max_clients, Arc::clone(&hurry)),
            link: Link::new(),
            booking: BookingLog::new(redis.clone()),
            exchange: Exchange::new(redis.clone()),
            redis,
            hurry,
        }
    }

    /// Counts a request of `client` for the normalised `path` and says whether it may go on.
    pub async fn admit(&self, path: &str, client: ClientId) -> Verdict {
        let category = Category::of(path);
        let key = Key { category, client };
        let now = self.clock.now();
        if category == Category::Booking {
            self.admit_booking(key, now).await
        } else if self.link.is_up() {
            self.admit_from_memory(key, now)
        } else {
            self.admit_without_redis(key, now)
        }
    }

    async fn admit_booking(&self, key: Key, now: Timestamp) -> Verdict {
        if !self.link.is_up() {
            return self.admit_without_redis(key, now);
        }
        let window = SubWindow::at(now);
        let limit = self.limits.of(key.category);
        // What passed while Redis was away is known here only.
        if self.link.was_down(window) && !self.tally.has_room(key, window, limit) {
            return Verdict::Refused;
        }
        match self.booking.take(key.client, limit).await {
            Ok(true) => {
                self.tally.count(key, window);
                Verdict::Pass
            }
            Ok(false) => Verdict::Refused,
            Err(error) => {
                self.lost(&error);
                self.admit_without_redis(key, now)
            }
        }
    }

    fn admit_without_redis(&self, key: Key, now: Timestamp) -> Verdict {
        match self.on_failure {
            OnRedisFailure::Local => self.admit_from_memory(key, now),
            OnRedisFailure::Closed => Verdict::Unknown,
            OnRedisFailure::Open => Verdict::Pass,
        }
    }

    fn admit_from_memory(&self, key: Key, now: Timestamp) -> Verdict {
        let limit = self.limits.of(key.category);
        if self.tally.take(key, SubWindow::at(now), limit) {
            Verdict::Pass
        } else {
            Verdict::Refused
        }
    }

    /// Resolves when a client comes so fast that the others should hear of it soon.
    pub async fn hurried(&self) {
        self.hurry.notified().await;
    }

    /// Tells the other gateways what was counted here and learns what they counted.
    pub async fn exchange(&self) {
        match self.exchange_all().await {
            Ok(()) => {
                if self.link.restored(SubWindow::at(self.clock.now())) {
                    warn!("Redis is back: limits are shared again");
                }
            }
            Err(error) => self.lost(&error),
        }
    }

    async fn exchange_all(&self) -> ::redis::RedisResult<()> {
        let now = SubWindow::at(self.clock.now());
        let mut asked = false;
        for shard in 0..SHARDS {
            let untold = self.tally.untold(shard);
            for (index, batch) in untold.chunks(CLIENTS_A_CALL).enumerate() {
                asked = true;
                match self.exchange.run(shard, now, batch).await {
                    Ok(others) => self.tally.settle(shard, batch, &others),
                    Err(error) => {
                        self.tally
                            .keep_waiting(shard, &untold[index * CLIENTS_A_CALL..]);
                        return Err(error);
                    }
                }
            }
        }
        if asked {
            Ok(())
        } else {
            self.redis.ping().await
        }
    }

    /// Forgets clients that asked for nothing in the last minute.
    pub fn sweep(&self) {
        self.tally.sweep(SubWindow::at(self.clock.now()));
    }

    fn lost(&self, error: &(dyn std::error::Error + 'static)) {
        if self.link.lost() {
            warn!(
                error = %chain(error),
                limits = ?self.on_failure,
                "Redis is lost: limits are no longer shared"
            );
        }
    }
}
