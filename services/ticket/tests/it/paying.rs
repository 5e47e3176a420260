//! What payment asks: may this be paid, does this order fence it, is it sold.

use serde_json::{Value, json};
use urr_contract::{FactId, ReservationId, UserId};
use urr_ticket::{jobs::expiry, store::reservations as store};

use crate::app::{App, Hold, SEAT_PRICE, captured, with_app};

async fn validate(app: &App, id: ReservationId, user: UserId) -> urr_testkit::Answer {
    let path = format!("/internal/reservations/{id}/validate?userId={user}");
    app.client.internal().get(&path).await
}

async fn fenced(app: &App, id: ReservationId, order: &str) -> Value {
    let path = format!("/internal/reservations/{id}/fence?orderId={order}");
    app.client.internal().get(&path).await.expect(200).body["fenced"].clone()
}

#[tokio::test]
async fn validate_shows_the_row_to_its_owner_while_it_can_be_paid() {
    with_app(async |app| {
        let (event, seats) = app.seated(2).await;
        let fan = app.fan(event);
        let hold = fan.hold(seats[0]).await;
        let row = validate(app, hold.id, hold.user).await.expect(200).body;
        assert_eq!(row["id"], json!(hold.id));
        assert_eq!(row["user_id"], json!(hold.user));
        assert_eq!(row["event_id"], json!(event));
        assert_eq!(row["total_amount"], SEAT_PRICE);
        assert_eq!(row["status"], "pending");
        assert_eq!(row["payment_status"], "pending");

        let refused = validate(app, hold.id, UserId::random()).await.expect(403);
        assert_eq!(refused.error(), "Access denied");
        let refused = validate(app, ReservationId::random(), hold.user)
            .await
            .expect(404);
        assert_eq!(refused.error(), "Reservation not found");

        app.overdue(hold.id).await;
        let refused = validate(app, hold.id, hold.user).await.expect(400);
        assert_eq!(refused.error(), "Reservation has expired");
        app.expire(hold.id).await;
        let refused = validate(app, hold.id, hold.user).await.expect(400);
        assert_eq!(refused.error(), "Reservation is not pending");
    })
    .await;
}

#[tokio::test]
async fn paying_moves_the_end_once_and_repeats_get_the_first_order() {
    with_app(async |app| {
        let (event, seats) = app.seated(1).await;
        let hold = app.fan(event).hold(seats[0]).await;
        let first = app.pay(&hold, "ORD-1").await.expect(200).body;
        assert_eq!(first["orderId"], "ORD-1");
        assert_eq!(first["amount"], SEAT_PRICE);
        assert_eq!(first["eventTitle"], "A night of tests");
        let held_until = end(&hold.body["reservation"]["expiresAt"]);
        assert!(
            end(&first["expiresAt"])
                .duration_since(held_until)
                .as_secs()
                >= 299
        );

        for order in ["ORD-1", "ORD-2"] {
            let again = app.pay(&hold, order).await.expect(200).body;
            assert_eq!(again["orderId"], "ORD-1");
            assert_eq!(end(&again["expiresAt"]), end(&first["expiresAt"]));
        }
        assert_eq!(fenced(app, hold.id, "ORD-1").await, true);
        assert_eq!(fenced(app, hold.id, "ORD-2").await, false);
    })
    .await;
}

#[tokio::test]
async fn a_seat_whose_time_to_pay_is_over_is_fenced_until_payment_says_void() {
    with_app(async |app| {
        let (event, seats) = app.seated(1).await;
        let hold = app.fan(event).hold(seats[0]).await;
        app.pay(&hold, "ORD-1").await.expect(200);
        app.overdue(hold.id).await;
        assert_eq!(fenced(app, hold.id, "ORD-1").await, true);
        expiry::resolve_overdue(&app.state).await.unwrap();
        assert_eq!(app.stage(hold.id).await, "expired/pending");
        assert_eq!(fenced(app, hold.id, "ORD-1").await, false);
    })
    .await;
}

#[tokio::test]
async fn asking_about_the_fence_does_not_keep_a_hold_from_ending() {
    with_app(async |app| {
        let (event, seats) = app.seated(1).await;
        let hold = app.fan(event).hold(seats[0]).await;
        let mut busy = app.pool.begin().await.unwrap();
        store::lock(&mut busy, hold.id).await.unwrap();
        // Neither waits for the row's lock.
        assert_eq!(fenced(app, hold.id, "ORD-1").await, false);
        validate(app, hold.id, hold.user).await.expect(200);
        busy.rollback().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn nobody_begins_to_pay_for_an_event_that_was_called_off() {
    with_app(async |app| {
        let (event, seats) = app.seated(1).await;
        let hold = app.fan(event).hold(seats[0]).await;
        app.call_off(event).await;
        let refused = app.pay(&hold, "ORD-1").await.expect(409);
        assert_eq!(refused.error(), "Event is not on sale");
        assert_eq!(app.stage(hold.id).await, "pending/pending");
    })
    .await;
}

fn end(value: &Value) -> jiff::Timestamp {
    value.as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn nobody_pays_for_somebody_else_or_another_sum_or_what_has_ended() {
    with_app(async |app| {
        let (event, seats) = app.seated(1).await;
        let hold = app.fan(event).hold(seats[0]).await;
        let other = Hold {
            user: UserId::random(),
            ..hold.clone()
        };
        assert_eq!(
            app.pay(&other, "O").await.expect(403).error(),
            "Access denied"
        );
        let cheap = Hold {
            total: 1,
            ..hold.clone()
        };
        assert_eq!(
            app.pay(&cheap, "O").await.expect(400).error(),
            "Amount mismatch"
        );
        app.expire(hold.id).await;
        app.pay(&hold, "O").await.expect(400);
        assert_eq!(app.stage(hold.id).await, "expired/pending");
    })
    .await;
}

#[tokio::test]
async fn an_order_that_failed_makes_room_for_another_without_more_time() {
    with_app(async |app| {
        let (event, seats) = app.seated(1).await;
        let hold = app.fan(event).hold(seats[0]).await;
        let first = app.pay(&hold, "ORD-1").await.expect(200).body;
        let second = app.pay_instead_of(&hold, "ORD-2", &["ORD-0", "ORD-1"]);
        let second = second.await.expect(200).body;
        assert_eq!(second["orderId"], "ORD-2");
        assert_eq!(end(&second["expiresAt"]), end(&first["expiresAt"]));
        assert_eq!(fenced(app, hold.id, "ORD-1").await, false);
        // A request of the first that was lost on the way does not take it back.
        let late = app.pay(&hold, "ORD-1").await.expect(200).body;
        assert_eq!(late["orderId"], "ORD-2");
        app.confirm(&hold, "ORD-2").await.expect(200);
    })
    .await;
}

#[tokio::test]
async fn confirm_is_idempotent_by_order() {
    with_app(async |app| {
        let (event, seats) = app.seated(1).await;
        let hold = app.fan(event).hold(seats[0]).await;
        app.pay(&hold, "ORD-1").await.expect(200);
        for _ in 0..3 {
            let answer = app.confirm(&hold, "ORD-1").await.expect(200);
            assert_eq!(answer.body, json!({"ok": true}));
        }
        assert_eq!(
            app.facts(hold.id).await,
            ["RESERVATION_CREATED", "RESERVATION_CONFIRMED"]
        );
    })
    .await;
}

#[tokio::test]
async fn a_second_captured_order_is_rejected_once_and_the_ticket_stays() {
    with_app(async |app| {
        let (event, seats) = app.seated(1).await;
        let hold = app.fan(event).hold(seats[0]).await;
        app.buy(&hold, "ORD-1").await;
        for _ in 0..2 {
            let refused = app.confirm(&hold, "ORD-2").await.expect(409);
            assert_eq!(refused.body["code"], "RESERVATION_REJECTED");
        }
        let fact = app.last_fact(hold.id).await;
        assert_eq!(fact["type"], "RESERVATION_REJECTED");
        assert_eq!(fact["orderId"], "ORD-2");
        assert_eq!(app.facts(hold.id).await.len(), 3);
        assert_eq!(app.stage(hold.id).await, "confirmed/completed");
    })
    .await;
}

#[tokio::test]
async fn a_payment_by_somebody_else_or_of_another_sum_is_rejected() {
    with_app(async |app| {
        let (event, seats) = app.seated(1).await;
        let hold = app.fan(event).hold(seats[0]).await;
        let other = Hold {
            user: UserId::random(),
            ..hold.clone()
        };
        app.confirm(&other, "ORD-1").await.expect(409);
        let cheap = Hold {
            total: 1,
            ..hold.clone()
        };
        app.confirm(&cheap, "ORD-2").await.expect(409);
        assert_eq!(app.stage(hold.id).await, "pending/pending");
        app.buy(&hold, "ORD-3").await;
    })
    .await;
}

#[tokio::test]
async fn a_late_payment_gets_the_seat_if_it_is_still_free() {
    with_app(async |app| {
        let (event, seats) = app.seated(1).await;
        let ticket_type = app.ticket_type(event, "R", 1_000, 3).await;
        let fan = app.fan(event);
        let hold = fan.hold(seats[0]).await;
        app.expire(hold.id).await;
        app.confirm(&hold, "ORD-1").await.expect(200);
        assert_eq!(app.stage(hold.id).await, "confirmed/completed");
        assert_eq!(app.seat_status(seats[0]).await, "reserved");
        // Taken again means a newer token.
        assert_eq!(app.seat_token(seats[0]).await, 2);

        let places = fan.places(ticket_type, 2).await;
        app.expire(places.id).await;
        app.confirm(&places, "ORD-2").await.expect(200);
        assert_eq!(app.available(ticket_type).await, 1);
        app.fan(event).try_seat(seats[0]).await.expect(409);
    })
    .await;
}

#[tokio::test]
async fn a_late_payment_for_what_is_gone_is_rejected_exactly_once() {
    with_app(async |app| {
        let (event, seats) = app.seated(1).await;
        let ticket_type = app.ticket_type(event, "R", 1_000, 2).await;
        let late = app.fan(event);
        let hold = late.hold(seats[0]).await;
        let places = late.places(ticket_type, 2).await;
        app.expire(hold.id).await;
        app.expire(places.id).await;
        let other = app.fan(event);
        other.hold(seats[0]).await;
        other.places(ticket_type, 1).await;
        for (hold, order) in [(&hold, "ORD-1"), (&places, "ORD-2")] {
            for _ in 0..3 {
                app.confirm(hold, order).await.expect(409);
            }
            assert_eq!(
                app.facts(hold.id).await,
                [
                    "RESERVATION_CREATED",
                    "RESERVATION_EXPIRED",
                    "RESERVATION_REJECTED"
                ]
            );
            assert_eq!(app.stage(hold.id).await, "expired/refund_requested");
        }
        assert_eq!(app.available(ticket_type).await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_late_payment_never_lifts_a_person_over_the_cap() {
    with_app(async |app| {
        let (event, seats) = app.seated(5).await;
        let fan = app.fan(event);
        let late = fan.hold(seats[0]).await;
        app.expire(late.id).await;
        for seat in &seats[1..] {
            fan.hold(*seat).await;
        }
        app.confirm(&late, "ORD-1").await.expect(409);
        assert_eq!(app.seat_status(seats[0]).await, "available");
    })
    .await;
}

#[tokio::test]
async fn refund_by_payment_ends_a_sold_reservation_once() {
    with_app(async |app| {
        let (event, seats) = app.seated(1).await;
        let hold = app.fan(event).hold(seats[0]).await;
        app.buy(&hold, "ORD-1").await;
        let stranger = Hold {
            user: UserId::random(),
            ..hold.clone()
        };
        app.refund(&stranger, "ORD-1").await.expect(403);
        app.refund(&hold, "ORD-9").await.expect(200);
        assert_eq!(app.stage(hold.id).await, "confirmed/completed");
        for _ in 0..2 {
            app.refund(&hold, "ORD-1").await.expect(200);
        }
        assert_eq!(app.stage(hold.id).await, "cancelled/refund_requested");
        assert_eq!(app.seat_status(seats[0]).await, "available");
        let fact = app.last_fact(hold.id).await;
        assert_eq!(fact["type"], "RESERVATION_CANCELLED");
        assert_eq!(fact["reason"], "user-request");
        assert_eq!(fact["wasConfirmed"], true);
    })
    .await;
}

#[tokio::test]
async fn a_refund_that_overtakes_its_confirmation_is_not_rejected_as_well() {
    with_app(async |app| {
        let (event, seats) = app.seated(1).await;
        let hold = app.fan(event).hold(seats[0]).await;
        app.pay(&hold, "ORD-1").await.expect(200);
        app.refund(&hold, "ORD-1").await.expect(200);
        app.confirm(&hold, "ORD-1").await.expect(409);
        assert_eq!(
            app.facts(hold.id).await,
            ["RESERVATION_CREATED", "RESERVATION_CANCELLED"]
        );
    })
    .await;
}

#[tokio::test]
async fn a_refund_of_an_expired_reservation_keeps_its_late_capture_from_retaking_the_seat() {
    with_app(async |app| {
        let (event, seats) = app.seated(1).await;
        let hold = app.fan(event).hold(seats[0]).await;
        app.expire(hold.id).await;
        for _ in 0..2 {
            app.refund(&hold, "ORD-1").await.expect(200);
        }
        app.receive(FactId::random(), captured(&hold, "ORD-1"))
            .await
            .unwrap();
        app.confirm(&hold, "ORD-1").await.expect(409);
        assert_eq!(app.stage(hold.id).await, "expired/refund_requested");
        assert_eq!(app.seat_status(seats[0]).await, "available");
        assert_eq!(
            app.facts(hold.id).await,
            [
                "RESERVATION_CREATED",
                "RESERVATION_EXPIRED",
                "RESERVATION_REJECTED"
            ]
        );
    })
    .await;
}

#[tokio::test]
async fn the_refund_of_an_earlier_order_leaves_the_hold_to_the_one_that_pays() {
    with_app(async |app| {
        let (event, seats) = app.seated(1).await;
        let hold = app.fan(event).hold(seats[0]).await;
        app.pay(&hold, "ORD-1").await.expect(200);
        app.pay_instead_of(&hold, "ORD-2", &["ORD-1"])
            .await
            .expect(200);
        app.refund(&hold, "ORD-1").await.expect(200);
        app.confirm(&hold, "ORD-1").await.expect(409);
        app.confirm(&hold, "ORD-2").await.expect(200);
        assert_eq!(app.stage(hold.id).await, "confirmed/completed");
    })
    .await;
}
