//! Ends by time, with and without a payment under way.

use urr_contract::{EventId, FactId, internal::OrderOutcome};
use urr_ticket::{
    jobs::{expiry, reconciliation},
    store::events,
};

use crate::app::{SEAT_PRICE, captured, with_app};

#[tokio::test]
async fn overdue_holds_end_and_give_everything_back() {
    with_app(async |app| {
        let (event, seats) = app.seated(2).await;
        let ticket_type = app.ticket_type(event, "R", 1_000, 10).await;
        let fan = app.fan(event);
        let seat = fan.hold(seats[0]).await;
        let places = fan.places(ticket_type, 2).await;
        let other = app.fan(event).hold(seats[1]).await;
        app.overdue(seat.id).await;
        app.overdue(places.id).await;
        assert_eq!(expiry::release_overdue(&app.state).await.unwrap(), 2);
        assert_eq!(expiry::release_overdue(&app.state).await.unwrap(), 0);
        assert_eq!(app.stage(seat.id).await, "expired/pending");
        assert_eq!(app.stage(other.id).await, "pending/pending");
        assert_eq!(app.seat_status(seats[0]).await, "available");
        assert_eq!(app.available(ticket_type).await, 10);
        app.fan(event).hold(seats[0]).await;
    })
    .await;
}

#[tokio::test]
async fn more_overdue_holds_than_a_batch_end_in_one_run() {
    with_app(async |app| {
        let (event, seats) = app.seated(130).await;
        for seat in &seats {
            app.fan(event).hold(*seat).await;
        }
        sqlx::query!("update reservations set expires_at = now() - interval '1 second'")
            .execute(&app.pool)
            .await
            .unwrap();
        assert_eq!(expiry::release_overdue(&app.state).await.unwrap(), 130);
    })
    .await;
}

#[tokio::test]
async fn holds_end_while_redis_is_away_and_their_seats_can_be_held() {
    with_app(async |app| {
        let (event, seats) = app.seated(1).await;
        let hold = app.fan(event).hold(seats[0]).await;
        app.redis.stop();
        app.overdue(hold.id).await;
        assert_eq!(expiry::release_overdue(&app.state).await.unwrap(), 1);
        app.fan(event).hold(seats[0]).await;
    })
    .await;
}

#[tokio::test]
async fn two_replicas_end_a_hold_once() {
    with_app(async |app| {
        let (event, seats) = app.seated(20).await;
        let mut holds = Vec::new();
        for seat in &seats {
            let hold = app.fan(event).hold(*seat).await;
            app.overdue(hold.id).await;
            holds.push(hold);
        }
        let runs = (0..3).map(|_| expiry::release_overdue(&app.state));
        let ended: usize = futures::future::try_join_all(runs)
            .await
            .unwrap()
            .iter()
            .sum();
        assert_eq!(ended, 20);
    })
    .await;
}

#[tokio::test]
async fn a_hold_being_paid_ends_only_when_payment_says_void() {
    with_app(async |app| {
        let (event, seats) = app.seated(1).await;
        let hold = app.fan(event).hold(seats[0]).await;
        app.pay(&hold, "ORD-1").await.expect(200);
        app.overdue(hold.id).await;
        assert_eq!(expiry::release_overdue(&app.state).await.unwrap(), 0);

        app.payment.order_is("ORD-1", OrderOutcome::InDoubt, None);
        assert_eq!(expiry::resolve_overdue(&app.state).await.unwrap(), 1);
        assert_eq!(app.stage(hold.id).await, "pending/processing");
        // Asked again only after a pause.
        assert_eq!(expiry::resolve_overdue(&app.state).await.unwrap(), 0);
        app.fan(event).try_seat(seats[0]).await.expect(409);

        app.payment.order_is("ORD-1", OrderOutcome::Void, None);
        due_again(app).await;
        assert_eq!(expiry::resolve_overdue(&app.state).await.unwrap(), 1);
        assert_eq!(app.stage(hold.id).await, "expired/pending");
        assert_eq!(app.seat_status(seats[0]).await, "available");
        assert_eq!(app.last_fact(hold.id).await["orderId"], "ORD-1");
    })
    .await;
}

async fn due_again(app: &crate::app::App) {
    sqlx::query!("update reservations set resolve_after = now() - interval '1 second'")
        .execute(&app.pool)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_hold_whose_order_was_captured_is_sold_at_its_end() {
    with_app(async |app| {
        let (event, seats) = app.seated(1).await;
        let hold = app.fan(event).hold(seats[0]).await;
        app.pay(&hold, "ORD-1").await.expect(200);
        app.overdue(hold.id).await;
        app.payment
            .order_is("ORD-1", OrderOutcome::Captured, Some(SEAT_PRICE));
        expiry::resolve_overdue(&app.state).await.unwrap();
        assert_eq!(app.stage(hold.id).await, "confirmed/completed");
        app.confirm(&hold, "ORD-1").await.expect(200);
    })
    .await;
}

#[tokio::test]
async fn a_hold_being_paid_is_kept_while_payment_cannot_be_asked() {
    with_app(async |app| {
        let (event, seats) = app.seated(1).await;
        let hold = app.fan(event).hold(seats[0]).await;
        app.pay(&hold, "ORD-1").await.expect(200);
        app.overdue(hold.id).await;
        app.payment.set_down(true);
        expiry::resolve_overdue(&app.state).await.unwrap();
        assert_eq!(app.stage(hold.id).await, "pending/processing");
        // A captured order can still be confirmed: the seat is nobody else's.
        app.confirm(&hold, "ORD-1").await.expect(200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn expiry_against_confirm_leaves_a_ticket_or_a_refund_and_never_both() {
    with_app(async |app| {
        let (event, seats) = app.seated(40).await;
        app.set_cap(event, 100).await;
        for (index, seat) in seats.iter().enumerate() {
            let hold = app.fan(event).hold(*seat).await;
            let order = format!("ORD-{index}");
            app.overdue(hold.id).await;
            let rival = app.fan(event);
            let (expired, confirmed, _) = tokio::join!(
                urr_ticket::booking::expire::expire(&app.state, hold.id),
                app.confirm(&hold, &order),
                rival.try_seat(*seat),
            );
            expired.unwrap();
            let stage = app.stage(hold.id).await;
            let rejected = app
                .facts(hold.id)
                .await
                .contains(&"RESERVATION_REJECTED".to_owned());
            match confirmed.status.as_u16() {
                200 => assert_eq!((stage.as_str(), rejected), ("confirmed/completed", false)),
                409 => assert_eq!(
                    (stage.as_str(), rejected),
                    ("expired/refund_requested", true)
                ),
                other => panic!("confirm answered {other}"),
            }
        }
    })
    .await;
}

#[tokio::test]
async fn reconciliation_looks_at_holds_and_at_what_ended_and_asks_no_more_once_settled() {
    with_app(async |app| {
        let (event, seats) = app.seated(3).await;
        let fan = app.fan(event);
        let open = fan.hold(seats[0]).await;
        app.pay(&open, "ORD-1").await.expect(200);
        let ended = fan.hold(seats[1]).await;
        app.pay(&ended, "ORD-2").await.expect(200);
        fan.cancel(ended.id).await.expect(200);
        let unpaid = fan.hold(seats[2]).await;
        sqlx::query!("update reservations set updated_at = now() - interval '1 minute'")
            .execute(&app.pool)
            .await
            .unwrap();
        app.payment
            .payment_is(open.id, "ORD-1", OrderOutcome::Captured, SEAT_PRICE);
        app.payment
            .payment_is(ended.id, "ORD-2", OrderOutcome::Captured, SEAT_PRICE);
        assert_eq!(reconciliation::run(&app.state).await.unwrap(), 2);
        assert_eq!(app.stage(open.id).await, "confirmed/completed");
        assert_eq!(app.stage(ended.id).await, "cancelled/refund_requested");
        assert_eq!(app.stage(unpaid.id).await, "pending/pending");
        assert_eq!(reconciliation::run(&app.state).await.unwrap(), 0);
    })
    .await;
}

#[tokio::test]
async fn money_on_its_way_back_buys_no_ticket() {
    with_app(async |app| {
        let (event, seats) = app.seated(1).await;
        let fan = app.fan(event);
        let hold = fan.hold(seats[0]).await;
        app.pay(&hold, "ORD-1").await.expect(200);
        app.pay_instead_of(&hold, "ORD-2", &["ORD-1"])
            .await
            .expect(200);
        sqlx::query!("update reservations set updated_at = now() - interval '1 minute'")
            .execute(&app.pool)
            .await
            .unwrap();
        // Clients still see the first order as confirmed.
        app.payment
            .payment_is(hold.id, "ORD-1", OrderOutcome::Refunded, SEAT_PRICE);
        reconciliation::run(&app.state).await.unwrap();
        assert_eq!(app.stage(hold.id).await, "pending/processing");
        app.confirm(&hold, "ORD-1").await.expect(409);
        app.confirm(&hold, "ORD-2").await.expect(200);
    })
    .await;
}

#[tokio::test]
async fn an_order_that_was_refunded_at_the_end_of_its_hold_cannot_retake_the_seat() {
    with_app(async |app| {
        let (event, seats) = app.seated(1).await;
        let hold = app.fan(event).hold(seats[0]).await;
        app.pay(&hold, "ORD-1").await.expect(200);
        app.overdue(hold.id).await;
        app.payment
            .order_is("ORD-1", OrderOutcome::Refunded, Some(SEAT_PRICE));
        expiry::resolve_overdue(&app.state).await.unwrap();
        assert_eq!(app.stage(hold.id).await, "expired/refunded");
        app.receive(FactId::random(), captured(&hold, "ORD-1"))
            .await
            .unwrap();
        assert_eq!(app.stage(hold.id).await, "expired/refunded");
        assert_eq!(app.seat_status(seats[0]).await, "available");
    })
    .await;
}

#[tokio::test]
async fn calling_an_event_off_waits_for_holds_that_are_being_taken() {
    with_app(async |app| {
        let (event, _) = app.seated(1).await;
        let mut taking = app.pool.begin().await.unwrap();
        events::terms(&mut taking, event).await.unwrap();
        let mut calling_off = app.pool.begin().await.unwrap();
        sqlx::query!("set local lock_timeout = '100ms'")
            .execute(&mut *calling_off)
            .await
            .unwrap();
        let blocked = sqlx::query!(
            "update events set status = 'cancelled' where id = $1",
            event as EventId
        )
        .execute(&mut *calling_off)
        .await;
        assert!(urr_ticket::store::is_lock_timeout(&blocked.unwrap_err()));
        taking.commit().await.unwrap();
        calling_off.rollback().await.unwrap();
        app.call_off(event).await;
    })
    .await;
}
