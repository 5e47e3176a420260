//! Each script by itself, where no other test shows its corners.

use std::{collections::HashMap, time::Duration};

use urr_contract::{AdmissionId, EventId, UserId};
use urr_queue::{
    domain::{
        person::Person,
        rules::{Rules, Sale},
        snapshot::{Slot, Snapshot},
        waiting::Waiting,
    },
    redis::{JoinRequest, Joined, Layout, LineKeys, Lost, Rooms, ShownReceipt, StayOf},
};

use crate::admission::a_join;

/// Rules of a line that is open to ten people at a time.
pub(crate) fn rules() -> Rules {
    Rules {
        max_active: 10,
        per_second: 1_000,
        throttle: None,
        active_seconds: 600,
        claim_seconds: 60,
        max_stay_seconds: 1800,
        absent_seconds: 600,
        lobby_at: 0,
        opens_at: 0,
        closes_at: 0,
        suspended: false,
        message: None,
        sale: Sale::Open,
        token_ttl_seconds: 600,
    }
}

/// A line that has never been written down.
pub(crate) fn layout<'a>() -> Layout<'a> {
    Layout {
        epoch: 1,
        numbers_after: 0,
        reserved_to: 100,
        serving: 0,
        admitted: 0,
        hold: Duration::ZERO,
        replaces: None,
        known_as_of: (0, 0),
        inside: &[],
    }
}

fn somebody() -> Person {
    Person::account(UserId::random())
}

async fn laid_out(keys: &LineKeys<'_>) {
    keys.put_rules(1, &rules()).await.unwrap();
    assert!(keys.load(&layout()).await.unwrap());
}

#[tokio::test]
async fn load_lays_a_line_out_once() {
    let redis = urr_testkit::redis().await;
    let rooms = Rooms::new(redis.client.clone(), 1_000);
    let keys = rooms.line(EventId::random());
    assert_eq!(keys.snapshot().await.unwrap(), None);
    laid_out(&keys).await;
    let again = Layout {
        epoch: 2,
        numbers_after: 50,
        ..layout()
    };
    assert!(!keys.load(&again).await.unwrap());
    assert_eq!(keys.snapshot().await.unwrap().unwrap().last_number, 0);
    let replacing = Layout {
        replaces: Some(1),
        ..again
    };
    assert!(keys.load(&replacing).await.unwrap());
    let line = keys.snapshot().await.unwrap().unwrap();
    assert_eq!((line.epoch, line.last_number), (2, 50));
}

#[tokio::test]
async fn load_gives_those_inside_their_slots_and_join_finds_the_rest_missing() {
    let redis = urr_testkit::redis().await;
    let rooms = Rooms::new(redis.client.clone(), 1_000);
    let keys = rooms.line(EventId::random());
    assert_eq!(
        keys.join(&a_join(somebody())).await.unwrap(),
        Joined::Lost(Lost::Unloaded)
    );
    keys.put_rules(1, &rules()).await.unwrap();
    let now: (i64, i64) = redis::cmd("TIME")
        .query_async(&mut redis.client.connection())
        .await
        .unwrap();
    let redis_ms = now.0 * 1000;
    let inside = [true, false].map(|appeared| StayOf {
        number: 3 + u64::from(appeared),
        admission: AdmissionId::random(),
        appeared,
        since_ms: redis_ms,
        person: Some(UserId::random()),
    });
    keys.load(&Layout {
        inside: &inside,
        ..layout()
    })
    .await
    .unwrap();
    let line = keys.snapshot().await.unwrap().unwrap();
    for stay in inside {
        let slot = line.slots[&stay.number];
        assert_eq!(
            (slot.admission, slot.appeared),
            (stay.admission, stay.appeared)
        );
        let left = (slot.ends_ms - line.taken_ms) / 1000;
        assert!((left - if stay.appeared { 600 } else { 60 }).abs() <= 1);
    }
}

#[tokio::test]
async fn join_stops_at_the_last_reserved_number_and_goes_on_after_reserve() {
    let redis = urr_testkit::redis().await;
    let rooms = Rooms::new(redis.client.clone(), 1_000);
    let keys = rooms.line(EventId::random());
    keys.put_rules(1, &rules()).await.unwrap();
    keys.load(&Layout {
        reserved_to: 1,
        ..layout()
    })
    .await
    .unwrap();
    assert!(matches!(
        keys.join(&a_join(somebody())).await.unwrap(),
        Joined::Inside(_, true)
    ));
    let late = a_join(somebody());
    assert_eq!(keys.join(&late).await.unwrap(), Joined::Exhausted(1));
    assert!(
        !keys.reserve(9, 50).await.unwrap(),
        "another incarnation's numbers"
    );
    assert!(keys.reserve(1, 50).await.unwrap());
    assert!(keys.reserve(1, 20).await.unwrap());
    assert_eq!(
        keys.snapshot().await.unwrap().unwrap().reserved_to,
        50,
        "never taken back"
    );
    assert!(
        matches!(keys.join(&late).await.unwrap(), Joined::Inside(inside, true) if inside.number == 2)
    );
}

#[tokio::test]
async fn join_notices_that_redis_knows_less_than_before() {
    let redis = urr_testkit::redis().await;
    let rooms = Rooms::new(redis.client.clone(), 1_000);
    let keys = rooms.line(EventId::random());
    laid_out(&keys).await;
    for seen in [(1, 5), (2, 0)] {
        let request = JoinRequest {
            seen,
            ..a_join(somebody())
        };
        assert_eq!(
            keys.join(&request).await.unwrap(),
            Joined::Lost(Lost::Behind(1))
        );
    }
}

#[tokio::test]
async fn without_a_policy_people_get_numbers_and_nobody_enters() {
    let redis = urr_testkit::redis().await;
    let rooms = Rooms::new(redis.client.clone(), 1_000);
    let keys = rooms.line(EventId::random());
    keys.load(&layout()).await.unwrap();
    assert!(matches!(
        keys.join(&a_join(somebody())).await.unwrap(),
        Joined::Waiting { number: 1, .. }
    ));
    assert_eq!(keys.admit("worker").await.unwrap().status, "no policy");
}

#[tokio::test]
async fn an_older_policy_never_replaces_a_newer_one() {
    let redis = urr_testkit::redis().await;
    let rooms = Rooms::new(redis.client.clone(), 1_000);
    let keys = rooms.line(EventId::random());
    laid_out(&keys).await;
    let newer = Rules {
        max_active: 77,
        message: Some("newer".to_owned()),
        ..rules()
    };
    assert!(keys.put_rules(3, &newer).await.unwrap());
    assert!(!keys.put_rules(2, &rules()).await.unwrap());
    assert_eq!(keys.snapshot().await.unwrap().unwrap().rules, Some(newer));
}

fn receipt(number: u64, epoch: u32) -> ShownReceipt {
    ShownReceipt {
        number,
        epoch,
        is_own: true,
    }
}

#[tokio::test]
async fn a_receipt_of_a_lost_incarnation_is_honoured_once() {
    let redis = urr_testkit::redis().await;
    let rooms = Rooms::new(redis.client.clone(), 1_000);
    let keys = rooms.line(EventId::random());
    keys.put_rules(1, &rules()).await.unwrap();
    keys.load(&Layout {
        epoch: 2,
        numbers_after: 50,
        ..layout()
    })
    .await
    .unwrap();
    let owner = somebody();
    let request = JoinRequest {
        receipt: Some(receipt(40, 1)),
        may_join: false,
        ..a_join(owner)
    };
    assert!(matches!(
        keys.join(&request).await.unwrap(),
        Joined::Waiting {
            number: 40,
            epoch: 2,
            new: false
        }
    ));
    assert_eq!(keys.leave(owner, None).await.unwrap(), Some(true));
    assert_eq!(keys.join(&request).await.unwrap(), Joined::Nowhere);
    // Numbers that no earlier incarnation gave out are nobody's.
    for (number, epoch) in [(60, 1), (40, 3), (60, 2)] {
        let request = JoinRequest {
            receipt: Some(receipt(number, epoch)),
            ..request
        };
        assert_eq!(
            keys.join(&request).await.unwrap(),
            Joined::Nowhere,
            "{number} {epoch}"
        );
    }
}

#[tokio::test]
async fn what_replicas_give_back_is_taken_during_the_hold_only() {
    let redis = urr_testkit::redis().await;
    let rooms = Rooms::new(redis.client.clone(), 1_000);
    let known = |taken_ms: i64| Snapshot {
        taken_ms,
        epoch: 1,
        is_of_older_run: false,
        last_number: 9,
        reserved_to: 50,
        serving: 1,
        admitted: 0,
        resumes_ms: 0,
        backlog_since_ms: 0,
        waiting: Waiting::new(0, vec![0b0010_0001, 0b0100_0000]),
        slots: [(
            2,
            Slot {
                admission: AdmissionId::random(),
                since_ms: taken_ms,
                appeared: true,
                ends_ms: taken_ms + 60_000,
                person: None,
            },
        )]
        .into(),
        pace: Vec::new(),
        rules: None,
    };
    for (hold, taken) in [(Duration::from_mins(1), true), (Duration::ZERO, false)] {
        let keys = rooms.line(EventId::random());
        keys.put_rules(1, &rules()).await.unwrap();
        keys.load(&Layout {
            epoch: 2,
            numbers_after: 50,
            hold,
            ..layout()
        })
        .await
        .unwrap();
        let now = keys.snapshot().await.unwrap().unwrap().taken_ms;
        let given = keys.give_back(&known(now), &HashMap::new()).await.unwrap();
        assert_eq!(given, taken);
        let line = keys.snapshot().await.unwrap().unwrap();
        let waiting: Vec<u64> = (0..60)
            .filter(|number| line.waiting.contains(*number))
            .collect();
        assert_eq!(
            waiting,
            if taken { vec![7, 9] } else { vec![] },
            "2 is inside"
        );
        assert_eq!(line.slots.contains_key(&2), taken);
        // What nobody gave back of those numbers had ended; later ones may still be shown.
        let shown = |number| JoinRequest {
            receipt: Some(receipt(number, 1)),
            may_join: false,
            ..a_join(somebody())
        };
        let ended = keys.join(&shown(5)).await.unwrap();
        assert_eq!(ended == Joined::Nowhere, taken);
        assert!(matches!(
            keys.join(&shown(20)).await.unwrap(),
            Joined::Waiting { number: 20, .. }
        ));
    }
}

#[tokio::test]
async fn signs_of_life_for_a_line_that_is_not_there_are_dropped() {
    let redis = urr_testkit::redis().await;
    let rooms = Rooms::new(redis.client.clone(), 1_000);
    let keys = rooms.line(EventId::random());
    keys.presence(&[(1, Duration::from_mins(1))], &[(2, UserId::random())])
        .await
        .unwrap();
    assert_eq!(keys.sweep().await.unwrap(), 0);
    assert_eq!(keys.leave(somebody(), None).await.unwrap(), None);
    keys.clear().await.unwrap();
    assert_eq!(keys.snapshot().await.unwrap(), None);
}

#[tokio::test]
async fn the_measured_rate_counts_admissions_of_the_last_minute() {
    let redis = urr_testkit::redis().await;
    let rooms = Rooms::new(redis.client.clone(), 1_000);
    let keys = rooms.line(EventId::random());
    laid_out(&keys).await;
    for _ in 0..10 {
        keys.join(&a_join(somebody())).await.unwrap();
    }
    let line = keys.snapshot().await.unwrap().unwrap();
    assert_eq!(line.pace.iter().map(|(_, people)| people).sum::<u64>(), 10);
}

fn stay(number: u64, since_ms: i64, person: Option<UserId>) -> StayOf {
    StayOf {
        number,
        admission: AdmissionId::random(),
        appeared: true,
        since_ms,
        person,
    }
}

/// An empty line of the first incarnation, in which these are inside.
fn known_inside(taken_ms: i64, stays: &[StayOf]) -> Snapshot {
    let slots = stays.iter().map(|stay| {
        let slot = Slot {
            admission: stay.admission,
            since_ms: stay.since_ms,
            appeared: stay.appeared,
            ends_ms: i64::MAX / 1_000_000,
            person: stay.person,
        };
        (stay.number, slot)
    });
    Snapshot {
        taken_ms,
        epoch: 1,
        is_of_older_run: false,
        last_number: 9,
        reserved_to: 50,
        serving: 9,
        admitted: 0,
        resumes_ms: 0,
        backlog_since_ms: 0,
        waiting: Waiting::default(),
        slots: slots.collect(),
        pace: Vec::new(),
        rules: None,
    }
}

async fn inside_of(keys: &LineKeys<'_>) -> Vec<u64> {
    let line = keys.snapshot().await.unwrap().unwrap();
    let mut numbers: Vec<u64> = line.slots.into_keys().collect();
    numbers.sort_unstable();
    numbers
}

/// Those of whom Postgres knew at 1000 ms, in the hold after a loss.
async fn after_a_loss(keys: &LineKeys<'_>, inside: &[StayOf]) {
    keys.put_rules(1, &rules()).await.unwrap();
    let layout = Layout {
        epoch: 2,
        numbers_after: 50,
        hold: Duration::from_mins(1),
        known_as_of: (1, 1_000),
        inside,
        ..layout()
    };
    assert!(keys.load(&layout).await.unwrap());
}

#[tokio::test]
async fn somebody_unknown_has_the_time_to_appear_only_and_keeps_the_slot_by_appearing() {
    let redis = urr_testkit::redis().await;
    let rooms = Rooms::new(redis.client.clone(), 1_000);
    let keys = rooms.line(EventId::random());
    after_a_loss(&keys, &[stay(3, 900, None)]).await;
    let left = async || {
        let line = keys.snapshot().await.unwrap().unwrap();
        (line.slots[&3].ends_ms - line.taken_ms + 500) / 1000
    };
    assert_eq!(left().await, 60);
    let owner = UserId::random();
    let _: () = redis::cmd("FLUSHALL")
        .query_async(&mut redis.client.connection())
        .await
        .unwrap();
    let now: (i64, i64) = redis::cmd("TIME")
        .query_async(&mut redis.client.connection())
        .await
        .unwrap();
    after_a_loss(&keys, &[stay(3, now.0 * 1000, None)]).await;
    keys.presence(&[], &[(3, owner)]).await.unwrap();
    assert!((599..=600).contains(&left().await));
    let line = keys.snapshot().await.unwrap().unwrap();
    assert_eq!(line.slots[&3].person, Some(owner));
}

#[tokio::test]
async fn nobody_is_inside_twice_whatever_is_given_back() {
    let redis = urr_testkit::redis().await;
    let rooms = Rooms::new(redis.client.clone(), 1_000);
    let [one, other] = [(); 2].map(|()| Some(UserId::random()));
    let none = HashMap::new();
    // They left, and entered again under another number.
    let (first, again, same) = (stay(3, 900, one), stay(7, 1_100, one), stay(5, 800, other));
    for order in [[1_200, 1_000], [1_000, 1_200]] {
        let keys = rooms.line(EventId::random());
        after_a_loss(&keys, &[first, same]).await;
        for taken in order {
            let inside = [if taken == 1_000 { first } else { again }, same];
            assert!(
                keys.give_back(&known_inside(taken, &inside), &none)
                    .await
                    .unwrap()
            );
        }
        assert_eq!(inside_of(&keys).await, [5, 7]);
        // The index knows them again.
        let person = Person::account(one.unwrap());
        assert_eq!(keys.end_slot(person, None).await.unwrap(), Some(true));
        assert_eq!(inside_of(&keys).await, [5]);
        // And what has ended does not come back.
        let given = known_inside(1_300, &[again, same]);
        assert!(keys.give_back(&given, &none).await.unwrap());
        assert_eq!(inside_of(&keys).await, [5]);
    }
}

/// As long as a line is still being given back, a snapshot of it says of nobody that they
/// have left.
#[tokio::test]
async fn half_of_the_line_takes_nobody_out_of_it() {
    let redis = urr_testkit::redis().await;
    let rooms = Rooms::new(redis.client.clone(), 1_000);
    let keys = rooms.line(EventId::random());
    let (noted, later) = (stay(3, 900, Some(UserId::random())), stay(7, 1_100, None));
    after_a_loss(&keys, &[noted]).await;
    let half = Snapshot {
        resumes_ms: 2_000,
        ..known_inside(1_200, &[later])
    };
    assert!(keys.give_back(&half, &HashMap::new()).await.unwrap());
    assert_eq!(inside_of(&keys).await, [3, 7]);
}

#[tokio::test]
async fn nobody_ends_the_slot_of_somebody_else_with_a_number() {
    let redis = urr_testkit::redis().await;
    let rooms = Rooms::new(redis.client.clone(), 1_000);
    let keys = rooms.line(EventId::random());
    let owner = UserId::random();
    after_a_loss(&keys, &[stay(3, 900, Some(owner)), stay(4, 900, None)]).await;
    assert_eq!(
        keys.end_slot(somebody(), Some(3)).await.unwrap(),
        Some(false)
    );
    assert_eq!(
        keys.end_slot(somebody(), Some(4)).await.unwrap(),
        Some(true)
    );
    assert_eq!(
        keys.end_slot(Person::account(owner), Some(3))
            .await
            .unwrap(),
        Some(true)
    );
    assert_eq!(inside_of(&keys).await, [0; 0]);
}
