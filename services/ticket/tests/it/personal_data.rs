//! What ticket holds about one person: shown, waited for, and kept without their words.

use serde_json::{Value, json};
use urr_contract::UserId;

use crate::app::{App, with_app};

async fn asked(app: &App, user: UserId, what: &str) -> Value {
    let path = format!("/internal/users/{user}/{what}");
    app.client.internal().get(&path).await.expect(200).body
}

async fn open_codes(app: &App, user: UserId) -> Vec<String> {
    let body = asked(app, user, "open-matters").await;
    let open = body["openMatters"].as_array().unwrap();
    open.iter()
        .map(|matter| matter["code"].as_str().unwrap().to_owned())
        .collect()
}

async fn erase(app: &App, user: UserId) -> i64 {
    let path = format!("/internal/users/{user}/erase");
    let answer = app.client.internal().post(&path, json!({})).await;
    answer.expect(200).body["erased"].as_i64().unwrap()
}

#[tokio::test]
async fn a_person_sees_tickets_memberships_and_stored_answers_of_their_own() {
    with_app(async |app| {
        let (event, seats) = app.seated(2).await;
        let (fan, other) = (app.fan(event), app.fan(event));
        let body = json!({"eventId": event, "seatIds": [seats[0]], "idempotencyKey": "key-1"});
        let client = &fan.client;
        client.post("/api/seats/reserve", body).await.expect(200);
        other.hold(seats[1]).await;
        let artist = app.artist("10CM").await;
        app.join(fan.user, artist).await;
        let held = asked(app, fan.user, "personal-data").await;
        let data = &held["personalData"];
        let reservations = data["reservations"].as_array().unwrap();
        assert_eq!(reservations.len(), 1);
        assert_eq!(reservations[0]["eventTitle"], "A night of tests");
        assert_eq!(reservations[0]["items"][0]["seat"], "R-4-1");
        assert_eq!(data["memberships"][0]["artist"], "10CM");
        let log = data["memberships"][0]["pointLog"].as_array().unwrap();
        assert!(!log.is_empty());
        assert_eq!(data["storedAnswers"][0]["key"], "key-1");
        for kind in ["transfers", "payouts", "actsAsAdministrator"] {
            assert_eq!(data[kind], json!([]), "{kind}");
        }
        let path = format!("/internal/users/{}/personal-data", fan.user);
        app.client.get(&path).await.expect(401);
    })
    .await;
}

#[tokio::test]
async fn what_is_open_is_named_until_it_ends() {
    with_app(async |app| {
        let (event, seats) = app.seated(1).await;
        let fan = app.fan(event);
        assert!(open_codes(app, fan.user).await.is_empty());
        let hold = fan.hold(seats[0]).await;
        assert_eq!(open_codes(app, fan.user).await, ["HELD_RESERVATIONS"]);
        app.buy(&hold, "ORD-1").await;
        assert_eq!(open_codes(app, fan.user).await, ["UPCOMING_TICKETS"]);
        let client = app.client.as_user(fan.user);
        let body = json!({"reservationId": hold.id});
        client.post("/api/transfers", body).await.expect(200);
        assert_eq!(
            open_codes(app, fan.user).await,
            ["UPCOMING_TICKETS", "OPEN_LISTINGS"]
        );
        fan.cancel(hold.id).await.expect(200);
        assert_eq!(open_codes(app, fan.user).await, ["REFUNDS_PENDING"]);
        sqlx::query!("update reservations set payment_status = 'refunded'")
            .execute(&app.pool)
            .await
            .unwrap();
        assert!(open_codes(app, fan.user).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_ticket_of_an_event_that_is_over_keeps_nobody() {
    with_app(async |app| {
        let (event, seats) = app.seated(1).await;
        let fan = app.fan(event);
        let hold = fan.hold(seats[0]).await;
        app.buy(&hold, "ORD-1").await;
        sqlx::query!("update events set event_date = now() - interval '1 hour', sale_end_date = now() - interval '2 hours'")
            .execute(&app.pool)
            .await
            .unwrap();
        assert!(open_codes(app, fan.user).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn erasing_keeps_the_sale_and_drops_the_rest_once() {
    with_app(async |app| {
        let (event, seats) = app.seated(1).await;
        let fan = app.fan(event);
        let body = json!({"eventId": event, "seatIds": [seats[0]], "idempotencyKey": "key-1"});
        let client = &fan.client;
        client.post("/api/seats/reserve", body).await.expect(200);
        let artist = app.artist("10CM").await;
        app.join(fan.user, artist).await;
        app.client
            .as_admin(fan.user)
            .with_header("x-client-address", "192.0.2.7")
            .post(
                &format!("/api/admin/events/{event}/seats"),
                json!({"why": "words"}),
            )
            .await;
        assert!(erase(app, fan.user).await >= 4);
        assert_eq!(erase(app, fan.user).await, 0);
        let held = asked(app, fan.user, "personal-data").await;
        let data = &held["personalData"];
        assert_eq!(data["reservations"].as_array().unwrap().len(), 1);
        assert_eq!(data["storedAnswers"], json!([]));
        assert_eq!(data["memberships"][0]["status"], "expired");
        assert_eq!(data["memberships"][0]["points"], 0);
        assert_eq!(data["memberships"][0]["pointLog"], json!([]));
        let act = &data["actsAsAdministrator"][0];
        assert!(
            act["request"].is_null() && act["address"].is_null(),
            "{act}"
        );
    })
    .await;
}

#[tokio::test]
async fn the_log_forgets_addresses_before_acts() {
    with_app(async |app| {
        for (days, address) in [(1, "192.0.2.1"), (91, "192.0.2.2"), (1096, "192.0.2.3")] {
            sqlx::query!(
                "insert into admin_audit_logs (admin_user_id, action, resource_type, ip_address, created_at)
                 values (gen_random_uuid(), 'X', 'event', $1, now() - make_interval(days => $2))",
                address,
                days
            )
            .execute(&app.pool)
            .await
            .unwrap();
        }
        urr_ticket::jobs::retention::run(&app.state).await.unwrap();
        let left = sqlx::query_scalar!("select ip_address from admin_audit_logs order by created_at")
            .fetch_all(&app.pool)
            .await
            .unwrap();
        assert_eq!(left, [None, Some("192.0.2.1".to_owned())]);
    })
    .await;
}
