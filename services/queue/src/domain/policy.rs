//! Where the policy of an event comes from, and which of two writes is the newer one.

use urr_contract::{SalePolicy, internal::QueueInfo, sale_policy::Fence};

/// Owner of policies that were made from settings.
pub const DEFAULT_OWNER: &str = "default";
/// Owner of policies written by the admin API.
pub const ADMIN_OWNER: &str = "admin";

/// What an event gets that nobody wrote a policy for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defaults {
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
            lobby_seconds: 0,
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

/// Why a write is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The same owner has written something newer.
    #[error("a newer policy of the same owner is stored")]
    Older,
    /// Another owner's policy needs `If-Match` with its `ETag`.
    #[error("the policy belongs to another owner")]
    OtherOwner,
    /// The sale has begun, so its opening cannot be moved.
    #[error("the sale has already opened")]
    AlreadyOpen,
}

/// Whether `incoming` changes anything, or why it may not. `if_match` says that the caller
/// showed the `ETag` of what is stored.
pub fn accepts(
    stored: Option<&SalePolicy>,
    incoming: &SalePolicy,
    if_match: bool,
    now: jiff::Timestamp,
) -> Result<bool, Refusal> {
    let Some(stored) = stored else {
        return Ok(true);
    };
    let made_from_settings = stored.fence.owner == DEFAULT_OWNER;
    if !made_from_settings && stored.fence.owner == incoming.fence.owner {
        let key = |fence: &Fence| (fence.generation, fence.sequence);
        match key(&incoming.fence).cmp(&key(&stored.fence)) {
            std::cmp::Ordering::Less => return Err(Refusal::Older),
            std::cmp::Ordering::Equal => return Ok(false),
            std::cmp::Ordering::Greater => {}
        }
    } else if !made_from_settings && !if_match {
        return Err(Refusal::OtherOwner);
    }
    let has_opened = !made_from_settings && stored.opens_at.is_some_and(|at| at <= now);
    if has_opened && stored.opens_at != incoming.opens_at {
        return Err(Refusal::AlreadyOpen);
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn policy(owner: &str, generation: i64, sequence: i64) -> SalePolicy {
        let defaults = Defaults {
            max_active: 10,
            admit_per_second: 10,
            active_seconds: 600,
            absent_seconds: 600,
            claim_seconds: 60,
            max_stay_seconds: 1800,
        };
        let info = QueueInfo {
            title: "Show".to_owned(),
            artist: None,
            status: "on_sale".to_owned(),
            sale_starts_at: Timestamp::from_second(100).ok(),
            sale_ends_at: None,
        };
        let fence = Fence {
            owner: owner.to_owned(),
            generation,
            sequence,
        };
        SalePolicy {
            fence,
            ..defaults.policy(&info)
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    #[test]
    fn the_same_owner_never_goes_back() {
        let stored = policy("op", 2, 5);
        let write = |generation, sequence| {
            accepts(
                Some(&stored),
                &policy("op", generation, sequence),
                false,
                at(0),
            )
        };
        assert_eq!(write(2, 4), Err(Refusal::Older));
        assert_eq!(write(1, 9), Err(Refusal::Older));
        assert_eq!(write(2, 5), Ok(false));
        assert_eq!(write(2, 6), Ok(true));
        assert_eq!(write(3, 0), Ok(true));
    }

    #[test]
    fn another_owner_must_have_seen_what_it_replaces() {
        let (stored, incoming) = (policy("op", 2, 5), policy("other", 1, 0));
        assert_eq!(
            accepts(Some(&stored), &incoming, false, at(0)),
            Err(Refusal::OtherOwner)
        );
        assert_eq!(accepts(Some(&stored), &incoming, true, at(0)), Ok(true));
        assert_eq!(
            accepts(Some(&policy(DEFAULT_OWNER, 0, 0)), &incoming, false, at(0)),
            Ok(true)
        );
        assert_eq!(accepts(None, &incoming, false, at(0)), Ok(true));
    }

    #[test]
    fn an_opening_that_has_happened_is_not_moved() {
        let stored = policy("op", 1, 1);
        let moved = SalePolicy {
            opens_at: Some(at(500)),
            ..policy("op", 1, 2)
        };
        assert_eq!(accepts(Some(&stored), &moved, false, at(99)), Ok(true));
        assert_eq!(
            accepts(Some(&stored), &moved, false, at(100)),
            Err(Refusal::AlreadyOpen)
        );
        assert_eq!(
            accepts(Some(&stored), &policy("op", 1, 2), false, at(100)),
            Ok(true)
        );
    }
}
