//! The policy of one event's sale: when it opens, how many people are inside, how fast
//! they enter, how long each step may take. The names are those of the `TicketingEvent`
//! resource; the wire's `threshold` is `maxActive`.

use std::cmp::Ordering;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Owner of policies that were made from settings.
pub const DEFAULT_OWNER: &str = "default";
/// Owner of policies written by the admin API.
pub const ADMIN_OWNER: &str = "admin";

/// Most people inside a sale.
pub const MAX_ACTIVE: u32 = 1_000_000;
/// Most people who enter in a second.
pub const MAX_PER_SECOND: u32 = 100_000;
/// Longest of the times of a policy, in seconds: a day.
pub const MAX_SECONDS: u32 = 86_400;
/// Longest message, in characters.
pub const MAX_MESSAGE_CHARS: usize = 500;
/// Longest owner, in characters.
const MAX_OWNER_CHARS: usize = 100;

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
    /// How long before opening people may join the line. Before that nobody gets a number:
    /// whoever asks is told when the lobby opens.
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
    /// When people may begin to line up; `None` where the sale has no start.
    pub fn lobby_opens_at(&self) -> Option<Timestamp> {
        let before = SignedDuration::from_secs(self.lobby_seconds.into());
        let opens_at = self.opens_at?;
        Some(opens_at.checked_sub(before).unwrap_or(opens_at))
    }

    /// Refuses what no sale can be run by; says which field and why.
    pub fn check(&self) -> Result<(), PolicyError> {
        let problem = |field, problem| Err(PolicyError { field, problem });
        if matches!((self.opens_at, self.closes_at), (Some(opens), Some(closes)) if closes <= opens)
        {
            return problem("closesAt", "must be later than opensAt".to_owned());
        }
        let message = self.message.as_deref().unwrap_or_default();
        if message.chars().count() > MAX_MESSAGE_CHARS || message.contains('\0') {
            let most = format!("must be at most {MAX_MESSAGE_CHARS} characters of text");
            return problem("message", most);
        }
        let owner = &self.fence.owner;
        if owner.trim().is_empty()
            || owner.chars().count() > MAX_OWNER_CHARS
            || owner.contains('\0')
        {
            let most = format!("must be 1 to {MAX_OWNER_CHARS} characters of text");
            return problem("fence.owner", most);
        }
        if owner == DEFAULT_OWNER {
            return problem(
                "fence.owner",
                "is kept for policies made from settings".to_owned(),
            );
        }
        if self.fence.generation < 0 || self.fence.sequence < 0 {
            return problem("fence", "must not be negative".to_owned());
        }
        let slower = self
            .throttle
            .as_ref()
            .map(|throttle| throttle.admit_per_second);
        for (field, value, least, most) in [
            ("lobbySeconds", self.lobby_seconds, 0, MAX_SECONDS),
            ("maxActive", self.max_active, 1, MAX_ACTIVE),
            ("admitPerSecond", self.admit_per_second, 1, MAX_PER_SECOND),
            ("activeSeconds", self.active_seconds, 1, MAX_SECONDS),
            ("absentSeconds", self.absent_seconds, 1, MAX_SECONDS),
            ("claimSeconds", self.claim_seconds, 1, MAX_SECONDS),
            ("maxStaySeconds", self.max_stay_seconds, 1, MAX_SECONDS),
            ("seatSeconds", self.seat_seconds, 1, MAX_SECONDS),
            ("paymentSeconds", self.payment_seconds, 1, MAX_SECONDS),
            (
                "throttle.admitPerSecond",
                slower.unwrap_or(1),
                1,
                MAX_PER_SECOND,
            ),
        ] {
            if !(least..=most).contains(&value) {
                return problem(field, format!("must be between {least} and {most}"));
            }
        }
        Ok(())
    }
}

/// A field of a policy that cannot be accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct PolicyError {
    /// The field, as the writer names it.
    pub field: &'static str,
    /// What is wrong with it.
    pub problem: String,
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
    /// What a resource declares is changed in the resource, never by the admin API.
    #[error("the policy belongs to a resource: change it there")]
    Declared,
    /// The sale has begun, so its opening cannot be moved.
    #[error("the sale has already opened")]
    AlreadyOpen,
}

impl Refusal {
    /// The word in the answer, for programs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Older => "POLICY_OLDER",
            Self::OtherOwner | Self::Declared => "POLICY_OWNED",
            Self::AlreadyOpen => "SALE_ALREADY_OPEN",
        }
    }
}

/// Whether `incoming` changes anything, or why it may not. `if_match` says that the writer
/// showed the `ETag` of what is stored.
pub fn accepts(
    stored: Option<&SalePolicy>,
    incoming: &SalePolicy,
    if_match: bool,
    now: Timestamp,
) -> Result<bool, Refusal> {
    let Some(stored) = stored.filter(|stored| stored.fence.owner != DEFAULT_OWNER) else {
        return Ok(true);
    };
    if stored.fence.owner == incoming.fence.owner {
        let key = |fence: &Fence| (fence.generation, fence.sequence);
        match key(&incoming.fence).cmp(&key(&stored.fence)) {
            Ordering::Less => return Err(Refusal::Older),
            Ordering::Equal => return Ok(false),
            Ordering::Greater => {}
        }
    } else if incoming.fence.owner == ADMIN_OWNER {
        return Err(Refusal::Declared);
    } else if !if_match {
        return Err(Refusal::OtherOwner);
    }
    let has_opened = stored.opens_at.is_some_and(|at| at <= now);
    if has_opened && stored.opens_at != incoming.opens_at {
        return Err(Refusal::AlreadyOpen);
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    fn policy(owner: &str, generation: i64, sequence: i64) -> SalePolicy {
        SalePolicy {
            opens_at: Some(at(100)),
            closes_at: Some(at(1000)),
            lobby_seconds: 60,
            suspended: false,
            message: None,
            max_active: 10,
            admit_per_second: 10,
            active_seconds: 600,
            absent_seconds: 600,
            claim_seconds: 60,
            max_stay_seconds: 1800,
            seat_seconds: 300,
            payment_seconds: 600,
            throttle: None,
            fence: Fence {
                owner: owner.to_owned(),
                generation,
                sequence,
            },
        }
    }

    #[test]
    fn the_same_owner_never_goes_back() {
        let stored = policy("op", 2, 5);
        let write = |generation, sequence| {
            let incoming = policy("op", generation, sequence);
            accepts(Some(&stored), &incoming, false, at(0))
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
        let write = |if_match| accepts(Some(&stored), &incoming, if_match, at(0));
        assert_eq!(write(false), Err(Refusal::OtherOwner));
        assert_eq!(write(true), Ok(true));
        let settings = policy(DEFAULT_OWNER, 0, 0);
        assert_eq!(accepts(Some(&settings), &incoming, false, at(0)), Ok(true));
        assert_eq!(accepts(None, &incoming, false, at(0)), Ok(true));
    }

    #[test]
    fn the_admin_api_never_replaces_what_a_resource_declares() {
        let (admin, resource) = (policy(ADMIN_OWNER, 9, 9), policy("op", 1, 1));
        for if_match in [false, true] {
            assert_eq!(
                accepts(Some(&resource), &admin, if_match, at(0)),
                Err(Refusal::Declared)
            );
        }
        assert_eq!(accepts(Some(&admin), &resource, true, at(0)), Ok(true));
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

    #[test]
    fn what_no_sale_can_be_run_by_is_refused_by_name() {
        assert_eq!(policy("op", 1, 1).check(), Ok(()));
        let throttle = Throttle {
            admit_per_second: 0,
            until: at(1),
        };
        let good = || policy("op", 1, 1);
        let fence = |owner: &str, sequence| Fence {
            sequence,
            ..policy(owner, 1, 1).fence
        };
        for (field, broken) in [
            (
                "closesAt",
                SalePolicy {
                    closes_at: at(100).into(),
                    ..good()
                },
            ),
            (
                "message",
                SalePolicy {
                    message: Some("가".repeat(501)),
                    ..good()
                },
            ),
            (
                "message",
                SalePolicy {
                    message: Some("a\0b".to_owned()),
                    ..good()
                },
            ),
            (
                "fence.owner",
                SalePolicy {
                    fence: fence(" ", 1),
                    ..good()
                },
            ),
            (
                "fence.owner",
                SalePolicy {
                    fence: fence(DEFAULT_OWNER, 1),
                    ..good()
                },
            ),
            (
                "fence",
                SalePolicy {
                    fence: fence("op", -1),
                    ..good()
                },
            ),
            (
                "maxActive",
                SalePolicy {
                    max_active: 0,
                    ..good()
                },
            ),
            (
                "seatSeconds",
                SalePolicy {
                    seat_seconds: 86_401,
                    ..good()
                },
            ),
            (
                "throttle.admitPerSecond",
                SalePolicy {
                    throttle: Some(throttle),
                    ..good()
                },
            ),
        ] {
            assert_eq!(broken.check().map_err(|error| error.field), Err(field));
        }
    }
}
