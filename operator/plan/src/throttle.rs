//! Admission that follows readiness: with less ready than planned, people enter more slowly.
//!
//! A throttle ends by itself, so that a sale is never slow because nobody was there to make
//! it fast again.

use jiff::{SignedDuration, Timestamp};
use urr_contract::sale_policy::Throttle;
use urr_operator_api::conditions::whole_seconds;

/// How long a throttle lasts from the moment it is written.
pub const LASTS: SignedDuration = SignedDuration::from_secs(120);
/// With so much left, it is written again.
pub const RENEW_BEFORE: SignedDuration = SignedDuration::from_secs(60);
/// Least time between two steps up. Steps down are taken at once.
pub const STEP_UP_AFTER: SignedDuration = SignedDuration::from_secs(5);

/// People a second who may enter with `ready` of `floor` replicas of each service: the
/// declared rate times the share of the slowest.
pub fn rate(declared: u32, services: impl IntoIterator<Item = (u32, u32)>) -> u32 {
    let shares = services
        .into_iter()
        .filter(|(_, floor)| *floor > 0)
        .map(|(ready, floor)| u64::from(declared) * u64::from(ready.min(floor)) / u64::from(floor));
    let least = shares.min().unwrap_or_else(|| declared.into());
    u32::try_from(least)
        .unwrap_or(declared)
        .max(1)
        .min(declared)
}

/// The throttle that should be in force at `now`, given the one that is.
pub fn throttle(
    declared: u32,
    rate: u32,
    current: Option<&Throttle>,
    now: Timestamp,
) -> Option<Throttle> {
    let current = current.filter(|current| current.until > now);
    let Some(current) = current else {
        return (rate < declared).then(|| fresh(rate, now));
    };
    let goes_up = rate > current.admit_per_second;
    if goes_up && now < may_go_up_at(current) {
        return Some(current.clone());
    }
    if rate >= declared {
        return None;
    }
    let is_fresh = current.until.duration_since(now) > RENEW_BEFORE;
    if rate == current.admit_per_second && is_fresh {
        return Some(current.clone());
    }
    Some(fresh(rate, now))
}

/// When the throttle must be looked at again, readiness unchanged.
pub fn wakes_at(current: &Throttle) -> Timestamp {
    current.until - RENEW_BEFORE
}

/// When the next step up may be taken.
pub fn may_go_up_at(current: &Throttle) -> Timestamp {
    current.until - LASTS + STEP_UP_AFTER
}

fn fresh(rate: u32, now: Timestamp) -> Throttle {
    Throttle {
        admit_per_second: rate,
        // A store may keep fewer digits; what is read back must be what was written.
        until: whole_seconds(now) + LASTS,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_804_849_200 + seconds).expect("a time")
    }

    #[test]
    fn the_slowest_service_sets_the_pace() {
        assert_eq!(rate(100, []), 100);
        assert_eq!(rate(100, [(10, 10), (34, 40)]), 85);
        assert_eq!(rate(100, [(50, 10)]), 100, "more than enough is enough");
        assert_eq!(rate(100, [(0, 10)]), 1, "never quite shut");
        assert_eq!(rate(100, [(0, 0)]), 100, "no floor, no say");
    }

    #[test]
    fn down_at_once_and_up_by_steps() {
        let first = throttle(100, 85, None, at(0)).expect("less is ready");
        assert_eq!((first.admit_per_second, first.until), (85, at(120)));
        let down = throttle(100, 50, Some(&first), at(1)).expect("less is ready");
        assert_eq!((down.admit_per_second, down.until), (50, at(121)));
        let too_soon = throttle(100, 90, Some(&down), at(5)).expect("less is ready");
        assert_eq!(too_soon, down);
        let up = throttle(100, 90, Some(&down), at(6)).expect("less is ready");
        assert_eq!((up.admit_per_second, up.until), (90, at(126)));
        assert_eq!(throttle(100, 100, Some(&up), at(11)), None);
    }

    #[test]
    fn it_is_renewed_while_it_is_needed_and_not_more_often() {
        let first = throttle(100, 85, None, at(0)).expect("less is ready");
        assert_eq!(throttle(100, 85, Some(&first), at(59)), Some(first.clone()));
        assert_eq!(wakes_at(&first), at(60));
        let renewed = throttle(100, 85, Some(&first), at(60)).expect("less is ready");
        assert_eq!(renewed.until, at(180));
        // Nobody renewed it, so it is over; then it begins anew.
        let anew = throttle(100, 85, Some(&first), at(500)).expect("less is ready");
        assert_eq!(anew.until, at(620));
    }

    proptest! {
        #[test]
        fn a_throttle_is_never_above_the_declared_rate(
            declared in 1_u32..100_000, ready in 0_u32..2000, floor in 0_u32..1000,
            before in proptest::option::of((1_u32..100_000, -200_i64..200)),
        ) {
            let rate = rate(declared, [(ready, floor)]);
            prop_assert!((1..=declared).contains(&rate));
            let before = before.map(|(rate, until)| Throttle {
                admit_per_second: rate.min(declared),
                until: at(until),
            });
            if let Some(throttle) = throttle(declared, rate, before.as_ref(), at(0)) {
                prop_assert!(throttle.admit_per_second <= declared);
                prop_assert!(throttle.until > at(0));
            }
        }
    }
}
