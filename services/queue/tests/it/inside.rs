//! Being inside: the claim window, the stay, its end, and the revoked token.

use std::time::Duration;

use sqlx::Acquire;
use urr_kit::consumer::{Applied, apply_once};
use urr_queue::{
    facts::{GROUP, Purchases},
    jobs::admit::Worker,
};

use crate::hall::{Fan, Hall, Replica, entry_claims, rules, status_of};

async fn revoked_until(hall: &Hall, admission: impl ToString) -> Option<i64> {
    hall.command(&["ZSCORE", &hall.key("revoked"), &admission.to_string()])
        .await
}

async fn ends_in_seconds(hall: &Hall, number: u64) -> i64 {
    let end: i64 = hall
        .command(&["ZSCORE", &hall.key("active"), &number.to_string()])
        .await;
    let now: (i64, i64) = hall.command(&["TIME"]).await;
    (end - now.0 * 1000 - now.1 / 1000) / 1000
}

/// One inside, one who waits; then the first leaves and the second is called.
async fn called(hall: &Hall, replica: &Replica, worker: &Worker) -> Fan {
    let mut first = Fan::new(hall);
    assert_eq!(status_of(&first.check(replica).await), "active");
    let mut second = Fan::new(hall);
    assert_eq!(status_of(&second.check(replica).await), "queued");
    first.leave(replica).await.expect(200);
    assert_eq!(worker.pass(hall.event).await.unwrap().admitted, 1);
    replica.renew().await;
    second
}

#[tokio::test]
async fn whoever_is_called_and_does_not_appear_gives_the_slot_back() {
    let hall = Hall::new(rules(1, 1000)).await;
    let (replica, worker) = (hall.replica().await, hall.worker().await);
    let mut absent = called(&hall, &replica, &worker).await;
    let mut next = Fan::new(&hall);
    next.check(&replica).await;
    assert!(
        (58..=60).contains(&ends_in_seconds(&hall, 2).await),
        "a minute to appear"
    );
    hall.age(Duration::from_secs(64)).await;
    let pass = worker.pass(hall.event).await.unwrap();
    assert_eq!((pass.ended, pass.admitted), (1, 1));
    replica.renew().await;
    assert_eq!(status_of(&next.status(&replica).await), "active");
    assert_eq!(status_of(&absent.status(&replica).await), "not_in_queue");
}

#[tokio::test]
async fn the_first_poll_after_the_call_begins_the_stay() {
    let hall = Hall::new(rules(1, 1000)).await;
    let (replica, worker) = (hall.replica().await, hall.worker().await);
    let mut fan = called(&hall, &replica, &worker).await;
    let answer = fan.status(&replica).await;
    assert_eq!(status_of(&answer), "active");
    for field in ["entryToken", "threshold", "eventInfo"] {
        assert!(!answer.body[field].is_null(), "{field}");
    }
    assert_eq!(answer.body["message"], "Entry allowed");
    replica.write_signs().await;
    assert!((598..=600).contains(&ends_in_seconds(&hall, 2).await));
    // A sign of life extends it again.
    hall.age(Duration::from_mins(5)).await;
    replica.renew().await;
    fan.heartbeat(&replica).await.expect(200);
    replica.write_signs().await;
    assert!((598..=600).contains(&ends_in_seconds(&hall, 2).await));
}

/// Defect 16: polling used to extend a slot without end.
#[tokio::test]
async fn no_poll_extends_a_stay_beyond_its_longest() {
    let hall = Hall::new(rules(1, 1000)).await;
    let (replica, worker) = (hall.replica().await, hall.worker().await);
    let mut fan = Fan::new(&hall);
    let claims = entry_claims(&fan.check(&replica).await);
    for _ in 0..3 {
        hall.age(Duration::from_secs(590)).await;
        replica.renew().await;
        assert_eq!(status_of(&fan.status(&replica).await), "active");
        replica.write_signs().await;
    }
    let left = ends_in_seconds(&hall, 1).await;
    assert!(
        (28..=30).contains(&left),
        "1800 s in all, 1770 are over: {left}"
    );
    replica.renew().await;
    let last = entry_claims(&fan.status(&replica).await);
    assert!(last.exp - last.iat <= 30, "no token outlives the stay");
    replica.write_signs().await;
    hall.age(Duration::from_secs(34)).await;
    assert_eq!(worker.pass(hall.event).await.unwrap().ended, 1);
    assert!(revoked_until(&hall, claims.jti).await.is_some());
    replica.renew().await;
    assert_eq!(status_of(&fan.status(&replica).await), "not_in_queue");
    assert_eq!(
        status_of(&fan.check(&replica).await),
        "active",
        "by a new admission"
    );
}

/// Defect 16: a token used to outlive the slot.
#[tokio::test]
async fn leaving_revokes_the_token_at_once() {
    let hall = Hall::new(rules(1, 1000)).await;
    let replica = hall.replica().await;
    let mut fan = Fan::new(&hall);
    let claims = entry_claims(&fan.check(&replica).await);
    let answer = fan.leave(&replica).await.expect(200);
    assert_eq!(answer.body, serde_json::json!({"message": "Left queue"}));
    let until = revoked_until(&hall, claims.jti).await.expect("revoked");
    assert!(
        until >= claims.exp,
        "for as long as any of its tokens could live"
    );
    let events: Vec<String> = hall.command(&["SMEMBERS", "revoked:events"]).await;
    assert_eq!(events, [hall.event.to_string()]);
    assert!(fan.jar.is_empty(), "receipt and token are taken back");
    assert_eq!(status_of(&fan.status(&replica).await), "not_in_queue");
    let again = entry_claims(&fan.check(&replica).await);
    assert_ne!(again.jti, claims.jti);
}

#[tokio::test]
async fn gateways_learn_again_of_a_line_that_is_led() {
    let hall = Hall::new(rules(1, 1000)).await;
    let (replica, worker) = (hall.replica().await, hall.worker().await);
    Fan::new(&hall).check(&replica).await;
    let _: i64 = hall.command(&["DEL", "revoked:events"]).await;
    worker.pass(hall.event).await.unwrap();
    let events: Vec<String> = hall.command(&["SMEMBERS", "revoked:events"]).await;
    assert_eq!(events, [hall.event.to_string()]);
    let life: i64 = hall.command(&["TTL", "revoked:events"]).await;
    assert!(life > 0);
}

#[tokio::test]
async fn leaving_is_fine_for_whoever_is_nowhere() {
    let hall = Hall::new(rules(1, 1000)).await;
    let replica = hall.replica().await;
    Fan::new(&hall).leave(&replica).await.expect(200);
    Fan::visitor(&hall).leave(&replica).await.expect(200);
}

#[tokio::test]
async fn whoever_leaves_the_line_gives_way_to_those_behind() {
    let hall = Hall::new(rules(1, 1000)).await;
    let replica = hall.replica().await;
    Fan::new(&hall).check(&replica).await;
    let (mut one, mut two) = (Fan::new(&hall), Fan::new(&hall));
    one.check(&replica).await;
    two.check(&replica).await;
    one.leave(&replica).await.expect(200);
    assert_eq!(two.status(&replica).await.body["position"], 1);
    // An old copy of the receipt stands for nothing.
    let mut thief = one.elsewhere();
    one.check(&replica).await;
    thief.jar.clone_from(&one.jar);
    one.leave(&replica).await.expect(200);
    assert_eq!(status_of(&thief.status(&replica).await), "not_in_queue");
}

#[tokio::test]
async fn a_purchase_gives_the_slot_back_once() {
    let hall = Hall::new(rules(1, 1000)).await;
    let (replica, worker) = (hall.replica().await, hall.worker().await);
    let mut buyer = Fan::new(&hall);
    let claims = entry_claims(&buyer.check(&replica).await);
    let mut next = Fan::new(&hall);
    next.check(&replica).await;
    let fact = hall.purchase(buyer.user.unwrap());
    let handler = Purchases::new(hall.state().await);
    let pool = &hall.database.pool;
    let applied = apply_once(pool, GROUP, &fact, &handler).await.unwrap();
    assert_eq!(applied, Applied::Now);
    assert!(revoked_until(&hall, claims.jti).await.is_some());
    assert_eq!(worker.pass(hall.event).await.unwrap().admitted, 1);
    // The buyer comes again; the same fact must not put them out.
    replica.renew().await;
    next.leave(&replica).await.expect(200);
    assert_eq!(worker.pass(hall.event).await.unwrap().admitted, 0);
    assert_eq!(status_of(&buyer.check(&replica).await), "active");
    assert_eq!(
        apply_once(pool, GROUP, &fact, &handler).await.unwrap(),
        Applied::Before
    );
    assert_eq!(status_of(&buyer.check(&replica).await), "active");
}

#[tokio::test]
async fn a_purchase_leaves_a_place_in_the_line_alone() {
    let hall = Hall::new(rules(1, 1000)).await;
    let replica = hall.replica().await;
    Fan::new(&hall).check(&replica).await;
    let mut waiting = Fan::new(&hall);
    waiting.check(&replica).await;
    let person = urr_queue::domain::person::Person::account(waiting.user.unwrap());
    assert_eq!(
        replica.keys().end_slot(person, None).await.unwrap(),
        Some(false)
    );
    assert_eq!(
        waiting.elsewhere().status(&replica).await.body["position"],
        1
    );
}

#[tokio::test]
async fn an_administrator_sees_and_clears_the_line() {
    let hall = Hall::new(rules(1, 1000)).await;
    let replica = hall.replica().await;
    let mut inside = Fan::new(&hall);
    let claims = entry_claims(&inside.check(&replica).await);
    let mut waiting = Fan::new(&hall);
    waiting.check(&replica).await;
    replica.renew().await;
    let admin = replica.client.as_admin(inside.user.unwrap());
    let path = format!("/api/queue/admin/{}", hall.event);
    let seen = admin.get(&path).await.expect(200).body;
    assert_eq!(
        (
            &seen["eventId"],
            &seen["queueSize"],
            &seen["currentUsers"],
            &seen["threshold"],
            &seen["available"]
        ),
        (
            &hall.event.to_string().into(),
            &1.into(),
            &1.into(),
            &1.into(),
            &0.into()
        )
    );
    let clear = format!("/api/queue/admin/clear/{}", hall.event);
    let fan = inside.client(&replica);
    assert_eq!(
        fan.get(&path).await.expect(403).error(),
        "Admin role required"
    );
    assert_eq!(
        fan.post(&clear, serde_json::Value::Null)
            .await
            .expect(403)
            .error(),
        "Admin role required"
    );
    replica.client.get(&path).await.expect(401);
    let cleared = admin
        .post(&clear, serde_json::Value::Null)
        .await
        .expect(200);
    assert_eq!(cleared.body["message"], "Queue cleared");
    assert!(revoked_until(&hall, claims.jti).await.is_some());
    for fan in [&mut inside, &mut waiting] {
        assert_eq!(status_of(&fan.status(&replica).await), "not_in_queue");
    }
    let buckets: Vec<String> = hall
        .command(&["KEYS", &format!("{}:*", hall.key("queue"))])
        .await;
    assert!(buckets.is_empty());
    assert_eq!(
        waiting.check(&replica).await.body["number"],
        3,
        "no number is given twice"
    );
}

#[tokio::test]
async fn postgres_knows_who_is_inside() {
    let hall = Hall::new(rules(2, 1000)).await;
    let (replica, worker) = (hall.replica().await, hall.worker().await);
    let mut fans = [Fan::new(&hall), Fan::new(&hall)];
    for fan in &mut fans {
        fan.check(&replica).await;
    }
    worker.pass(hall.event).await.unwrap();
    let noted = async || {
        let mut connection = hall.database.pool.acquire().await.unwrap();
        urr_queue::store::slots::of_event(connection.acquire().await.unwrap(), hall.event)
            .await
            .unwrap()
    };
    assert_eq!(noted().await.len(), 2);
    fans[0].leave(&replica).await.expect(200);
    worker.pass(hall.event).await.unwrap();
    let left = noted().await;
    assert_eq!(left.iter().map(|slot| slot.number).collect::<Vec<_>>(), [2]);
}
