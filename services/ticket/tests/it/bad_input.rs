//! Requests that nobody should send: the contract's status, a JSON body, and nothing lost.

use serde_json::{Value, json};
use urr_contract::{SeatId, TicketTypeId, UserId, headers};
use uuid::Uuid;

use crate::app::{App, with_app};

/// Neither a hold nor a line nor a taken place.
async fn nothing_happened(app: &App) {
    let count = sqlx::query_scalar!(
        r#"select (select count(*) from reservations) + (select count(*) from outbox)
                  + (select count(*) from idempotency_keys) as "count!""#
    )
    .fetch_one(&app.pool)
    .await
    .unwrap();
    assert_eq!(count, 0);
}

#[tokio::test]
async fn seat_holds_with_bad_bodies_are_400() {
    with_app(async |app| {
        let (event, seats) = app.seated(2).await;
        let fan = app.fan(event);
        let seat = seats[0];
        let long = "k".repeat(65);
        let bodies = [
            json!({}),
            json!({"seatIds": [seat]}),
            json!({"eventId": event}),
            json!({"eventId": null, "seatIds": [seat]}),
            json!({"eventId": event, "seatIds": null}),
            json!({"eventId": event, "seatIds": seat}),
            json!({"eventId": event, "seatIds": [null]}),
            json!({"eventId": event, "seatIds": [1]}),
            json!({"eventId": event, "seatIds": ["not-a-uuid"]}),
            json!({"eventId": "x", "seatIds": [seat]}),
            json!({"eventId": event, "seatIds": []}),
            json!({"eventId": event, "seatIds": seats}),
            json!({"eventId": event, "seatIds": [seat, seat]}),
            json!({"eventId": event, "seatIds": vec![seat; 10_000]}),
            json!({"eventId": event, "seatIds": [seat], "idempotencyKey": long}),
            json!({"eventId": event, "seatIds": [seat], "idempotencyKey": "a\u{0}b"}),
            json!({"eventId": event, "seatIds": [seat], "idempotencyKey": 7}),
            json!([]),
            json!("text"),
            Value::Null,
        ];
        for body in bodies {
            let refused = fan.client.post("/api/seats/reserve", body.clone()).await;
            assert_eq!(refused.status, 400, "{body}");
            assert!(!refused.error().is_empty(), "{body}");
            assert_eq!(refused.body["error"], refused.body["message"]);
        }
        for text in ["{", "{\"eventId\":}", "\u{feff}", "[[[[[["] {
            let refused = fan
                .client
                .send(http::Method::POST, "/api/seats/reserve", text)
                .await;
            assert!(!refused.expect(400).error().is_empty(), "{text}");
        }
        nothing_happened(app).await;
    })
    .await;
}

#[tokio::test]
async fn texts_of_the_contract_for_seat_holds() {
    with_app(async |app| {
        let (event, seats) = app.seated(2).await;
        let fan = app.fan(event);
        let text = async |ids: Value| {
            let body = json!({"eventId": event, "seatIds": ids});
            fan.client
                .post("/api/seats/reserve", body)
                .await
                .expect(400)
                .error()
                .to_owned()
        };
        assert_eq!(text(json!([])).await, "Please select at least one seat");
        assert_eq!(text(json!(seats)).await, "Only one seat can be selected");
        let many: Vec<SeatId> = (0..10_000).map(|_| SeatId::random()).collect();
        assert_eq!(text(json!(many)).await, "Only one seat can be selected");
        let missing = fan
            .client
            .post("/api/seats/reserve", json!({"seatIds": seats}))
            .await
            .expect(400);
        assert!(
            missing.error().ends_with("must not be null"),
            "{}",
            missing.error()
        );
    })
    .await;
}

#[tokio::test]
async fn standing_orders_with_bad_bodies_are_400() {
    with_app(async |app| {
        let event = app.event().await;
        let ticket_type = app.ticket_type(event, "R", 1_000, 50).await;
        let fan = app.fan(event);
        let quantities = [
            json!(0), json!(-1), json!(11), json!(1_i64 << 31), json!(-(1_i64 << 31)), json!(i64::MAX),
            json!(i64::MIN), json!(u64::MAX), json!(1.5), json!("1"), json!("１"), json!(null), json!(true),
            json!([1]),
        ];
        for quantity in quantities {
            let body = json!({"eventId": event, "items": [{"ticketTypeId": ticket_type, "quantity": quantity}]});
            let refused = fan.client.post("/api/reservations", body).await;
            assert_eq!(refused.status, 400, "{quantity}");
        }
        let huge = format!(
            r#"{{"eventId":"{event}","items":[{{"ticketTypeId":"{ticket_type}","quantity":1e309}}]}}"#
        );
        fan.client.send(http::Method::POST, "/api/reservations", huge).await.expect(400);
        let bodies = [
            json!({}),
            json!({"eventId": event}),
            json!({"eventId": event, "items": []}),
            json!({"eventId": event, "items": {}}),
            json!({"eventId": event, "items": [{}]}),
            json!({"eventId": event, "items": [{"ticketTypeId": "x", "quantity": 1}]}),
            json!({"eventId": event, "items": [{"quantity": 1}]}),
            json!({"eventId": event, "items": [{"ticketTypeId": ticket_type}]}),
        ];
        for body in bodies {
            let refused = fan.client.post("/api/reservations", body.clone()).await;
            assert_eq!(refused.status, 400, "{body}");
        }
        let text = async |quantity: i64| {
            fan.try_places(ticket_type, quantity).await.expect(400).error().to_owned()
        };
        assert_eq!(text(0).await, "must be greater than or equal to 1");
        assert_eq!(text(11).await, "must be less than or equal to 10");
        let empty = json!({"eventId": event, "items": []});
        let refused = fan.client.post("/api/reservations", empty).await;
        assert_eq!(refused.error(), "Reservation items are required");
        nothing_happened(app).await;
        assert_eq!(app.available(ticket_type).await, 50);
    })
    .await;
}

#[tokio::test]
async fn ten_thousand_items_are_answered_like_one() {
    with_app(async |app| {
        let event = app.event().await;
        let fan = app.fan(event);
        let items: Vec<Value> = (0..10_000)
            .map(|_| json!({"ticketTypeId": TicketTypeId::random(), "quantity": 1}))
            .collect();
        let body = json!({"eventId": event, "items": items});
        fan.client.post("/api/reservations", body).await.expect(404);
        nothing_happened(app).await;
    })
    .await;
}

#[tokio::test]
async fn ids_that_are_none_are_400_in_every_path() {
    with_app(async |app| {
        let client = app.client.as_user(UserId::random());
        for path in [
            "/api/events/1",
            "/api/events/null",
            "/api/tickets/event/x",
            "/api/tickets/availability/x",
            "/api/seats/events/00000000-0000-0000-0000-00000000000",
            "/api/seats/reservation/x",
            "/api/reservations/x",
            "/api/artists/%00",
        ] {
            let refused = client.get(path).await;
            assert_eq!(refused.status, 400, "{path}");
            assert!(!refused.error().is_empty(), "{path}");
        }
        client
            .post("/api/reservations/x/cancel", Value::Null)
            .await
            .expect(400);
        let internal = app.client.internal();
        internal
            .get("/internal/reservations/x/validate")
            .await
            .expect(400);
        let path = format!(
            "/internal/reservations/{}/validate?userId=x",
            Uuid::new_v4()
        );
        internal.get(&path).await.expect(400);
    })
    .await;
}

#[tokio::test]
async fn unknown_paths_and_methods_are_json() {
    with_app(async |app| {
        let client = app.client.as_user(UserId::random());
        let unknown = client.get("/api/seats/nothing/here").await.expect(404);
        assert!(!unknown.error().is_empty());
        let method = client.put("/api/events", json!({})).await.expect(405);
        assert!(!method.error().is_empty());
        // Old scripts ask for this list.
        client.get("/api/reservations").await.expect(404);
        app.client.get("/api/reservations").await.expect(401);
    })
    .await;
}

#[tokio::test]
async fn whoever_is_not_signed_in_is_401_whatever_the_body() {
    with_app(async |app| {
        let anonymous = app.client.through_gateway();
        let id = Uuid::new_v4();
        for body in [
            json!({}),
            json!({"eventId": id, "seatIds": [id]}),
            Value::Null,
        ] {
            for path in ["/api/seats/reserve", "/api/reservations"] {
                let refused = anonymous.post(path, body.clone()).await.expect(401);
                assert_eq!(refused.error(), "Authentication required");
            }
            anonymous
                .post(&format!("/api/reservations/{id}/cancel"), body)
                .await
                .expect(401);
        }
        for path in [
            "/api/reservations/my".to_owned(),
            format!("/api/reservations/{id}"),
        ] {
            anonymous.get(&path).await.expect(401);
        }
    })
    .await;
}

#[tokio::test]
async fn identity_headers_without_the_gateways_token_are_nobody() {
    with_app(async |app| {
        let (event, seats) = app.seated(1).await;
        let owner = app.fan(event);
        let hold = owner.hold(seats[0]).await;
        let user = owner.user.to_string();
        let spoofed = app
            .client
            .with_header(headers::USER_ID, &user)
            .with_header(headers::USER_ROLE, "admin")
            .with_header(headers::ENTRY_EVENT, &event.to_string())
            .with_header(headers::ENTRY_USER, &user)
            .with_header(headers::ENTRY_ADMISSION, &Uuid::new_v4().to_string())
            .with_header("x-forwarded-for", "127.0.0.1");
        for client in [
            spoofed.clone(),
            spoofed.with_header(headers::GATEWAY_TOKEN, "guessed"),
            spoofed.with_header(headers::GATEWAY_TOKEN, ""),
        ] {
            client
                .get(&format!("/api/reservations/{}", hold.id))
                .await
                .expect(401);
            client
                .post(
                    &format!("/api/reservations/{}/cancel", hold.id),
                    Value::Null,
                )
                .await
                .expect(401);
            let body = json!({"eventId": event, "seatIds": seats});
            client.post("/api/seats/reserve", body).await.expect(401);
        }
        // Signed in, but with an entry that the gateway did not verify.
        let unverified = app
            .client
            .as_user(UserId::random())
            .with_header("x-queue-entry-token", "x.y.z");
        let body = json!({"eventId": event, "seatIds": seats});
        unverified
            .post("/api/seats/reserve", body)
            .await
            .expect(403);
        assert_eq!(app.stage(hold.id).await, "pending/pending");
    })
    .await;
}

#[tokio::test]
async fn a_body_of_ten_megabytes_is_413() {
    with_app(async |app| {
        let (event, _) = app.seated(1).await;
        let body = format!(
            r#"{{"eventId":"{event}","seatIds":["{}"]}}"#,
            "x".repeat(10 << 20)
        );
        let refused = app
            .fan(event)
            .client
            .send(http::Method::POST, "/api/seats/reserve", body)
            .await;
        assert_eq!(refused.expect(413).body["code"], "BODY_TOO_LARGE");
    })
    .await;
}
