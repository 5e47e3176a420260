//! Holding a seat: the happy path, refusals, and who may.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use urr_contract::{EventId, SeatId, UserId};

use crate::app::{SEAT_PRICE, with_app};

#[tokio::test]
async fn a_seat_is_held_paid_and_shown_as_sold() {
    with_app(async |app| {
        let (event, seats) = app.seated(3).await;
        let fan = app.fan(event);
        let hold = fan.hold(seats[0]).await;

        let reservation = &hold.body["reservation"];
        assert_eq!(hold.body["message"], "Seat reserved temporarily");
        assert_eq!(reservation["totalAmount"], SEAT_PRICE);
        assert_eq!(reservation["fencingToken"], 1);
        assert_eq!(
            reservation["seats"],
            json!([{"id": seats[0], "seat_label": "R-4-1", "price": SEAT_PRICE, "status": "available", "version": 0}])
        );
        let number = reservation["reservationNumber"].as_str().unwrap();
        assert!(number.starts_with("TK") && number.len() == 24, "{number}");
        assert_eq!(app.seat_status(seats[0]).await, "locked");

        let shown = fan.detail(hold.id).await.expect(200).body;
        let shown = &shown["reservation"];
        assert_eq!(shown["status"], "pending");
        assert_eq!(shown["payment_status"], "pending");
        assert_eq!(shown["event_id"], json!(event));
        assert_eq!(
            shown["items"],
            json!([{"ticketTypeName": "R-4-1", "quantity": 1, "unitPrice": SEAT_PRICE, "subtotal": SEAT_PRICE,
                    "seatId": seats[0], "seatLabel": "R-4-1", "section": "R", "rowNumber": 4, "seatNumber": 1}])
        );
        assert_eq!(shown["seats"][0]["seatLabel"], "R-4-1");

        app.pay(&hold, "ORD-1").await.expect(200);
        assert_eq!(app.stage(hold.id).await, "pending/processing");
        app.confirm(&hold, "ORD-1").await.expect(200);
        assert_eq!(app.stage(hold.id).await, "confirmed/completed");
        assert_eq!(app.seat_status(seats[0]).await, "reserved");
        let shown = fan.detail(hold.id).await.expect(200).body;
        assert_eq!(shown["reservation"]["payment_method"], "toss");
        assert_eq!(
            app.facts(hold.id).await,
            ["RESERVATION_CREATED", "RESERVATION_CONFIRMED"]
        );
    })
    .await;
}

#[tokio::test]
async fn the_hold_ends_after_five_minutes_of_the_databases_clock() {
    with_app(async |app| {
        let (event, seats) = app.seated(1).await;
        let hold = app.fan(event).hold(seats[0]).await;
        let ends: Timestamp = hold.body["reservation"]["expiresAt"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap();
        let made = sqlx::query_scalar!(
            r#"select created_at as "created_at!" from reservations where id = $1"#,
            hold.id as urr_contract::ReservationId
        )
        .fetch_one(&app.pool)
        .await
        .unwrap()
        .to_jiff();
        assert_eq!(ends.duration_since(made), SignedDuration::from_mins(5));
    })
    .await;
}

#[tokio::test]
async fn a_taken_seat_is_409_from_redis_and_from_the_row() {
    with_app(async |app| {
        let (event, seats) = app.seated(2).await;
        app.fan(event).hold(seats[0]).await;
        let refused = app.fan(event).try_seat(seats[0]).await.expect(409);
        assert_eq!(refused.error(), "Seat already selected by another user");
        assert_eq!(refused.body["code"], "SEAT_TAKEN");

        app.redis.flush().await;
        let refused = app.fan(event).try_seat(seats[0]).await.expect(409);
        assert_eq!(refused.error(), "Seat already reserved: R-4-1");
    })
    .await;
}

#[tokio::test]
async fn nobody_holds_before_the_sale_after_it_or_of_a_cancelled_event() {
    with_app(async |app| {
        let changes = [
            "sale_start_date = now() + interval '1 second'",
            "sale_start_date = null",
            "sale_end_date = now()",
            "event_date = now()",
            "status = 'cancelled'",
        ];
        for change in changes {
            let (event, seats) = app.seated(1).await;
            let ticket_type = app.ticket_type(event, "S", 1_000, 5).await;
            set(app, event, change).await;
            let fan = app.fan(event);
            let refused = fan.try_seat(seats[0]).await.expect(409);
            assert_eq!(refused.body["code"], "EVENT_NOT_ON_SALE", "{change}");
            let refused = fan.try_places(ticket_type, 1).await.expect(409);
            assert_eq!(refused.body["code"], "EVENT_NOT_ON_SALE", "{change}");
            assert_eq!(app.seat_status(seats[0]).await, "available");
        }
    })
    .await;
}

#[expect(
    clippy::disallowed_methods,
    reason = "the column to change is a part of the statement"
)]
async fn set(app: &crate::app::App, event: EventId, change: &str) {
    let statement = format!("update events set {change} where id = $1");
    sqlx::query(sqlx::AssertSqlSafe(statement))
        .bind(event)
        .execute(&app.pool)
        .await
        .unwrap();
}

#[tokio::test]
async fn seats_of_another_event_or_of_none_are_404_and_leave_no_lock() {
    with_app(async |app| {
        let (event, seats) = app.seated(1).await;
        let (_, foreign) = app.seated(1).await;
        for seat in [foreign[0], SeatId::random()] {
            let refused = app.fan(event).try_seat(seat).await.expect(404);
            assert_eq!(refused.error(), "Selected seat not found");
        }
        let nowhere = EventId::random();
        app.fan(nowhere).try_seat(seats[0]).await.expect(404);
        // A failed try leaves nothing behind that would stop the next person.
        app.fan(event).hold(seats[0]).await;
    })
    .await;
}

#[tokio::test]
async fn an_entry_pass_of_another_person_or_none_is_403_before_the_body_is_read() {
    with_app(async |app| {
        let (event, seats) = app.seated(1).await;
        let user = UserId::random();
        let body = json!({"eventId": event, "seatIds": [seats[0]]});
        for client in [
            app.client.as_user(user),
            app.client.as_user(user).with_entry(event, UserId::random()),
        ] {
            for body in [body.clone(), json!({"nonsense": true})] {
                for path in ["/api/seats/reserve", "/api/reservations"] {
                    let refused = client.post(path, body.clone()).await.expect(403);
                    assert_eq!(refused.error(), "Queue entry token required");
                    assert_eq!(refused.body["redirectTo"], "/queue");
                }
            }
        }
    })
    .await;
}

#[tokio::test]
async fn one_person_holds_at_most_the_events_cap() {
    with_app(async |app| {
        let (event, seats) = app.seated(5).await;
        let fan = app.fan(event);
        for seat in &seats[..4] {
            fan.hold(*seat).await;
        }
        let refused = fan.try_seat(seats[4]).await.expect(403);
        assert_eq!(refused.body["code"], "PER_PERSON_LIMIT");
        assert_eq!(refused.body["maxPerPerson"], 4);
        // Somebody else is not meant by it.
        app.fan(event).hold(seats[4]).await;
    })
    .await;
}

#[tokio::test]
async fn the_seat_page_of_a_reservation_shows_its_seats() {
    with_app(async |app| {
        let (event, seats) = app.seated(1).await;
        let fan = app.fan(event);
        let hold = fan.hold(seats[0]).await;
        let path = format!("/api/seats/reservation/{}", hold.id);
        let shown = fan.client.get(&path).await.expect(200).body;
        assert_eq!(
            shown["reservation"]["seats"],
            json!([{"seatId": seats[0], "seatLabel": "R-4-1", "section": "R", "rowNumber": 4, "seatNumber": 1,
                    "price": SEAT_PRICE, "ticketTypeName": null, "quantity": 1}])
        );
        app.fan(event).client.get(&path).await.expect(404);
    })
    .await;
}

#[tokio::test]
async fn the_list_of_my_reservations_is_mine_and_newest_first() {
    with_app(async |app| {
        let (event, seats) = app.seated(3).await;
        let fan = app.fan(event);
        let first = fan.hold(seats[0]).await;
        let second = fan.hold(seats[1]).await;
        app.fan(event).hold(seats[2]).await;
        let list = fan
            .client
            .get("/api/reservations/my")
            .await
            .expect(200)
            .body;
        let list = list["reservations"].as_array().unwrap();
        assert_eq!(list.len(), 2);
        assert_eq!(list[0]["id"], json!(second.id));
        assert_eq!(list[1]["id"], json!(first.id));
        assert_eq!(
            list[1]["items"],
            json!([{"ticketTypeName": "R-4-1", "quantity": 1, "unitPrice": SEAT_PRICE,
                    "subtotal": SEAT_PRICE, "seatLabel": "R-4-1"}])
        );
        let created = list[0]["created_at"].as_str().unwrap();
        assert!(
            created.ends_with("+00:00") && created.len() == 29,
            "{created}"
        );
    })
    .await;
}
