//! Sale policies: who may write one, and what it does to a sale and its holds.

use serde_json::{Value, json};
use urr_contract::{EventId, ReservationId};
use urr_testkit::Answer;

use crate::app::{App, with_app};

/// A policy of a sale that has been open since long ago.
fn policy(owner: &str, sequence: i64) -> Value {
    json!({
        "opensAt": "2020-01-01T00:00:00Z", "closesAt": "2190-01-01T00:00:00Z", "lobbySeconds": 600,
        "suspended": false, "message": null, "maxActive": 3, "admitPerSecond": 50,
        "activeSeconds": 300, "absentSeconds": 600, "claimSeconds": 60, "maxStaySeconds": 900,
        "seatSeconds": 1200, "paymentSeconds": 2400, "throttle": null,
        "fence": {"owner": owner, "generation": 1, "sequence": sequence}
    })
}

fn path(event: EventId) -> String {
    format!("/internal/events/{event}/policy")
}

async fn put(app: &App, event: EventId, policy: Value) -> Answer {
    app.client.internal().put(&path(event), policy).await
}

/// An event whose show is far enough away for every policy here.
async fn event(app: &App) -> EventId {
    let event = app.event().await;
    sqlx::query!(
        "update events set event_date = '2199-01-01' where id = $1",
        event as EventId
    )
    .execute(&app.pool)
    .await
    .unwrap();
    event
}

/// Seconds from now until the end of a reservation.
async fn seconds_left(app: &App, id: ReservationId) -> f64 {
    sqlx::query_scalar!(
        r#"select extract(epoch from expires_at - now())::float8 as "left!" from reservations where id = $1"#,
        id as ReservationId
    )
    .fetch_one(&app.pool)
    .await
    .unwrap()
}

#[tokio::test]
async fn a_policy_moves_the_sale_with_it() {
    with_app(async |app| {
        let event = event(app).await;
        app.client.internal().get(&path(event)).await.expect(404);
        let mut later = policy("op", 1);
        later["opensAt"] = "2180-01-01T00:00:00Z".into();
        let written = put(app, event, later.clone()).await.expect(200);
        let read = app.client.internal().get(&path(event)).await.expect(200);
        assert_eq!(read.body, later);
        assert_eq!(read.headers["etag"], written.headers["etag"]);

        let detail = app
            .client
            .get(&format!("/api/events/{event}"))
            .await
            .expect(200);
        let shown = &detail.body["event"];
        assert_eq!(shown["status"], "upcoming");
        assert!(
            shown["sale_start_date"]
                .as_str()
                .unwrap()
                .starts_with("2180-01-01T00:00:00")
        );
        assert!(
            shown["sale_end_date"]
                .as_str()
                .unwrap()
                .starts_with("2190-01-01T00:00:00")
        );
        let kind = app.ticket_type(event, "A", 1000, 5).await;
        let refused = app.fan(event).try_places(kind, 1).await.expect(409);
        assert_eq!(refused.body["code"], "EVENT_NOT_ON_SALE");
        let nowhere = put(app, EventId::random(), policy("op", 1)).await;
        assert_eq!(nowhere.expect(404).error(), "Event not found");
    })
    .await;
}

#[tokio::test]
async fn the_fence_keeps_older_and_foreign_writes_out() {
    with_app(async |app| {
        let event = event(app).await;
        let first = put(app, event, policy("op", 5)).await.expect(200);
        let again = put(app, event, policy("op", 5)).await.expect(200);
        assert_eq!(again.headers["etag"], first.headers["etag"]);
        let code = |answer: Answer| answer.expect(409).body["code"].as_str().unwrap().to_owned();
        assert_eq!(code(put(app, event, policy("op", 4)).await), "POLICY_OLDER");
        assert_eq!(
            code(put(app, event, policy("other", 9)).await),
            "POLICY_OWNED"
        );
        let mut moved = policy("op", 6);
        moved["opensAt"] = "2180-01-01T00:00:00Z".into();
        assert_eq!(code(put(app, event, moved).await), "SALE_ALREADY_OPEN");

        let with_tag = |tag: &str| app.client.internal().with_header("if-match", tag);
        let wrong = with_tag("\"0\"")
            .put(&path(event), policy("other", 1))
            .await;
        assert_eq!(code(wrong), "POLICY_OWNED");
        let tag = first.headers["etag"].to_str().unwrap();
        // Whatever the admin API shows, what a resource declares is changed there.
        let admin = with_tag(tag).put(&path(event), policy("admin", 1)).await;
        assert_eq!(code(admin), "POLICY_OWNED");
        let taken = with_tag(tag)
            .put(&path(event), policy("other", 1))
            .await
            .expect(200);
        assert_ne!(taken.headers["etag"], first.headers["etag"]);
    })
    .await;
}

#[tokio::test]
async fn of_two_writes_at_once_the_newer_one_stays() {
    with_app(async |app| {
        let event = event(app).await;
        for round in 0..10 {
            let writes = [2 * round + 1, 2 * round + 2].map(|n| put(app, event, policy("op", n)));
            let answers = futures::future::join_all(writes).await;
            answers[1]
                .status
                .is_success()
                .then_some(())
                .expect("the newer one is accepted");
            let read = app.client.internal().get(&path(event)).await.expect(200);
            assert_eq!(read.body["fence"]["sequence"], 2 * round + 2);
        }
    })
    .await;
}

#[tokio::test]
async fn holds_and_payments_live_as_long_as_the_policy_says() {
    with_app(async |app| {
        let (event, seats) = app.seated(2).await;
        let kind = app.ticket_type(event, "A", 1000, 5).await;
        let hold = app.fan(event).hold(seats[0]).await;
        assert!(seconds_left(app, hold.id).await <= 300.0);
        let mut policy = policy("op", 1);
        policy["closesAt"] = serde_json::Value::Null;
        put(app, event, policy).await.expect(200);

        let fan = app.fan(event);
        for hold in [fan.hold(seats[1]).await, fan.places(kind, 1).await] {
            let left = seconds_left(app, hold.id).await;
            assert!((1190.0..=1200.0).contains(&left), "{left}");
            app.pay(&hold, &format!("ORD-{}", hold.id))
                .await
                .expect(200);
            let left = seconds_left(app, hold.id).await;
            assert!((2390.0..=2400.0).contains(&left), "{left}");
        }
        let lock: i64 = {
            let key = format!("seat:{{{event}}}:{}", seats[1]);
            let mut command = redis::cmd("PTTL");
            command.arg(&key);
            command
                .query_async(&mut app.redis.client.connection())
                .await
                .unwrap()
        };
        assert!(lock > 2_400_000, "the lock outlives the hold: {lock} ms");
    })
    .await;
}

#[tokio::test]
async fn what_a_policy_declares_is_not_changed_in_the_admin_console() {
    with_app(async |app| {
        let event = event(app).await;
        put(app, event, policy("op", 1)).await.expect(200);
        let admin = app.admin();
        let path_of_event = format!("/api/admin/events/{event}");
        let form = |starts: &str| {
            json!({"title": "New title", "venue": "V", "eventDate": "2199-01-01T00:00:00Z",
                   "saleStartDate": starts, "saleEndDate": "2190-01-01T09:00:00+09:00"})
        };
        let refused = admin
            .put(&path_of_event, form("2021-01-01T00:00:00Z"))
            .await
            .expect(409);
        assert_eq!(refused.body["code"], "SALE_DATES_DECLARED");
        // The edit form sends all it was filled with.
        admin
            .put(&path_of_event, form("2020-01-01T09:00:00+09:00"))
            .await
            .expect(200);

        let release = |owner: &str| {
            let path = format!("{}?owner={owner}", path(event));
            async move { app.client.internal().delete(&path).await }
        };
        release("somebody-else").await.expect(409);
        release("op").await.expect(204);
        release("op").await.expect(204);
        app.client.internal().get(&path(event)).await.expect(404);
        admin
            .put(&path_of_event, form("2021-01-01T00:00:00Z"))
            .await
            .expect(200);
    })
    .await;
}

#[tokio::test]
async fn a_policy_no_sale_can_be_run_by_is_refused_by_field() {
    with_app(async |app| {
        let event = event(app).await;
        for (field, value) in [
            ("closesAt", json!("2019-01-01T00:00:00Z")),
            ("opensAt", json!("tomorrow")),
            ("maxActive", json!(0)),
            ("maxActive", json!(-1)),
            ("admitPerSecond", json!(1e9)),
            ("seatSeconds", json!(0)),
            ("message", json!("a\0b")),
            ("suspended", json!("yes")),
        ] {
            let mut broken = policy("op", 1);
            broken[field] = value;
            let refused = put(app, event, broken).await.expect(400);
            assert!(
                refused.body["code"].is_string(),
                "{field}: {}",
                refused.body
            );
        }
        let mut after_the_end = policy("op", 1);
        after_the_end["opensAt"] = "2195-01-01T00:00:00Z".into();
        after_the_end["closesAt"] = Value::Null;
        let refused = put(app, event, after_the_end).await.expect(400);
        assert_eq!(refused.body["code"], "INVALID_SALE_DATES");
        app.client.internal().get(&path(event)).await.expect(404);
    })
    .await;
}
