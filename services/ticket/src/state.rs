//! What handlers, facts and jobs share.

use std::{sync::Arc, time::Duration};

use sqlx::PgPool;
use urr_contract::EventId;
use urr_kit::{
    Clock, Runtime,
    client::InternalClient,
    internal::{HasInternalToken, InternalToken},
    redis::Redis,
    retention::Retention,
    tally::Tally,
};

use crate::{
    config::{Config, RetentionArgs},
    domain::{credential::Keyring, doors::DoorRules},
    images::Images,
    metrics::BookingMetrics,
    redis::seat_locks::SeatLocks,
    sale_figures::SaleFigures,
    seat_map::SeatMaps,
    spotify::SpotifyArgs,
};

/// What handlers, facts and jobs share.
#[derive(Clone, Debug)]
pub struct State {
    /// The database: the judge.
    pub pool: PgPool,
    /// The seat locks in Redis.
    pub locks: SeatLocks,
    /// Seat maps of the last second.
    pub seat_maps: SeatMaps,
    /// What was left of events within the last second.
    pub sale_figures: SaleFigures,
    /// The payment service.
    pub payment: InternalClient,
    /// The auth service, which knows people's names.
    pub auth: InternalClient,
    /// How long holds live where no policy says.
    pub terms: HoldTerms,
    /// The key that signs tickets, and those that are believed.
    pub keyring: Keyring,
    /// How the days of events are reckoned at the door.
    pub door_rules: DoorRules,
    /// Looks at the pages of events that are not written down yet.
    pub views: Arc<Tally<EventId>>,
    /// Where artists are looked up.
    pub spotify: SpotifyArgs,
    /// Uploaded pictures.
    pub images: Arc<Images>,
    /// Sweeps of what was kept long enough.
    pub retention: Retention,
    /// How long that is.
    pub kept: RetentionArgs,
    /// Counters.
    pub metrics: BookingMetrics,
    /// The service's time, for what is shown; the database's decides.
    pub clock: Clock,
    /// What other services must show.
    pub internal_token: InternalToken,
}

impl State {
    /// Connects the settings with the engines and the runtime.
    pub fn new(config: &Config, pool: PgPool, redis: Redis, runtime: &Runtime) -> Self {
        let internal_token = config.internal.token();
        Self {
            locks: SeatLocks::new(redis),
            seat_maps: SeatMaps::new(pool.clone()),
            sale_figures: SaleFigures::new(pool.clone()),
            payment: InternalClient::new(
                "payment",
                &config.payment_service_url,
                internal_token.clone(),
            ),
            auth: InternalClient::new("auth", &config.auth_service_url, internal_token.clone()),
            terms: config.terms(),
            keyring: config.door.keyring(),
            door_rules: config.door.rules(),
            views: Arc::default(),
            spotify: config.spotify.clone(),
            images: Arc::new(Images::new(config.images.clone())),
            retention: Retention::new(&runtime.metrics),
            kept: config.retention.clone(),
            metrics: BookingMetrics::new(&runtime.metrics),
            clock: runtime.clock.clone(),
            internal_token,
            pool,
        }
    }
}

impl HasInternalToken for State {
    fn internal_token(&self) -> &InternalToken {
        &self.internal_token
    }
}

/// Times of holds that an event's policy sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HoldSeconds {
    /// An unpaid hold.
    pub seat: i32,
    /// A hold from the moment payment begins.
    pub payment: i32,
}

/// How long holds and their locks live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HoldTerms {
    /// An unpaid hold.
    pub hold_seconds: i32,
    /// A hold from the moment payment begins.
    pub paying_seconds: i32,
    /// A seat lock while its hold is unpaid.
    pub lock_seconds: i32,
}

impl HoldTerms {
    /// The terms of an event whose policy has times of its own. Locks outlive their holds by
    /// as much as before.
    #[must_use]
    pub fn of_policy(self, times: Option<HoldSeconds>) -> Self {
        let Some(times) = times else { return self };
        let slack = self.lock_seconds.saturating_sub(self.hold_seconds);
        Self {
            hold_seconds: times.seat,
            paying_seconds: times.payment,
            lock_seconds: times.seat.saturating_add(slack),
        }
    }

    /// Life of a lock while its hold is unpaid.
    pub fn lock_life(self) -> Duration {
        seconds(self.lock_seconds)
    }

    /// Life of a lock while its hold is being paid: as much longer than the hold.
    pub fn paying_lock_life(self) -> Duration {
        let slack = self.lock_seconds.saturating_sub(self.hold_seconds);
        seconds(
            self.paying_seconds
                .max(self.hold_seconds)
                .saturating_add(slack),
        )
    }
}

fn seconds(seconds: i32) -> Duration {
    Duration::from_secs(u64::from(seconds.max(1).unsigned_abs()))
}
