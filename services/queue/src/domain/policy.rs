//! The policy of events that nobody writes one for, or nobody any more. Which of two writes is
//! the newer one is in [`urr_contract::sale_policy`].

use urr_contract::{
    SalePolicy,
    internal::QueueInfo,
    sale_policy::{ADMIN_OWNER, DEFAULT_OWNER, Fence},
};

/// Generation of a policy made from settings.
const FROM_SETTINGS: i64 = 0;
/// Generation of a policy that an owner has left.
const LEFT: i64 = 1;

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
            fence: of_nobody(FROM_SETTINGS),
        }
    }

    /// The policy that should be stored in place of `stored`; `None` where that has an owner.
    pub fn unowned(&self, stored: Option<&SalePolicy>, info: &QueueInfo) -> Option<SalePolicy> {
        match stored {
            Some(stored) if stored.fence.owner != DEFAULT_OWNER => None,
            Some(stored) if stored.fence.generation == LEFT => Some(left(stored.clone(), info)),
            _ => Some(self.policy(info)),
        }
    }

    /// The policy by which an administrator stops the sale: what is stored, with nobody entering.
    pub fn suspended(
        &self,
        stored: Option<&SalePolicy>,
        info: &QueueInfo,
        message: Option<String>,
    ) -> SalePolicy {
        let before = stored.cloned().unwrap_or_else(|| self.policy(info));
        let is_again = before.fence.owner == ADMIN_OWNER;
        let fence = Fence {
            owner: ADMIN_OWNER.to_owned(),
            generation: if is_again {
                before.fence.generation.saturating_add(1)
            } else {
                1
            },
            sequence: 0,
        };
        SalePolicy {
            suspended: true,
            message,
            fence,
            ..before
        }
    }

    /// What is in force once an administrator lets the sale go on: the same limits. Where they
    /// are those of the settings, settings decide again.
    pub fn resumed(&self, stored: SalePolicy, info: &QueueInfo) -> SalePolicy {
        let going_on = SalePolicy {
            suspended: false,
            message: None,
            ..left(stored, info)
        };
        let settings = self.policy(info);
        let as_settings = SalePolicy {
            fence: settings.fence.clone(),
            ..going_on.clone()
        };
        if as_settings == settings {
            settings
        } else {
            going_on
        }
    }
}

/// What stays in force of a policy whose owner lets go: all of it, so that nobody in the line
/// notices when a resource is renamed or made anew during its sale. Only the window of the
/// sale follows the event from then on.
pub fn left(policy: SalePolicy, info: &QueueInfo) -> SalePolicy {
    SalePolicy {
        opens_at: info.sale_starts_at,
        closes_at: info.sale_ends_at,
        fence: of_nobody(LEFT),
        ..policy
    }
}

fn of_nobody(generation: i64) -> Fence {
    Fence {
        owner: DEFAULT_OWNER.to_owned(),
        generation,
        sequence: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFAULTS: Defaults = Defaults {
        lobby_seconds: 600,
        max_active: 1000,
        admit_per_second: 50,
        active_seconds: 300,
        absent_seconds: 600,
        claim_seconds: 60,
        max_stay_seconds: 900,
    };

    fn info(ends: &str) -> QueueInfo {
        serde_json::from_value(serde_json::json!({
            "title": "Aurora", "artist": null, "status": "on_sale",
            "saleStartsAt": "2027-03-12T11:00:00Z", "saleEndsAt": ends,
        }))
        .expect("what ticket tells")
    }

    fn of(owner: &str, info: &QueueInfo) -> SalePolicy {
        let mut policy = DEFAULTS.policy(info);
        policy.max_active = 7;
        policy.fence.owner = owner.to_owned();
        policy
    }

    #[test]
    fn settings_decide_where_nobody_did_and_follow_the_event() {
        let (first, later) = (info("2027-03-19T11:00:00Z"), info("2027-03-20T11:00:00Z"));
        let made = DEFAULTS.unowned(None, &first).expect("nobody owns it");
        assert_eq!(made.max_active, 1000);
        let renewed = DEFAULTS
            .unowned(Some(&made), &later)
            .expect("nobody owns it");
        assert_eq!(renewed.closes_at, later.sale_ends_at);
    }

    #[test]
    fn an_owner_decides_alone_and_leaves_limits_behind() {
        let (first, later) = (info("2027-03-19T11:00:00Z"), info("2027-03-20T11:00:00Z"));
        let owned = of("uid", &first);
        assert_eq!(DEFAULTS.unowned(Some(&owned), &later), None);
        let left_behind = left(owned, &first);
        let renewed = DEFAULTS.unowned(Some(&left_behind), &later);
        let renewed = renewed.expect("nobody owns it");
        assert_eq!(renewed.max_active, 7);
        assert_eq!(renewed.closes_at, later.sale_ends_at);
    }

    #[test]
    fn whoever_stops_a_sale_leaves_its_limits_as_they_are() {
        let info = info("2027-03-19T11:00:00Z");
        let limits = left(of("uid", &info), &info);
        let stopped = DEFAULTS.suspended(Some(&limits), &info, Some("Wait".to_owned()));
        assert_eq!((stopped.suspended, stopped.max_active), (true, 7));
        let again = DEFAULTS.suspended(Some(&stopped), &info, None);
        assert!(again.fence.generation > stopped.fence.generation);
        assert_eq!(DEFAULTS.resumed(again, &info), limits);
        let of_settings = DEFAULTS.suspended(None, &info, None);
        assert_eq!(
            DEFAULTS.resumed(of_settings, &info),
            DEFAULTS.policy(&info),
            "settings decide again"
        );
    }
}
