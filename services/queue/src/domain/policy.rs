//! The policy of events that nobody wrote one for. Which of two writes is the newer one is
//! in [`urr_contract::sale_policy`].

use urr_contract::{
    SalePolicy,
    internal::QueueInfo,
    sale_policy::{DEFAULT_OWNER, Fence},
};

/// What an event gets that nobody wrote a policy for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defaults {
    /// How long before its sale people may line up.
    pub lobby_seconds: u32,
    /// Most people inside.
    pub max_active: u32,
    /// People who enter in a second.
    pub admit_per_second: u32,
    /// Stay inside since the last sign of life.
    pub active_seconds: u32,
    /// Without a poll for so long, somebody is gone.
    pub absent_seconds: u32,
    /// Time to appear after being called.
    pub claim_seconds: u32,
    /// Longest stay.
    pub max_stay_seconds: u32,
}

impl Defaults {
    /// The policy of an event with that sale window.
    pub fn policy(&self, info: &QueueInfo) -> SalePolicy {
        SalePolicy {
            opens_at: info.sale_starts_at,
            closes_at: info.sale_ends_at,
            lobby_seconds: self.lobby_seconds,
            suspended: false,
            message: None,
            max_active: self.max_active,
            admit_per_second: self.admit_per_second,
            active_seconds: self.active_seconds,
            absent_seconds: self.absent_seconds,
            claim_seconds: self.claim_seconds,
            max_stay_seconds: self.max_stay_seconds,
            seat_seconds: 300,
            payment_seconds: 600,
            throttle: None,
            fence: Fence {
                owner: DEFAULT_OWNER.to_owned(),
                generation: 0,
                sequence: 0,
            },
        }
    }
}
