//! Ends by an organiser: events that are called off or deleted, and single reservations.

use serde_json::{Value, json};
use urr_contract::{ReservationId, internal::OrderOutcome};
use urr_testkit::Answer;
use urr_ticket::jobs::called_off;

use crate::app::{App, SEAT_PRICE, with_app};

async fn set_status(app: &App, id: ReservationId, body: Value) -> Answer {
    let path = format!("/api/admin/reservations/{id}/status");
    app.admin().patch(&path, body).await
}

#[tokio::test]
async fn a_called_off_event_ends_every_reservation_and_tells_of_each() {
    with_app(async |app| {
        let (event, seats) = app.seated(3).await;
        let ticket_type = app.ticket_type(event, "R", 1_000, 5).await;
        let sold = app.fan(event).hold(seats[0]).await;
        app.buy(&sold, "ORD-1").await;
        let held = app.fan(event).hold(seats[1]).await;
        let places = app.fan(event).places(ticket_type, 2).await;
        app.buy(&places, "ORD-2").await;
        let paying = app.fan(event).hold(seats[2]).await;
        app.pay(&paying, "ORD-3").await.expect(200);
        let before = app.fan(event).places(ticket_type, 1).await;
        app.fan_named(before.user, event).cancel(before.id).await;

        let path = format!("/api/admin/events/{event}/cancel");
        let body = app.admin().post(&path, Value::Null).await.expect(200).body;
        assert_eq!(body["cancelledReservations"], 4);
        assert_eq!(body["event"]["status"], "cancelled");
        assert_eq!(
            body["message"],
            "Event cancelled successfully. Reservations were cancelled and refundable cases marked refunded."
        );
        // What was paid is told with its order, from which payment gives the money back.
        for (hold, order) in [(&sold, "ORD-1"), (&places, "ORD-2")] {
            assert_eq!(app.stage(hold.id).await, "cancelled/refund_requested");
            let fact = app.last_fact(hold.id).await;
            assert_eq!(fact["type"], "RESERVATION_CANCELLED");
            assert_eq!(fact["orderId"], order);
            assert_eq!(fact["wasConfirmed"], true);
            assert_eq!(fact["reason"], "Event was cancelled");
        }
        assert_eq!(app.stage(held.id).await, "cancelled/pending");
        assert_eq!(app.stage(paying.id).await, "cancelled/pending");
        assert_eq!(app.payment.asked(), ["ORD-3/void"]);
        for seat in &seats {
            assert_eq!(app.seat_status(*seat).await, "available");
        }
        assert_eq!(app.available(ticket_type).await, 5);
        app.fan(event).try_seat(seats[0]).await.expect(409);
        app.admin().post(&path, Value::Null).await.expect(404);
    })
    .await;
}

#[tokio::test]
async fn what_is_in_doubt_when_an_event_is_called_off_ends_later() {
    with_app(async |app| {
        let (event, seats) = app.seated(2).await;
        let doubtful = app.fan(event).hold(seats[0]).await;
        app.pay(&doubtful, "ORD-1").await.expect(200);
        let captured = app.fan(event).hold(seats[1]).await;
        app.pay(&captured, "ORD-2").await.expect(200);
        app.payment.order_is("ORD-1", OrderOutcome::InDoubt, None);
        let amount = Some(SEAT_PRICE);
        app.payment
            .order_is("ORD-2", OrderOutcome::Captured, amount);
        let path = format!("/api/admin/events/{event}/cancel");
        let body = app.admin().post(&path, Value::Null).await.expect(200).body;
        assert_eq!(body["cancelledReservations"], 2);
        assert_eq!(app.stage(doubtful.id).await, "pending/processing");
        assert_eq!(app.stage(captured.id).await, "cancelled/refund_requested");

        assert_eq!(called_off::run(&app.state).await.unwrap(), 0);
        app.payment
            .order_is("ORD-1", OrderOutcome::Captured, amount);
        assert_eq!(called_off::run(&app.state).await.unwrap(), 1);
        assert_eq!(app.stage(doubtful.id).await, "cancelled/refund_requested");
        let ending = sqlx::query_scalar!(r#"select count(*) as "count!" from events where ending"#)
            .fetch_one(&app.pool)
            .await
            .unwrap();
        assert_eq!(ending, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn holds_that_race_with_a_calling_off_end_with_it() {
    with_app(async |app| {
        let (event, seats) = app.seated(24).await;
        let admin = app.admin();
        let path = format!("/api/admin/events/{event}/cancel");
        let fans = seats
            .iter()
            .map(|seat| async { app.fan(event).try_seat(*seat).await.status.as_u16() });
        let (answers, cancelled) = tokio::join!(
            futures::future::join_all(fans),
            admin.post(&path, Value::Null)
        );
        cancelled.expect(200);
        assert!(answers.iter().all(|status| matches!(status, 200 | 409)));
        while called_off::run(&app.state).await.unwrap() > 0 {}
        for seat in &seats {
            assert_eq!(app.seat_status(*seat).await, "available");
        }
    })
    .await;
}

#[tokio::test]
async fn a_deleted_event_is_gone_but_not_for_those_who_bought() {
    with_app(async |app| {
        let (event, seats) = app.seated(1).await;
        let fan = app.fan(event);
        let sold = fan.hold(seats[0]).await;
        app.buy(&sold, "ORD-1").await;
        let path = format!("/api/admin/events/{event}");
        let body = app.admin().delete(&path).await.expect(200).body;
        assert_eq!(
            body,
            json!({"message": "Event deleted successfully", "cancelledReservations": 1})
        );
        assert_eq!(app.stage(sold.id).await, "cancelled/refund_requested");
        app.client
            .get(&format!("/api/events/{event}"))
            .await
            .expect(404);
        app.client
            .get(&format!("/api/seats/events/{event}"))
            .await
            .expect(404);
        let events = app.client.get("/api/events").await.body;
        assert_eq!(events["pagination"]["total"], 0);
        app.admin().delete(&path).await.expect(404);
        let mine = fan.detail(sold.id).await.expect(200).body;
        assert_eq!(mine["reservation"]["event_title"], "A night of tests");

        let (empty, _) = app.seated(2).await;
        app.ticket_type(empty, "A", 1, 1).await;
        let path = format!("/api/admin/events/{empty}");
        app.admin().delete(&path).await.expect(200);
        let left = sqlx::query_scalar!(r#"select count(*) as "count!" from events"#)
            .fetch_one(&app.pool)
            .await
            .unwrap();
        assert_eq!(left, 1);
    })
    .await;
}

#[tokio::test]
async fn an_administrator_changes_a_reservation_only_as_its_owner_or_payment_could() {
    with_app(async |app| {
        let (event, seats) = app.seated(3).await;
        let held = app.fan(event).hold(seats[0]).await;
        for body in [json!({}), json!({"status": null})] {
            let refused = set_status(app, held.id, body).await.expect(400);
            assert_eq!(refused.error(), "No status fields to update");
        }
        for body in [
            json!({"status": "sold"}),
            json!({"status": ""}),
            json!({"paymentStatus": "pending"}),
            json!({"status": 1}),
            json!({"status": "confirmed", "paymentStatus": "refunded"}),
        ] {
            set_status(app, held.id, body).await.expect(400);
        }
        let confirmed = json!({"status": "confirmed"});
        // Nobody paid: no ticket, and nothing to give back.
        set_status(app, held.id, confirmed.clone())
            .await
            .expect(409);
        let refused = set_status(app, held.id, json!({"status": "refunded"})).await;
        assert_eq!(refused.expect(409).body["code"], "NOT_PAID");
        assert_eq!(app.stage(held.id).await, "pending/pending");
        let path = format!("/api/admin/reservations/{}/status", held.id);
        let cancelled = json!({"status": "cancelled"});
        let body = app
            .admin()
            .put(&path, cancelled.clone())
            .await
            .expect(200)
            .body;
        assert_eq!(body["message"], "Reservation status updated");
        assert_eq!(body["reservation"]["status"], "cancelled");
        assert_eq!(body["reservation"]["payment_status"], "pending");
        set_status(app, held.id, cancelled).await.expect(200);
        assert_eq!(app.seat_status(seats[0]).await, "available");

        // Captured, and only payment knows.
        let paid = app.fan(event).hold(seats[1]).await;
        app.pay(&paid, "ORD-1").await.expect(200);
        app.payment
            .payment_is(paid.id, "ORD-1", OrderOutcome::Captured, SEAT_PRICE);
        set_status(app, paid.id, confirmed.clone())
            .await
            .expect(200);
        assert_eq!(app.stage(paid.id).await, "confirmed/completed");
        let refunded = json!({"status": "refunded"});
        let body = set_status(app, paid.id, refunded.clone())
            .await
            .expect(200)
            .body;
        assert_eq!(body["reservation"]["status"], "cancelled");
        assert_eq!(body["reservation"]["payment_status"], "refund_requested");
        assert_eq!(
            app.last_fact(paid.id).await["type"],
            "RESERVATION_CANCELLED"
        );
        set_status(app, paid.id, refunded).await.expect(200);
        set_status(app, paid.id, confirmed.clone())
            .await
            .expect(409);

        let nobody = ReservationId::random();
        assert_eq!(
            set_status(app, nobody, confirmed.clone())
                .await
                .expect(404)
                .error(),
            "Reservation not found"
        );
        let third = app.fan(event).hold(seats[2]).await;
        app.payment.set_down(true);
        set_status(app, third.id, confirmed).await.expect(503);
    })
    .await;
}
