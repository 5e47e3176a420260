//! The sale policy: who may write it, and what it does to a line.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use urr_contract::UserId;
use urr_queue::store::policies;
use urr_testkit::Client;

use crate::hall::{Fan, Hall, position_of, rules, status_of};

fn policy(owner: &str, sequence: i64) -> Value {
    json!({
        "opensAt": "2020-01-01T00:00:00Z", "closesAt": null, "lobbySeconds": 600, "suspended": false,
        "message": null, "maxActive": 3, "admitPerSecond": 50, "activeSeconds": 300,
        "absentSeconds": 600, "claimSeconds": 60, "maxStaySeconds": 900, "seatSeconds": 300,
        "paymentSeconds": 600, "throttle": null,
        "fence": {"owner": owner, "generation": 1, "sequence": sequence}
    })
}

fn path(hall: &Hall) -> String {
    format!("/internal/events/{}/policy", hall.event)
}

#[tokio::test]
async fn a_policy_is_in_force_at_once_and_at_every_replica() {
    let hall = Hall::new(rules(1, 1000)).await;
    let (replica, other) = (hall.replica().await, hall.replica().await);
    Fan::new(&hall).check(&replica).await;
    Fan::new(&hall).check(&other).await;
    let written = replica
        .client
        .internal()
        .put(&path(&hall), policy("operator", 1))
        .await
        .expect(200);
    assert!(written.headers.contains_key("etag"));
    other.renew().await;
    let mut fan = Fan::new(&hall);
    let answer = fan.check(&other).await;
    assert_eq!(answer.body["threshold"], 3);
    let read = other.client.internal().get(&path(&hall)).await.expect(200);
    assert_eq!(
        (read.body, &read.headers["etag"]),
        (policy("operator", 1), &written.headers["etag"])
    );
}

#[tokio::test]
async fn a_suspended_line_keeps_everybody_and_tells_why() {
    let hall = Hall::new(rules(1, 1000)).await;
    let (replica, worker) = (hall.replica().await, hall.worker().await);
    let (mut inside, mut waiting) = (Fan::new(&hall), Fan::new(&hall));
    inside.check(&replica).await;
    waiting.check(&replica).await;
    let mut pause = policy("operator", 1);
    pause["suspended"] = true.into();
    pause["message"] = "The door is stuck".into();
    replica
        .client
        .internal()
        .put(&path(&hall), pause)
        .await
        .expect(200);
    inside.leave(&replica).await.expect(200);
    assert_eq!(worker.pass(hall.event).await.unwrap().admitted, 0);
    let told = waiting.status(&replica).await;
    assert_eq!(position_of(&told), 1);
    assert_eq!(
        (&told.body["paused"], &told.body["message"]),
        (&true.into(), &"The door is stuck".into())
    );
    assert_eq!(
        status_of(&Fan::new(&hall).check(&replica).await),
        "queued",
        "joining goes on"
    );
    replica
        .client
        .internal()
        .put(&path(&hall), policy("operator", 2))
        .await
        .expect(200);
    hall.refill().await;
    assert_eq!(worker.pass(hall.event).await.unwrap().admitted, 2);
}

#[tokio::test]
async fn the_fence_keeps_older_and_foreign_writes_out() {
    let hall = Hall::new(rules(1, 1000)).await;
    let replica = hall.replica().await;
    let caller: Client = replica.client.internal();
    caller.get(&path(&hall)).await.expect(404);
    let first = caller
        .put(&path(&hall), policy("operator", 5))
        .await
        .expect(200);
    let again = caller
        .put(&path(&hall), policy("operator", 5))
        .await
        .expect(200);
    assert_eq!(
        again.headers["etag"], first.headers["etag"],
        "a repetition changes nothing"
    );
    caller
        .put(&path(&hall), policy("operator", 4))
        .await
        .expect(409);
    caller
        .put(&path(&hall), policy("admin", 1))
        .await
        .expect(409);
    let etag = first.headers["etag"].to_str().unwrap();
    caller
        .with_header("if-match", "\"999\"")
        .put(&path(&hall), policy("admin", 1))
        .await
        .expect(409);
    // What a resource declares is changed there, whatever the admin API shows.
    let seen = caller.with_header("if-match", etag);
    seen.put(&path(&hall), policy("admin", 1)).await.expect(409);
    seen.put(&path(&hall), policy("other", 1)).await.expect(200);
    let mut moved = policy("other", 2);
    moved["opensAt"] = "2021-01-01T00:00:00Z".into();
    let refused = caller.put(&path(&hall), moved).await.expect(409);
    assert_eq!(refused.body["code"], "SALE_ALREADY_OPEN");
}

#[tokio::test]
async fn the_newer_of_two_first_writes_wins() {
    let hall = Hall::new(rules(1, 1000)).await;
    let replica = hall.replica().await;
    let pool = &hall.database.pool;
    let mut newer = pool.begin().await.unwrap();
    let before = policies::find_for_update(&mut newer, hall.event).await;
    assert_eq!(before.unwrap(), None);
    let body = serde_json::from_value(policy("operator", 5)).unwrap();
    policies::put(&mut *newer, hall.event, &body).await.unwrap();
    // The older one comes while the newer one is on its way.
    let caller = replica.client.internal();
    let path = path(&hall);
    let older = caller.put(&path, policy("operator", 4));
    let commit = async {
        urr_testkit::wait_for("the older write to wait", async || {
            let waits = sqlx::query_scalar!(
                r#"select exists (select from pg_stat_activity
                    where datname = current_database() and wait_event_type = 'Lock') as "waits!""#
            );
            waits.fetch_one(pool).await.unwrap()
        })
        .await;
        newer.commit().await.unwrap();
    };
    let (refused, ()) = futures::join!(older, commit);
    assert_eq!(refused.expect(409).body["code"], "POLICY_OLDER");
    let stored = policies::find(pool, hall.event).await.unwrap().unwrap();
    assert_eq!(stored.policy.fence.sequence, 5);
}

#[tokio::test]
async fn settings_never_replace_a_written_policy() {
    let hall = Hall::new(rules(1, 1000)).await;
    let replica = hall.replica().await;
    replica
        .client
        .internal()
        .put(&path(&hall), policy("operator", 1))
        .await
        .expect(200);
    let answer = Fan::new(&hall).check(&replica).await;
    assert_eq!(answer.body["threshold"], 3);
}

#[tokio::test]
async fn changed_settings_reach_a_line_that_lives_by_them() {
    let mut hall = Hall::new(rules(1, 1000)).await;
    Fan::new(&hall).check(&hall.replica().await).await;
    hall.settings = rules(40, 1000);
    let answer = Fan::new(&hall).check(&hall.replica().await).await;
    assert_eq!(status_of(&answer), "active");
    assert_eq!(answer.body["threshold"], 40);
}

#[tokio::test]
async fn a_throttle_lowers_the_rate_until_its_time() {
    let hall = Hall::new(rules(1, 1000)).await;
    let (replica, worker) = (hall.replica().await, hall.worker().await);
    let mut slow = policy("operator", 1);
    slow["maxActive"] = 1000.into();
    slow["throttle"] = json!({"admitPerSecond": 2, "until": "2090-01-01T00:00:00Z"});
    replica
        .client
        .internal()
        .put(&path(&hall), slow.clone())
        .await
        .expect(200);
    for _ in 0..10 {
        Fan::new(&hall).check(&replica).await;
    }
    let inside: u64 = hall.command(&["ZCARD", &hall.key("active")]).await;
    assert_eq!(inside, 2);
    slow["throttle"]["until"] = "2020-01-01T00:00:00Z".into();
    slow["fence"]["sequence"] = 2.into();
    replica
        .client
        .internal()
        .put(&path(&hall), slow)
        .await
        .expect(200);
    hall.refill().await;
    assert_eq!(worker.pass(hall.event).await.unwrap().admitted, 8);
}

#[tokio::test]
async fn only_services_write_policies() {
    let hall = Hall::new(rules(1, 1000)).await;
    let replica = hall.replica().await;
    let fan = Fan::new(&hall).client(&replica);
    assert_eq!(
        fan.put(&path(&hall), policy("me", 1))
            .await
            .expect(401)
            .error(),
        "Internal token required"
    );
    let wrong = replica.client.with_header("authorization", "Bearer wrong");
    wrong.get(&path(&hall)).await.expect(403);
    let mut incomplete = policy("operator", 1);
    incomplete.as_object_mut().unwrap().remove("maxActive");
    replica
        .client
        .internal()
        .put(&path(&hall), incomplete)
        .await
        .expect(400);
}

#[tokio::test]
async fn who_lets_a_policy_go_leaves_its_limits_behind() {
    let hall = Hall::new(rules(1000, 1000)).await;
    let (replica, worker) = (hall.replica().await, hall.worker().await);
    let caller = replica.client.internal();
    let mut narrow = policy("operator", 1);
    narrow["maxActive"] = 1.into();
    narrow["opensAt"] = json!("2021-01-01T00:00:00Z");
    caller.put(&path(&hall), narrow).await.expect(200);
    let (mut inside, mut next) = (Fan::new(&hall), Fan::new(&hall));
    inside.check(&replica).await;
    hall.refill().await;
    worker.pass(hall.event).await.unwrap();
    replica.renew().await;
    assert_eq!(status_of(&inside.status(&replica).await), "active");
    assert_eq!(status_of(&next.check(&replica).await), "queued");

    let release = |owner: &str| format!("{}?owner={owner}", path(&hall));
    let refused = caller.delete(&release("other")).await.expect(409);
    assert_eq!(refused.body["code"], "POLICY_OWNED");
    caller.delete(&release("operator")).await.expect(204);
    caller.delete(&release("operator")).await.expect(204);
    let left = caller.get(&path(&hall)).await.expect(200).body;
    assert_eq!(left["fence"]["owner"], "default");
    assert_eq!(left["maxActive"], 1);
    assert_ne!(
        left["opensAt"], "2021-01-01T00:00:00Z",
        "the event says when it is sold"
    );
    // Not even news of the event make the settings' rules of them.
    replica.renew().await;
    hall.refill().await;
    let told = Fan::new(&hall).check(&replica).await;
    assert_eq!(told.body["threshold"], 1);
    assert_eq!(worker.pass(hall.event).await.unwrap().admitted, 0);
    assert_eq!(status_of(&next.status(&replica).await), "queued");
    // Whoever declares the sale anew begins anew.
    caller
        .put(&path(&hall), policy("operator", 1))
        .await
        .expect(200);
}

#[tokio::test]
async fn a_pause_outlives_who_declared_it() {
    let hall = Hall::new(rules(1, 1000)).await;
    let (replica, worker) = (hall.replica().await, hall.worker().await);
    let caller = replica.client.internal();
    let mut pause = policy("operator", 1);
    pause["suspended"] = true.into();
    caller.put(&path(&hall), pause).await.expect(200);
    let mut fan = Fan::new(&hall);
    assert_eq!(status_of(&fan.check(&replica).await), "queued");
    let release = format!("{}?owner=operator", path(&hall));
    caller.delete(&release).await.expect(204);
    replica.renew().await;
    hall.refill().await;
    assert_eq!(worker.pass(hall.event).await.unwrap().status, "closed");
    assert_eq!(fan.check(&replica).await.body["paused"], true);
}

#[tokio::test]
async fn nobody_gets_a_number_before_the_lobby_opens() {
    let hall = Hall::new(rules(10, 1000)).await;
    let (replica, worker) = (hall.replica().await, hall.worker().await);
    let now = urr_testkit::runtime("queue").clock.now();
    let opens = now + SignedDuration::from_hours(1);
    let mut later = policy("operator", 1);
    later["opensAt"] = json!(opens);
    later["lobbySeconds"] = 1800.into();
    let caller = replica.client.internal();
    caller.put(&path(&hall), later.clone()).await.expect(200);
    let mut fan = Fan::new(&hall);
    let refused = fan.check(&replica).await.expect(409).body;
    assert_eq!(refused["code"], "LOBBY_NOT_OPEN");
    let time = |field: &str| {
        refused[field]
            .as_str()
            .unwrap()
            .parse::<Timestamp>()
            .unwrap()
    };
    assert_eq!(time("opensAt").as_millisecond(), opens.as_millisecond());
    let before = opens - SignedDuration::from_secs(1800);
    assert_eq!(
        time("lobbyOpensAt").as_millisecond(),
        before.as_millisecond()
    );
    assert_eq!(fan.status(&replica).await.body["status"], "not_in_queue");
    let figures = format!("/internal/events/{}/line", hall.event);
    let waiting = caller.get(&figures).await.expect(200).body;
    assert_eq!(waiting, json!({"waiting": 0, "active": 0, "admitted": 0}));

    // The lobby opens earlier: the sale itself has not opened, so this may be changed.
    later["lobbySeconds"] = 7200.into();
    later["fence"]["sequence"] = 2.into();
    caller.put(&path(&hall), later).await.expect(200);
    assert_eq!(position_of(&fan.check(&replica).await), 1);
    let pass = worker.pass(hall.event).await.unwrap();
    assert_eq!(pass.status, "closed");
    assert!((1..=3_600_000).contains(&pass.opens_in_ms), "{pass:?}");
    let waiting = caller.get(&figures).await.expect(200).body;
    assert_eq!(waiting, json!({"waiting": 1, "active": 0, "admitted": 0}));
}

#[tokio::test]
async fn what_no_line_can_be_run_by_is_refused_by_field() {
    let hall = Hall::new(rules(1, 1000)).await;
    let caller = hall.replica().await.client.internal();
    for (field, value) in [
        ("maxActive", json!(0)),
        ("maxActive", json!(-1)),
        ("admitPerSecond", json!(1_000_000)),
        ("claimSeconds", json!(0)),
        ("lobbySeconds", json!(86_401)),
        ("closesAt", json!("2019-01-01T00:00:00Z")),
        ("message", json!("a\0b")),
    ] {
        let mut broken = policy("operator", 1);
        broken[field] = value;
        caller.put(&path(&hall), broken).await.expect(400);
    }
    caller.get(&path(&hall)).await.expect(404);
}

#[tokio::test]
async fn an_administrator_stops_a_line_and_lets_it_go_on() {
    let hall = Hall::new(rules(1, 1000)).await;
    let (replica, worker) = (hall.replica().await, hall.worker().await);
    let (mut inside, mut waiting) = (Fan::new(&hall), Fan::new(&hall));
    inside.check(&replica).await;
    waiting.check(&replica).await;
    let admin = replica.client.as_admin(UserId::random());
    let act = |word: &str| format!("/api/queue/admin/{word}/{}", hall.event);
    for word in ["suspend", "resume"] {
        let fan = inside.client(&replica);
        fan.post(&act(word), Value::Null).await.expect(403);
    }
    let long = json!({"message": "x".repeat(501)});
    let refused = admin.post(&act("suspend"), long).await.expect(400);
    assert_eq!(refused.body["code"], "INVALID_FIELD");

    for message in ["Wait", "The door is stuck"] {
        let body = json!({"message": message});
        let done = admin.post(&act("suspend"), body).await.expect(200);
        assert_eq!(done.body["message"], "Queue suspended");
    }
    inside.leave(&replica).await.expect(200);
    assert_eq!(worker.pass(hall.event).await.unwrap().admitted, 0);
    let told = waiting.status(&replica).await;
    assert_eq!(position_of(&told), 1);
    assert_eq!(
        (&told.body["paused"], &told.body["message"]),
        (&true.into(), &"The door is stuck".into())
    );
    let path = format!("/api/queue/admin/{}", hall.event);
    let seen = admin.get(&path).await.expect(200).body;
    assert_eq!(seen["paused"], true);
    assert_eq!(seen["message"], "The door is stuck");

    for _ in 0..2 {
        let done = admin.post(&act("resume"), Value::Null).await.expect(200);
        assert_eq!(done.body["message"], "Queue resumed");
    }
    hall.refill().await;
    assert_eq!(worker.pass(hall.event).await.unwrap().admitted, 1);
    // Without a message it stops as well.
    admin.post(&act("suspend"), Value::Null).await.expect(200);

    // What a resource declares is changed there.
    let caller = replica.client.internal();
    let seen = caller.get(&self::path(&hall)).await.expect(200);
    let etag = seen.headers["etag"].to_str().unwrap().to_owned();
    let declaring = caller.with_header("if-match", &etag);
    let mut declared = policy("operator", 1);
    declared["opensAt"] = seen.body["opensAt"].clone();
    declaring
        .put(&self::path(&hall), declared)
        .await
        .expect(200);
    for word in ["suspend", "resume"] {
        let refused = admin.post(&act(word), Value::Null).await.expect(409);
        assert_eq!(refused.body["code"], "POLICY_OWNED");
    }
}
