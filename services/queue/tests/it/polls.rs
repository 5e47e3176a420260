//! Polls: from memory, by receipt, the same at every replica.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::SignedDuration;
use serde_json::json;

use crate::hall::{Fan, Hall, number_of, on_sale, position_of, rules, status_of};

#[tokio::test]
async fn a_poll_costs_no_redis_command() {
    let hall = Hall::new(rules(3, 1000)).await;
    let replica = hall.replica().await;
    let mut fans: Vec<Fan> = (0..40).map(|_| Fan::new(&hall)).collect();
    for fan in &mut fans {
        fan.check(&replica).await.expect(200);
    }
    replica.renew().await;
    let before = hall.commands_run().await;
    for fan in &mut fans {
        fan.status(&replica).await.expect(200);
        fan.heartbeat(&replica).await.expect(200);
        fan.check(&replica).await.expect(200);
    }
    assert_eq!(hall.commands_run().await, before);
    // All their signs of life are one batch for the line and one for those inside.
    let calls = async || -> u64 {
        let stats: String = hall.command(&["INFO", "commandstats"]).await;
        let line = stats
            .lines()
            .find(|line| line.starts_with("cmdstat_evalsha:"))
            .expect("scripts ran");
        let calls = line.split(&['=', ','][..]).nth(1).expect("calls");
        calls.parse().expect("a number")
    };
    let before = calls().await;
    replica.write_signs().await;
    assert!(calls().await - before <= 3);
}

#[tokio::test]
async fn a_poll_right_after_the_join_costs_nothing_either() {
    let hall = Hall::new(rules(1, 1000)).await;
    let replica = hall.replica().await;
    let (mut inside, mut waiting) = (Fan::new(&hall), Fan::new(&hall));
    inside.check(&replica).await;
    waiting.check(&replica).await;
    let before = hall.commands_run().await;
    assert_eq!(status_of(&inside.status(&replica).await), "active");
    assert_eq!(position_of(&waiting.status(&replica).await), 1);
    assert_eq!(hall.commands_run().await, before);
}

#[tokio::test]
async fn replicas_tell_one_truth() {
    let hall = Hall::new(rules(1, 1000)).await;
    let (one, other) = (hall.replica().await, hall.replica().await);
    let (mut inside, mut waiting) = (Fan::new(&hall), Fan::new(&hall));
    inside.check(&one).await;
    assert_eq!(status_of(&inside.status(&other).await), "active");
    waiting.check(&other).await;
    let told = waiting.status(&one).await;
    assert_eq!((number_of(&told), position_of(&told)), (2, 1));
    waiting.leave(&one).await.expect(200);
    other.renew().await;
    assert_eq!(
        status_of(&waiting.elsewhere().status(&other).await),
        "not_in_queue"
    );
}

#[tokio::test]
async fn an_app_without_a_jar_shows_its_receipt_in_a_header() {
    let hall = Hall::new(rules(1, 1000)).await;
    let replica = hall.replica().await;
    Fan::new(&hall).check(&replica).await;
    let mut fan = Fan::new(&hall);
    let receipt = fan.check(&replica).await.body["receipt"]
        .as_str()
        .unwrap()
        .to_owned();
    replica.renew().await;
    let before = hall.commands_run().await;
    let app = fan
        .elsewhere()
        .client(&replica)
        .with_header("x-queue-receipt", &receipt);
    let path = format!("/api/queue/status/{}", hall.event);
    let told = app.get(&path).await.expect(200);
    assert_eq!((position_of(&told), told.body.get("receipt")), (1, None));
    assert_eq!(hall.commands_run().await, before);
}

#[tokio::test]
async fn only_a_genuine_receipt_of_the_same_person_and_event_is_believed() {
    let hall = Hall::new(rules(1, 1000)).await;
    let replica = hall.replica().await;
    Fan::new(&hall).check(&replica).await;
    let mut fan = Fan::new(&hall);
    fan.check(&replica).await;
    let genuine = fan.jar[&fan.receipt_cookie()].clone();
    let parts: Vec<&str> = genuine.split('.').collect();
    let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#);
    let claims = String::from_utf8(URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
    let first = URL_SAFE_NO_PAD.encode(claims.replace("\"num\":2", "\"num\":1"));
    let stranger = Fan::new(&hall);
    for forged in [
        genuine.clone(),
        format!("{none}.{}.", parts[1]),
        format!("{}.{first}.{}", parts[0], parts[2]),
        "not.a.token".to_owned(),
        String::new(),
    ] {
        let mut thief = stranger.clone();
        thief.jar.insert(thief.receipt_cookie(), forged.clone());
        assert_eq!(
            status_of(&thief.status(&replica).await),
            "not_in_queue",
            "{forged}"
        );
    }
    // Another event's receipt stands for nothing here.
    let elsewhere = Hall {
        event: urr_contract::EventId::random(),
        ..hall
    };
    elsewhere.ticket.put(elsewhere.event, on_sale());
    let mut other_event = Fan {
        user: fan.user,
        ..Fan::new(&elsewhere)
    };
    other_event
        .jar
        .insert(other_event.receipt_cookie(), genuine);
    assert_eq!(
        status_of(&other_event.status(&replica).await),
        "not_in_queue"
    );
}

#[tokio::test]
async fn a_receipt_is_renewed_while_its_person_polls_and_dies_without() {
    let runtime = urr_testkit::runtime_at("queue", "2026-05-01T00:00:00Z".parse().unwrap());
    let hall = Hall::new(rules(1, 1000)).await;
    let replica = hall.replica_on(&runtime).await;
    Fan::new(&hall).check(&replica).await;
    let mut fan = Fan::new(&hall);
    fan.check(&replica).await;
    let first = fan.jar.clone();
    fan.status(&replica).await;
    assert_eq!(fan.jar, first, "still fresh");
    runtime.clock.advance(SignedDuration::from_mins(5));
    fan.status(&replica).await;
    assert_ne!(fan.jar, first, "renewed");
    runtime.clock.advance(SignedDuration::from_mins(16));
    // The first one has expired; the place itself is found by the account all the same.
    let mut with_old = fan.elsewhere();
    with_old.jar = first;
    replica.renew().await;
    let before = hall.commands_run().await;
    assert_eq!(number_of(&with_old.status(&replica).await), 2);
    assert!(
        hall.commands_run().await > before,
        "an expired receipt proves nothing"
    );
}

#[tokio::test]
async fn whoever_is_nowhere_is_told_so() {
    let hall = Hall::new(rules(1, 1000)).await;
    let replica = hall.replica().await;
    let mut fan = Fan::new(&hall);
    let status = fan.status(&replica).await.expect(200);
    assert_eq!(
        status.body,
        json!({"status": "not_in_queue", "queued": false, "currentUsers": 0, "nextPoll": 3, "message": "Not in queue"})
    );
    let heartbeat = fan.heartbeat(&replica).await.expect(200);
    assert_eq!(
        heartbeat.body,
        json!({"status": "not_in_queue", "queued": false})
    );
}

#[tokio::test]
async fn a_heartbeat_answers_what_the_contract_says() {
    let hall = Hall::new(rules(1, 1000)).await;
    let replica = hall.replica().await;
    let (mut inside, mut waiting) = (Fan::new(&hall), Fan::new(&hall));
    inside.check(&replica).await;
    waiting.check(&replica).await;
    assert_eq!(
        inside.heartbeat(&replica).await.body,
        json!({"status": "active", "queued": false})
    );
    assert_eq!(
        waiting.heartbeat(&replica).await.body,
        json!({"status": "queued", "queued": true})
    );
}

#[tokio::test]
async fn every_key_of_a_line_ends_by_itself() {
    let hall = Hall::new(rules(1, 1000)).await;
    let (replica, worker) = (hall.replica().await, hall.worker().await);
    let (mut inside, mut waiting) = (Fan::new(&hall), Fan::new(&hall));
    inside.check(&replica).await;
    waiting.check(&replica).await;
    worker.pass(hall.event).await.unwrap();
    inside.leave(&replica).await.expect(200);
    worker.pass(hall.event).await.unwrap();
    replica.keys().sweep().await.unwrap();
    let keys: Vec<String> = hall.command(&["KEYS", "*"]).await;
    assert!(keys.len() >= 12, "{keys:?}");
    for key in keys {
        let life: i64 = hall.command(&["TTL", &key]).await;
        assert!(life > 0, "{key} lives for ever");
        let tag = format!("{{{}}}", hall.event);
        assert!(
            key.contains(&tag) || key == "revoked:events",
            "{key} has no hash tag"
        );
    }
}

#[tokio::test]
async fn wrong_paths_and_ids_are_json_errors() {
    let hall = Hall::new(rules(1, 1000)).await;
    let replica = hall.replica().await;
    let fan = Fan::new(&hall).client(&replica);
    for path in [
        "/api/queue/join",
        "/api/queue/position",
        "/api/queue/status",
        "/api/queue/check",
    ] {
        for answer in [fan.get(path).await, fan.post(path, json!({})).await] {
            assert_eq!(answer.expect(404).error(), "Not found");
        }
    }
    for id in ["nonsense", "123", "00000000-0000-0000-0000-00000000000g"] {
        let answer = fan
            .get(&format!("/api/queue/status/{id}"))
            .await
            .expect(400);
        assert!(!answer.error().is_empty());
    }
}
