//! Each script by itself, where no other test shows its corners.

use std::time::Duration;

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

fn rules() -> Rules {
    Rules {
        max_active: 10,
        per_second: 1_000,
        throttle: None,
        active_seconds: 600,
        claim_seconds: 60,
        max_stay_seconds: 1800,
        absent_seconds: 600,
        opens_at: 0,
        closes_at: 0,
        suspended: false,
        message: None,
        sale: Sale::Open,
        token_ttl_seconds: 600,
    }
}

fn layout<'a>() -> Layout<'a> {
    Layout {
        epoch: 1,
        numbers_after: 0,
        reserved_to: 100,
        serving: 0,
        hold: Duration::ZERO,
        replaces: None,
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
    let inside = [true, false].map(|appeared| StayOf {
        number: 3 + u64::from(appeared),
        admission: AdmissionId::random(),
        appeared,
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
    assert!(keys.leave(owner, None).await.unwrap());
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
        last_number: 9,
        reserved_to: 50,
        serving: 1,
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
        assert_eq!(keys.give_back(&known(now)).await.unwrap(), taken);
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
    keys.presence(&[(1, Duration::from_mins(1))], &[2])
        .await
        .unwrap();
    assert_eq!(keys.sweep().await.unwrap(), 0);
    assert!(!keys.leave(somebody(), None).await.unwrap());
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
