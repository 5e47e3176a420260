//! Same key, same person, same body: same bytes. Other body: 422. Other person: as if the
//! key did not exist.

use serde_json::{Value, json};
use urr_contract::SeatId;
use urr_testkit::Answer;

use crate::app::{App, Fan, with_app};

async fn hold_with(fan: &Fan, seat: SeatId, key: &str) -> Answer {
    let body = json!({"eventId": fan.event, "seatIds": [seat], "idempotencyKey": key});
    fan.client.post("/api/seats/reserve", body).await
}

#[tokio::test]
async fn a_repetition_gets_the_same_bytes_even_after_the_hold_has_ended() {
    with_app(async |app| {
        let (event, seats) = app.seated(1).await;
        let fan = app.fan(event);
        let first = hold_with(&fan, seats[0], "key").await.expect(200);
        let again = hold_with(&fan, seats[0], "key").await.expect(200);
        assert_eq!(first.bytes, again.bytes);

        let id = first.body["reservation"]["id"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap();
        app.expire(id).await;
        app.fan(event).hold(seats[0]).await;
        let again = hold_with(&fan, seats[0], "key").await.expect(200);
        assert_eq!(first.bytes, again.bytes);
    })
    .await;
}

#[tokio::test]
async fn another_body_under_the_same_key_is_422() {
    with_app(async |app| {
        let (event, seats) = app.seated(2).await;
        let ticket_type = app.ticket_type(event, "R", 1_000, 5).await;
        let fan = app.fan(event);
        hold_with(&fan, seats[0], "key").await.expect(200);
        let refused = hold_with(&fan, seats[1], "key").await.expect(422);
        assert_eq!(refused.body["code"], "IDEMPOTENCY_KEY_REUSED");
        let body = json!({
            "eventId": event, "items": [{"ticketTypeId": ticket_type, "quantity": 1}], "idempotencyKey": "key",
        });
        fan.client.post("/api/reservations", body).await.expect(422);
        assert_eq!(app.seat_status(seats[1]).await, "available");
        assert_eq!(app.available(ticket_type).await, 5);
    })
    .await;
}

#[tokio::test]
async fn the_key_of_another_person_does_not_exist() {
    with_app(async |app| {
        let (event, seats) = app.seated(2).await;
        let first = hold_with(&app.fan(event), seats[0], "key")
            .await
            .expect(200);
        let second = hold_with(&app.fan(event), seats[1], "key")
            .await
            .expect(200);
        assert_ne!(
            first.body["reservation"]["id"],
            second.body["reservation"]["id"]
        );
        hold_with(&app.fan(event), seats[0], "key")
            .await
            .expect(409);
    })
    .await;
}

#[tokio::test]
async fn a_refused_request_leaves_its_key_unused() {
    with_app(async |app| {
        let (event, seats) = app.seated(1).await;
        let other = app.fan(event);
        let hold = other.hold(seats[0]).await;
        let fan = app.fan(event);
        hold_with(&fan, seats[0], "key").await.expect(409);
        other.cancel(hold.id).await.expect(200);
        hold_with(&fan, seats[0], "key").await.expect(200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn twins_at_the_same_moment_make_one_hold_and_get_the_same_bytes() {
    with_app(async |app| {
        let (event, seats) = app.seated(1).await;
        let ticket_type = app.ticket_type(event, "R", 1_000, 50).await;
        let fan = app.fan(event);
        let seat = json!({"eventId": event, "seatIds": seats, "idempotencyKey": "a"});
        all_the_same(app, &fan, "/api/seats/reserve", seat).await;
        let places = json!({
            "eventId": event, "items": [{"ticketTypeId": ticket_type, "quantity": 2}], "idempotencyKey": "b",
        });
        all_the_same(app, &fan, "/api/reservations", places).await;
        assert_eq!(app.available(ticket_type).await, 48);
    })
    .await;
}

async fn all_the_same(app: &App, fan: &Fan, path: &'static str, body: Value) {
    let before = count(app).await;
    let twins = (0..12).map(|_| {
        let (client, body) = (fan.client.clone(), body.clone());
        async move { client.post(path, body).await.expect(200).bytes }
    });
    let answers = futures::future::join_all(twins).await;
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!(count(app).await, before + 1);
}

async fn count(app: &App) -> i64 {
    sqlx::query_scalar!(r#"select count(*) as "count!" from reservations"#)
        .fetch_one(&app.pool)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_twin_that_takes_too_long_is_503_and_not_409() {
    with_app(async |app| {
        let (event, seats) = app.seated(1).await;
        let fan = app.fan(event);
        // The first of the twins, in the middle of its transaction.
        let mut first = app.pool.begin().await.unwrap();
        urr_ticket::store::idempotency::claim(&mut first, fan.user, "key", b"hash")
            .await
            .unwrap();
        let refused = hold_with(&fan, seats[0], "key").await.expect(503);
        assert_eq!(refused.body["code"], "REQUEST_IN_PROGRESS");
        assert!(refused.headers.contains_key("retry-after"));
        first.rollback().await.unwrap();
        hold_with(&fan, seats[0], "key").await.expect(200);
    })
    .await;
}

#[tokio::test]
async fn keys_older_than_a_day_are_forgotten() {
    with_app(async |app| {
        let (event, seats) = app.seated(2).await;
        let fan = app.fan(event);
        hold_with(&fan, seats[0], "old").await.expect(200);
        hold_with(&fan, seats[1], "new").await.expect(200);
        sqlx::query!(
            "update idempotency_keys set created_at = now() - interval '25 hours' where key = 'old'"
        )
        .execute(&app.pool)
        .await
        .unwrap();
        urr_ticket::jobs::retention::run(&app.state).await.unwrap();
        let kept = sqlx::query_scalar!("select key from idempotency_keys")
            .fetch_all(&app.pool)
            .await
            .unwrap();
        assert_eq!(kept, ["new"]);
    })
    .await;
}
