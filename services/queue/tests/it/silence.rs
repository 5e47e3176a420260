//! When nobody can be heard: the service, the gateway or Redis was away. Nobody may lose by
//! it, and nobody may be called who only has the longer presence.

use std::time::Duration;

use urr_contract::UserId;
use urr_queue::{
    domain::person::Person,
    redis::{JoinRequest, Joined},
};

use crate::{
    admission::a_join,
    hall::{Fan, Hall, Replica, entry_claims, rules, status_of},
};

/// Lets time pass in which nobody is heard of, while workers and Redis go on.
pub(crate) async fn silence(hall: &Hall, duration: Duration) {
    hall.age(duration).await;
    let line = hall.key("line");
    let ms = i64::try_from(duration.as_millis()).unwrap();
    for field in ["heard_at", "told_at", "watched_since"] {
        let _: i64 = hall
            .command(&["HINCRBY", &line, field, &(-ms).to_string()])
            .await;
    }
    let now: (u64, u64) = hall.command(&["TIME"]).await;
    for bitmaps in ["present", "alive"] {
        let prefix = format!("{}:", hall.key(bitmaps));
        let keys: Vec<String> = hall.command(&["KEYS", &format!("{prefix}*")]).await;
        let mut ends: Vec<u64> = keys
            .iter()
            .map(|key| key[prefix.len()..].parse().unwrap())
            .collect();
        ends.sort_unstable();
        for end in ends {
            let (key, earlier) = (format!("{prefix}{end}"), end - duration.as_secs());
            if earlier <= now.0 {
                let _: i64 = hall.command(&["DEL", &key]).await;
            } else {
                let earlier = format!("{prefix}{earlier}");
                let _: () = hall.command(&["RENAME", &key, &earlier]).await;
            }
        }
    }
}

/// The time in which people come back after a silence is over.
async fn everybody_could_come_back(hall: &Hall) {
    let _: i64 = hall
        .command(&["HSET", &hall.key("line"), "admits_at", "0"])
        .await;
    hall.refill().await;
}

/// Somebody far behind, who asks once a minute.
async fn joins_far_behind(replica: &Replica) -> u64 {
    let request = JoinRequest {
        presence: Duration::from_secs(130),
        ..a_join(Person::account(UserId::random()))
    };
    match replica.keys().join(&request).await.unwrap() {
        Joined::Waiting { number, .. } => number,
        other => unreachable!("somebody is inside: {other:?}"),
    }
}

#[tokio::test]
async fn nobody_is_called_out_of_turn_because_people_could_not_be_heard() {
    let hall = Hall::new(rules(1, 1000)).await;
    let (replica, worker) = (hall.replica().await, hall.worker().await);
    let (mut inside, mut front) = (Fan::new(&hall), Fan::new(&hall));
    inside.check(&replica).await;
    front.check(&replica).await;
    let behind = joins_far_behind(&replica).await;
    inside.leave(&replica).await.expect(200);
    replica.write_signs().await;
    // Those in front count as absent by now, those behind do not.
    silence(&hall, Duration::from_mins(1)).await;
    hall.refill().await;
    let pass = worker.pass(hall.event).await.unwrap();
    assert_eq!((pass.status.as_str(), pass.admitted), ("silent", 0));
    // Nor does a newcomer enter, although nobody seems to be there.
    assert_eq!(status_of(&Fan::new(&hall).check(&replica).await), "queued");
    let pass = worker.pass(hall.event).await.unwrap();
    assert_eq!((pass.status.as_str(), pass.admitted), ("closed", 0));
    replica.renew().await;
    front.status(&replica).await;
    replica.write_signs().await;
    everybody_could_come_back(&hall).await;
    assert_eq!(worker.pass(hall.event).await.unwrap().admitted, 1);
    replica.renew().await;
    assert_eq!(status_of(&front.status(&replica).await), "active");
    let snapshot = replica.keys().snapshot().await.unwrap().unwrap();
    assert!(snapshot.waiting.contains(behind));
}

#[tokio::test]
async fn whoever_could_not_appear_still_has_the_slot_after_the_silence() {
    for somebody_waits in [true, false] {
        let hall = Hall::new(rules(1, 1000)).await;
        let (replica, worker) = (hall.replica().await, hall.worker().await);
        let (mut inside, mut called) = (Fan::new(&hall), Fan::new(&hall));
        inside.check(&replica).await;
        called.check(&replica).await;
        if somebody_waits {
            joins_far_behind(&replica).await;
        }
        inside.leave(&replica).await.expect(200);
        assert_eq!(worker.pass(hall.event).await.unwrap().admitted, 1);
        replica.write_signs().await;
        silence(&hall, Duration::from_secs(90)).await;
        assert_eq!(worker.pass(hall.event).await.unwrap().ended, 0);
        // The first sign of anybody gives everybody time again.
        Fan::visitor(&hall).check(&replica).await.expect(200);
        assert_eq!(worker.pass(hall.event).await.unwrap().ended, 0);
        replica.renew().await;
        let told = called.status(&replica).await;
        assert_eq!(status_of(&told), "active", "{somebody_waits}");
        entry_claims(&told);
    }
}

#[tokio::test]
async fn a_long_silence_takes_nobody_out_of_the_line_or_the_room() {
    let hall = Hall::new(rules(1, 1000)).await;
    let (replica, worker) = (hall.replica().await, hall.worker().await);
    let (mut inside, mut waiting) = (Fan::new(&hall), Fan::new(&hall));
    inside.check(&replica).await;
    waiting.check(&replica).await;
    replica.write_signs().await;
    silence(&hall, Duration::from_secs(700)).await;
    assert_eq!(worker.pass(hall.event).await.unwrap().ended, 0);
    assert_eq!(replica.keys().sweep().await.unwrap(), 0);
    replica.renew().await;
    waiting.status(&replica).await;
    replica.write_signs().await;
    assert_eq!(worker.pass(hall.event).await.unwrap().ended, 0);
    assert_eq!(replica.keys().sweep().await.unwrap(), 0);
    replica.renew().await;
    assert_eq!(status_of(&inside.status(&replica).await), "active");
    assert_eq!(status_of(&waiting.status(&replica).await), "queued");
}

#[tokio::test]
async fn a_pause_as_long_as_people_were_told_is_no_silence() {
    let hall = Hall::new(rules(1, 1000)).await;
    let (replica, worker) = (hall.replica().await, hall.worker().await);
    let (mut inside, mut front) = (Fan::new(&hall), Fan::new(&hall));
    inside.check(&replica).await;
    front.check(&replica).await;
    inside.leave(&replica).await.expect(200);
    // Only somebody who asks once a minute is left of those who wait.
    front.leave(&replica).await.expect(200);
    silence(&hall, Duration::from_mins(1)).await;
    let behind = joins_far_behind(&replica).await;
    everybody_could_come_back(&hall).await;
    silence(&hall, Duration::from_mins(1)).await;
    hall.refill().await;
    assert_eq!(worker.pass(hall.event).await.unwrap().admitted, 1);
    let slot: bool = hall
        .command(&["HEXISTS", &hall.key("slots"), &behind.to_string()])
        .await;
    assert!(slot);
}

#[tokio::test]
async fn a_room_that_everybody_left_without_a_word_is_free_for_whoever_comes() {
    let hall = Hall::new(rules(1, 1000)).await;
    let (replica, worker) = (hall.replica().await, hall.worker().await);
    Fan::new(&hall).check(&replica).await;
    replica.write_signs().await;
    silence(&hall, Duration::from_secs(700)).await;
    assert_eq!(worker.pass(hall.event).await.unwrap().ended, 1);
    assert_eq!(status_of(&Fan::new(&hall).check(&replica).await), "active");
}
