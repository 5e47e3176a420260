use proptest::prelude::*;
use serde_json::json;

use super::*;

const OPENS: i64 = 1_804_849_200;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(OPENS + seconds).expect("a time")
}

/// Opens at 0, closes after an hour; a lobby of 30 min, floors 15 min ahead, 15 min to cool.
fn spec() -> TicketingEventSpec {
    serde_json::from_value(json!({
        "eventId": "5c1a3b1e-6f0e-4f55-9d0c-2b8b1c7d9a10",
        "sale": {"opensAt": at(0), "closesAt": at(3600)}
    }))
    .expect("a spec")
}

fn demand(service: Service, floor: u32) -> Demand {
    Demand {
        service,
        floor,
        sum: None,
    }
}

fn demands() -> [Demand; 2] {
    [demand(Service::Gateway, 10), demand(Service::Ticket, 40)]
}

#[test]
fn the_phases_of_an_evening() {
    let timetable = Timetable::new(&spec(), &demands(), None);
    for (seconds, phase) in [
        (-100_000, Phase::Planned),
        (-2701, Phase::Planned),
        (-2700, Phase::Warming),
        (-1801, Phase::Warming),
        (-1800, Phase::Lobby),
        (-1, Phase::Lobby),
        (0, Phase::Open),
        (3599, Phase::Open),
        (3600, Phase::Closed),
        (4499, Phase::Closed),
        (4500, Phase::Cooling),
        // 40 falls six times: 20, 10, 5, 3, 2, 1.
        (4500 + 719, Phase::Cooling),
        (4500 + 720, Phase::Ended),
        (100_000_000, Phase::Ended),
    ] {
        assert_eq!(timetable.phase(at(seconds), false), phase, "at {seconds} s");
    }
    assert_eq!(timetable.phase(at(10), true), Phase::SoldOut);
    assert_eq!(timetable.phase(at(-10), true), Phase::Lobby);
    assert_eq!(timetable.phase(at(3600), true), Phase::Closed);
}

#[test]
fn a_phase_without_length_is_passed_over() {
    let mut spec = spec();
    spec.sale.lobby_seconds = 0;
    spec.capacity.prescale_seconds = 0;
    spec.capacity.cooldown_seconds = 0;
    let timetable = Timetable::new(&spec, &[], None);
    assert_eq!(timetable.phase(at(-1), false), Phase::Planned);
    assert_eq!(timetable.next(at(-1)), Some((Phase::Open, at(0))));
    assert_eq!(timetable.next(at(0)), Some((Phase::Ended, at(3600))));
    assert_eq!(timetable.next(at(3600)), None);
    assert_eq!(timetable.wakes_at(at(3600)), None);
}

#[test]
fn floors_come_before_they_are_needed_and_fall_by_half() {
    let timetable = Timetable::new(&spec(), &demands(), None);
    let [gateway, ticket] = demands();
    for (seconds, line, rest) in [
        (-2701, 0, 0),
        (-2700, 10, 0),
        (-901, 10, 0),
        (-900, 10, 40),
        (4499, 10, 40),
        (4500, 5, 20),
        (4619, 5, 20),
        (4620, 3, 10),
        (4740, 2, 5),
        (4860, 0, 3),
        (4980, 0, 2),
        (5100, 0, 0),
    ] {
        let floors = (
            timetable.floor_at(&gateway, at(seconds)),
            timetable.floor_at(&ticket, at(seconds)),
        );
        assert_eq!(floors, (line, rest), "at {seconds} s");
    }
}

#[test]
fn floors_fall_early_when_everything_is_sold_and_nobody_waits() {
    let timetable = Timetable::new(&spec(), &demands(), Some(at(600)));
    let [_, ticket] = demands();
    assert_eq!(timetable.floor_at(&ticket, at(1499)), 40);
    assert_eq!(timetable.floor_at(&ticket, at(1500)), 20);
    assert_eq!(timetable.phase(at(1500), true), Phase::SoldOut);
    // Nothing is left to cool when it closes.
    assert_eq!(timetable.phase(at(3600), true), Phase::Ended);
}

#[test]
fn the_ends_of_time_are_no_trap() {
    let mut spec = spec();
    spec.sale.opens_at = Timestamp::MIN;
    spec.sale.closes_at = Timestamp::MAX;
    let timetable = Timetable::new(&spec, &demands(), None);
    assert_eq!(timetable.phase(at(0), false), Phase::Open);
    assert_eq!(timetable.floor_at(&demands()[0], Timestamp::MAX), 5);
}

prop_compose! {
    fn any_sale()(
        lobby in 0_u32..86_400,
        prescale in 0_u32..86_400,
        cooldown in 0_u32..86_400,
        length in 1_i64..400_000,
        floor in 1_u32..1000,
        quiet in proptest::option::of(0_i64..500_000),
    ) -> (Timetable, Demand) {
        let mut spec = spec();
        spec.sale.lobby_seconds = lobby;
        spec.sale.closes_at = at(length);
        spec.capacity.prescale_seconds = prescale;
        spec.capacity.cooldown_seconds = cooldown;
        let demand = demand(Service::Ticket, floor);
        let timetable = Timetable::new(&spec, std::slice::from_ref(&demand), quiet.map(at));
        (timetable, demand)
    }
}

proptest! {
    /// Whoever sleeps until told has missed nothing in between: a restart or a late reconcile
    /// ends in the world of a punctual one.
    #[test]
    fn nothing_changes_between_two_wakes((timetable, demand) in any_sale(), start in -300_000_i64..600_000, early in 0.0_f64..1.0) {
        let now = at(start);
        let Some(wake) = timetable.wakes_at(now) else {
            for later in [start + 1, start + 1_000_000] {
                prop_assert_eq!(timetable.phase(at(later), false), timetable.phase(now, false));
                prop_assert_eq!(timetable.floor_at(&demand, at(later)), timetable.floor_at(&demand, now));
            }
            return Ok(());
        };
        prop_assert!(wake > now);
        let gap = wake.duration_since(now).as_secs_f64() * early;
        let between = now + SignedDuration::from_secs_f64(gap.floor());
        if between < wake {
            prop_assert_eq!(timetable.phase(between, false), timetable.phase(now, false));
            prop_assert_eq!(timetable.floor_at(&demand, between), timetable.floor_at(&demand, now));
        }
    }

    /// Time goes on, and so does the sale; a clock that is put back only repeats.
    #[test]
    fn phases_never_go_back((timetable, _) in any_sale(), one in -300_000_i64..600_000, other in -300_000_i64..600_000) {
        let (first, second) = (one.min(other), one.max(other));
        prop_assert!(timetable.phase(at(first), false) <= timetable.phase(at(second), false));
    }

    /// What is announced happens then and not before.
    #[test]
    fn the_next_phase_begins_when_announced((timetable, _) in any_sale(), start in -300_000_i64..600_000) {
        let now = at(start);
        if let Some((phase, begins)) = timetable.next(now) {
            prop_assert!(begins > now);
            prop_assert_eq!(timetable.phase(begins, false), phase);
            let just_before = begins - SignedDuration::from_nanos(1);
            prop_assert_eq!(timetable.phase(just_before, false), timetable.phase(now, false));
        }
    }

    /// A floor never falls by more than half at once, and never before its time is over.
    #[test]
    fn floors_fall_slowly((timetable, demand) in any_sale(), start in 0_i64..600_000) {
        let now = timetable.floor_from(demand.service) + SignedDuration::from_secs(start);
        let (before, after) = (timetable.floor_at(&demand, now), timetable.floor_at(&demand, now + STEP));
        prop_assert!(after >= before.div_ceil(2) || before <= 2, "{before} -> {after}");
        if now < timetable.release_from() {
            prop_assert_eq!(before, demand.floor);
        }
    }
}
