//! Cancellation by the owner: unpaid, paid, and in the middle of paying.

use serde_json::json;
use urr_contract::{ReservationId, internal::OrderOutcome};

use crate::app::{SEAT_PRICE, with_app};

#[tokio::test]
async fn an_unpaid_hold_is_released_and_its_payment_status_stays() {
    with_app(async |app| {
        let (event, seats) = app.seated(1).await;
        let fan = app.fan(event);
        let hold = fan.hold(seats[0]).await;
        let answer = fan.cancel(hold.id).await.expect(200);
        assert_eq!(
            answer.body,
            json!({"message": "Reservation cancelled", "reservation": {"id": hold.id, "status": "cancelled"}})
        );
        assert_eq!(app.stage(hold.id).await, "cancelled/pending");
        let fact = app.last_fact(hold.id).await;
        assert_eq!(fact["type"], "RESERVATION_CANCELLED");
        assert_eq!(fact["reason"], "User requested cancellation");
        assert_eq!(fact["wasConfirmed"], false);
        assert!(app.payment.asked().is_empty());

        let again = fan.cancel(hold.id).await.expect(409);
        assert_eq!(again.error(), "Already cancelled reservation");
        // The next person gets the seat at once, under a newer token.
        let next = app.fan(event).hold(seats[0]).await;
        assert_eq!(next.body["reservation"]["fencingToken"], 2);
    })
    .await;
}

#[tokio::test]
async fn a_paid_reservation_is_released_and_its_refund_requested() {
    with_app(async |app| {
        let (event, seats) = app.seated(1).await;
        let fan = app.fan(event);
        let hold = fan.hold(seats[0]).await;
        app.buy(&hold, "ORD-1").await;
        fan.cancel(hold.id).await.expect(200);
        assert_eq!(app.stage(hold.id).await, "cancelled/refund_requested");
        let fact = app.last_fact(hold.id).await;
        assert_eq!(fact["wasConfirmed"], true);
        assert_eq!(fact["orderId"], "ORD-1");
        assert_eq!(app.seat_status(seats[0]).await, "available");
        fan.cancel(hold.id).await.expect(409);
    })
    .await;
}

#[tokio::test]
async fn somebody_elses_reservation_does_not_exist() {
    with_app(async |app| {
        let (event, seats) = app.seated(1).await;
        let hold = app.fan(event).hold(seats[0]).await;
        let other = app.fan(event);
        for id in [hold.id, ReservationId::random()] {
            let refused = other.cancel(id).await.expect(404);
            assert_eq!(refused.error(), "Reservation not found");
            other.detail(id).await.expect(404);
        }
        assert_eq!(app.stage(hold.id).await, "pending/pending");
    })
    .await;
}

#[tokio::test]
async fn a_hold_being_paid_is_cancelled_once_its_order_is_void() {
    with_app(async |app| {
        let (event, seats) = app.seated(1).await;
        let fan = app.fan(event);
        let hold = fan.hold(seats[0]).await;
        app.pay(&hold, "ORD-1").await.expect(200);
        app.payment.order_is("ORD-1", OrderOutcome::InDoubt, None);
        let refused = fan.cancel(hold.id).await.expect(409);
        assert_eq!(refused.body["code"], "PAYMENT_IN_PROGRESS");
        assert_eq!(app.stage(hold.id).await, "pending/processing");

        app.payment.order_is("ORD-1", OrderOutcome::Void, None);
        fan.cancel(hold.id).await.expect(200);
        assert_eq!(app.payment.asked(), ["ORD-1/void", "ORD-1/void"]);
        assert_eq!(app.stage(hold.id).await, "cancelled/pending");
    })
    .await;
}

#[tokio::test]
async fn a_hold_whose_order_turns_out_captured_is_sold_and_then_refunded() {
    with_app(async |app| {
        let (event, seats) = app.seated(1).await;
        let fan = app.fan(event);
        let hold = fan.hold(seats[0]).await;
        app.pay(&hold, "ORD-1").await.expect(200);
        app.payment
            .order_is("ORD-1", OrderOutcome::Captured, Some(SEAT_PRICE));
        fan.cancel(hold.id).await.expect(200);
        assert_eq!(app.stage(hold.id).await, "cancelled/refund_requested");
        assert_eq!(
            app.facts(hold.id).await,
            [
                "RESERVATION_CREATED",
                "RESERVATION_CONFIRMED",
                "RESERVATION_CANCELLED"
            ]
        );
        // The direct confirmation comes late and changes nothing.
        app.confirm(&hold, "ORD-1").await.expect(200);
        assert_eq!(app.stage(hold.id).await, "cancelled/refund_requested");
    })
    .await;
}

#[tokio::test]
async fn nothing_is_cancelled_while_payment_cannot_be_asked() {
    with_app(async |app| {
        let (event, seats) = app.seated(1).await;
        let fan = app.fan(event);
        let hold = fan.hold(seats[0]).await;
        app.pay(&hold, "ORD-1").await.expect(200);
        app.payment.set_down(true);
        fan.cancel(hold.id).await.expect(503);
        assert_eq!(app.stage(hold.id).await, "pending/processing");
    })
    .await;
}

#[tokio::test]
async fn a_payment_that_arrives_after_the_cancellation_is_rejected() {
    with_app(async |app| {
        let (event, seats) = app.seated(1).await;
        let fan = app.fan(event);
        let hold = fan.hold(seats[0]).await;
        fan.cancel(hold.id).await.expect(200);
        app.confirm(&hold, "ORD-1").await.expect(409);
        assert_eq!(app.stage(hold.id).await, "cancelled/refund_requested");
        assert_eq!(app.seat_status(seats[0]).await, "available");
    })
    .await;
}
