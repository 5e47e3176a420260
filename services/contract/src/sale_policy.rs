//! The policy of one event's sale: when it opens, how many people are inside, how fast
//! they enter, how long each step may take. The names are those of the `TicketingEvent`
//! resource; the wire's `threshold` is `maxActive`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Who may change a policy, and which of two writes is the newer one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Fence {
    /// Uid of the owning resource, `admin` for the admin API, `default` for a policy made from settings.
    pub owner: String,
    /// Generation of the owner's declaration.
    pub generation: i64,
    /// Counter within one generation.
    pub sequence: i64,
}

/// A temporary, lower rate that ends by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Throttle {
    /// People a second.
    pub admit_per_second: u32,
    /// After this the declared rate holds again.
    pub until: Timestamp,
}

/// The policy of one event's sale.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SalePolicy {
    /// Nobody enters before; `None` where the event has no start.
    pub opens_at: Option<Timestamp>,
    /// Nobody enters from then on; `None` where the event has no end.
    pub closes_at: Option<Timestamp>,
    /// How long before opening people may join the line.
    pub lobby_seconds: u32,
    /// Nobody enters while true; everybody keeps the place.
    pub suspended: bool,
    /// What those who wait are told.
    pub message: Option<String>,
    /// Most people inside at a time.
    pub max_active: u32,
    /// People who enter in a second.
    pub admit_per_second: u32,
    /// Stay inside since the last sign of life.
    pub active_seconds: u32,
    /// Without a poll for so long, a person is gone from the line.
    pub absent_seconds: u32,
    /// Time to appear after being called.
    pub claim_seconds: u32,
    /// Longest stay inside whatever happens.
    pub max_stay_seconds: u32,
    /// Life of an unpaid hold.
    pub seat_seconds: u32,
    /// Life of a hold from the moment payment begins.
    pub payment_seconds: u32,
    /// Lower rate for a while.
    pub throttle: Option<Throttle>,
    /// Which write this is.
    pub fence: Fence,
}

impl SalePolicy {
    /// People a second who may enter at `now`, the throttle considered.
    pub fn rate_at(&self, now: Timestamp) -> u32 {
        match &self.throttle {
            Some(throttle) if now < throttle.until => {
                throttle.admit_per_second.min(self.admit_per_second)
            }
            _ => self.admit_per_second,
        }
    }

    /// Whether people may enter at `now`.
    pub fn is_open(&self, now: Timestamp) -> bool {
        !self.suspended
            && self.opens_at.is_none_or(|opens_at| opens_at <= now)
            && self.closes_at.is_none_or(|closes_at| now < closes_at)
    }
}
