//! What went wrong in the reference, by its number in the list of defects, and does not
//! here.

use serde_json::json;
use urr_contract::{EventId, FactId, internal::OrderOutcome};
use urr_ticket::jobs::{expiry, reconciliation};

use crate::app::{App, Hold, SEAT_PRICE, refunded, with_app};

async fn receive_refund(app: &App, hold: &Hold, order: &str) {
    app.receive(FactId::random(), refunded(hold, order))
        .await
        .unwrap();
}

#[tokio::test]
async fn defect_1_a_late_refund_never_frees_a_seat_that_is_somebody_elses() {
    with_app(async |app| {
        let (event, seats) = app.seated(1).await;
        let a = app.fan(event);
        let first = a.hold(seats[0]).await;
        app.buy(&first, "ORD-A").await;
        a.cancel(first.id).await.expect(200);
        let second = app.fan(event).hold(seats[0]).await;
        app.buy(&second, "ORD-B").await;

        // A's money comes back, by the fact and by a direct call.
        receive_refund(app, &first, "ORD-A").await;
        let body = json!({"userId": first.user, "orderId": "ORD-A", "reason": "user-request"});
        let path = format!("/internal/reservations/{}/refund", first.id);
        app.client.internal().post(&path, body).await.expect(200);

        assert_eq!(app.seat_status(seats[0]).await, "reserved");
        app.fan(event).try_seat(seats[0]).await.expect(409);
        assert_eq!(app.stage(second.id).await, "confirmed/completed");
    })
    .await;
}

#[tokio::test]
async fn defect_2_cancelling_an_expired_reservation_frees_nothing_twice() {
    with_app(async |app| {
        let (event, seats) = app.seated(1).await;
        let ticket_type = app.ticket_type(event, "R", 1_000, 2).await;
        let a = app.fan(event);
        let seat = a.hold(seats[0]).await;
        let places = a.places(ticket_type, 2).await;
        app.expire(seat.id).await;
        app.expire(places.id).await;
        let b = app.fan(event).hold(seats[0]).await;
        app.buy(&b, "ORD-B").await;

        for id in [seat.id, places.id] {
            let refused = a.cancel(id).await.expect(409);
            assert_eq!(refused.body["code"], "ALREADY_EXPIRED");
        }
        assert_eq!(app.seat_status(seats[0]).await, "reserved");
        assert_eq!(app.available(ticket_type).await, 2);
    })
    .await;
}

#[tokio::test]
async fn defect_3_a_double_click_gets_the_same_hold_and_keeps_its_lock() {
    with_app(async |app| {
        let (event, seats) = app.seated(1).await;
        let fan = app.fan(event);
        let first = fan.try_seat(seats[0]).await.expect(200);
        for _ in 0..2 {
            let again = fan.try_seat(seats[0]).await.expect(200);
            assert_eq!(again.body, first.body);
        }
        // The lock is still the hold's: others are refused by it.
        let refused = app.fan(event).try_seat(seats[0]).await.expect(409);
        assert_eq!(refused.body["code"], "SEAT_TAKEN");

        let hold = Hold {
            id: first.body["reservation"]["id"]
                .as_str()
                .unwrap()
                .parse()
                .unwrap(),
            user: fan.user,
            total: SEAT_PRICE,
            body: first.body,
        };
        app.buy(&hold, "ORD-1").await;
        assert_eq!(app.stage(hold.id).await, "confirmed/completed");
        // Sold is not held: a third click does not sell it again.
        fan.try_seat(seats[0]).await.expect(409);
    })
    .await;
}

#[tokio::test]
async fn defect_4_a_wiped_redis_between_hold_and_payment_loses_nobody_the_seat() {
    with_app(async |app| {
        let (event, seats) = app.seated(1).await;
        let hold = app.fan(event).hold(seats[0]).await;
        app.redis.flush().await;
        app.pay(&hold, "ORD-1").await.expect(200);
        app.redis.flush().await;
        app.fan(event).try_seat(seats[0]).await.expect(409);
        app.confirm(&hold, "ORD-1").await.expect(200);
        assert_eq!(app.stage(hold.id).await, "confirmed/completed");
        assert_eq!(app.seat_status(seats[0]).await, "reserved");
    })
    .await;
}

#[tokio::test]
async fn defect_9_a_captured_order_nobody_told_of_is_found_and_never_expires_first() {
    with_app(async |app| {
        let (event, seats) = app.seated(2).await;
        let fan = app.fan(event);
        let early = fan.hold(seats[0]).await;
        let late = fan.hold(seats[1]).await;
        for (hold, order) in [(&early, "ORD-1"), (&late, "ORD-2")] {
            app.pay(hold, order).await.expect(200);
            app.payment
                .payment_is(hold.id, order, OrderOutcome::Captured, SEAT_PRICE);
            app.payment
                .order_is(order, OrderOutcome::Captured, Some(SEAT_PRICE));
        }
        sqlx::query!("update reservations set updated_at = now() - interval '1 minute'")
            .execute(&app.pool)
            .await
            .unwrap();
        app.overdue(late.id).await;
        expiry::release_overdue(&app.state).await.unwrap();
        assert_eq!(app.stage(late.id).await, "pending/processing");
        reconciliation::run(&app.state).await.unwrap();
        assert_eq!(app.stage(early.id).await, "confirmed/completed");
        assert_eq!(app.stage(late.id).await, "confirmed/completed");
    })
    .await;
}

#[tokio::test]
async fn defect_13_a_refund_gives_standing_places_back() {
    with_app(async |app| {
        let event = app.event().await;
        let ticket_type = app.ticket_type(event, "GA", 1_000, 2).await;
        let fan = app.fan(event);
        let by_owner = fan.places(ticket_type, 1).await;
        app.buy(&by_owner, "ORD-1").await;
        fan.cancel(by_owner.id).await.expect(200);
        receive_refund(app, &by_owner, "ORD-1").await;
        assert_eq!(app.available(ticket_type).await, 2);

        let by_payment = fan.places(ticket_type, 1).await;
        app.buy(&by_payment, "ORD-2").await;
        let body = json!({"userId": fan.user, "orderId": "ORD-2", "reason": "user-request"});
        let path = format!("/internal/reservations/{}/refund", by_payment.id);
        app.client.internal().post(&path, body).await.expect(200);
        assert_eq!(app.available(ticket_type).await, 2);
    })
    .await;
}

#[tokio::test]
async fn defect_14_an_entry_pass_of_one_event_opens_no_other() {
    with_app(async |app| {
        let (first, _) = app.seated(1).await;
        let (second, seats) = app.seated(1).await;
        let ticket_type = app.ticket_type(second, "R", 1_000, 5).await;
        let fan = app.fan(first);
        let seat = json!({"eventId": second, "seatIds": seats});
        let places =
            json!({"eventId": second, "items": [{"ticketTypeId": ticket_type, "quantity": 1}]});
        for (path, body) in [("/api/seats/reserve", seat), ("/api/reservations", places)] {
            let refused = fan.client.post(path, body).await.expect(403);
            assert_eq!(refused.error(), "Queue entry token required");
            assert_eq!(refused.body["redirectTo"], "/queue");
        }
        assert_eq!(app.seat_status(seats[0]).await, "available");
    })
    .await;
}

#[tokio::test]
async fn defect_19_unknown_events_have_no_queue_and_one_person_no_ten_seats() {
    with_app(async |app| {
        let path = format!("/internal/events/{}/queue-info", EventId::random());
        app.client.internal().get(&path).await.expect(404);
        let (event, seats) = app.seated(10).await;
        let fan = app.fan(event);
        let mut held = 0;
        for seat in &seats {
            held += u32::from(fan.try_seat(*seat).await.status.is_success());
        }
        assert_eq!(held, 4);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn defect_24_contention_has_one_winner_with_redis_and_without() {
    with_app(async |app| {
        let (event, seats) = app.seated(2).await;
        for (round, seat) in seats.iter().enumerate() {
            if round == 1 {
                app.redis.stop();
            }
            let tries = (0..100).map(|_| {
                let fan = app.fan(event);
                async move { fan.try_seat(*seat).await.status.as_u16() }
            });
            let answers = futures::future::join_all(tries).await;
            let winners = answers.iter().filter(|status| **status == 200).count();
            let losers = answers.iter().filter(|status| **status == 409).count();
            assert_eq!((winners, losers), (1, 99), "round {round}");
        }
    })
    .await;
}
