//! Webhooks are hints: whatever they say, the provider is asked.

use http::Method;
use serde_json::{Value, json};
use urr_contract::{Fact, FactId, facts::ReservationEndedV1};
use urr_payment::FaultPoint;

use crate::{App, book_of, ticket::Stage};

const PATH: &str = "/api/payments/webhooks/toss";

fn webhook(order: &str, status: &str) -> Value {
    json!({
        "eventType": "PAYMENT_STATUS_CHANGED",
        "createdAt": "2026-01-02T14:46:59.65327",
        "data": {"orderId": order, "paymentKey": "made up", "status": status, "totalAmount": 1},
    })
}

#[tokio::test]
async fn five_webhooks_in_any_order_change_nothing_twice() {
    let app = App::new().await;
    let fan = app.fan();
    let (order, key) = app.approved(fan).await;
    // The process dies before it can write the capture down; the webhook comes first.
    app.state.fault_points.arm(FaultPoint::AfterCapture);
    app.confirm(fan, &order, &key).await.expect(500);
    for status in ["CANCELED", "DONE", "ABORTED", "DONE", "EXPIRED"] {
        let answer = app
            .client
            .post(PATH, webhook(&order, status))
            .await
            .expect(200);
        assert_eq!(answer.body["ok"], true);
        urr_payment::work_once(&app.state).await.expect("works");
    }
    assert_eq!(app.status(&order).await, "confirmed");
    assert_eq!(app.book().await, book_of(1, 0));
    assert_eq!(app.fact_types().await, ["confirmed"]);
    assert_eq!(app.ticket.get(fan.reservation).stage, Stage::Sold);
}

#[tokio::test]
async fn a_lying_webhook_pays_and_ends_nothing() {
    let app = App::new().await;
    let fan = app.fan();
    let (order, _) = app.approved(fan).await;
    for status in ["DONE", "CANCELED", "ABORTED"] {
        app.client
            .post(PATH, webhook(&order, status))
            .await
            .expect(200);
        urr_payment::work_once(&app.state).await.expect("works");
    }
    assert_eq!(app.status(&order).await, "pending");
    assert_eq!(app.book().await, book_of(0, 0));
}

#[tokio::test]
async fn odd_webhooks_are_taken_and_forgotten() {
    let app = App::new().await;
    for body in [
        webhook("ORD_of_nobody", "DONE"),
        webhook("a\u{0}b", "DONE"),
        json!({"orderId": "ORD_of_nobody", "status": "DONE", "secret": "s"}),
        json!({"data": {"orderId": 7}}),
        json!({"data": []}),
        json!([]),
        json!(null),
    ] {
        let answer = app.client.send(Method::POST, PATH, body.to_string()).await;
        assert_eq!(answer.status, 200, "{body}");
    }
    for body in ["", "{", "<xml/>"] {
        app.client.send(Method::POST, PATH, body).await.expect(400);
    }
}

#[tokio::test]
async fn a_webhook_three_days_late_gives_the_ticket_or_the_money_back() {
    for seat_is_free in [true, false] {
        let app = App::new().await;
        let fan = app.fan();
        let (order, key) = app.approved(fan).await;
        assert_eq!(app.outcome(&order, "resolve").await, "void");
        app.capture_late(&order, &key).await;
        if !seat_is_free {
            app.ticket.set(fan.reservation, |reservation| {
                reservation.stage = Stage::Ended;
            });
        }
        app.client
            .post(PATH, webhook(&order, "DONE"))
            .await
            .expect(200);
        urr_payment::work_once(&app.state).await.expect("works");
        assert_eq!(app.status(&order).await, "confirmed");
        assert_eq!(app.fact_types().await, ["confirmed"]);
        if seat_is_free {
            assert_eq!(app.ticket.get(fan.reservation).stage, Stage::Sold);
            continue;
        }
        let rejected = ReservationEndedV1 {
            saga_id: None,
            reservation_id: fan.reservation,
            user_id: fan.user,
            event_id: None,
            reason: Some("Seat was sold to somebody else".to_owned()),
            was_confirmed: false,
            quantity: 1,
            order_id: Some(order.clone()),
            payer_id: Some(fan.user),
            timestamp: jiff::Timestamp::UNIX_EPOCH,
        };
        app.deliver(FactId::random(), Fact::ReservationRejected(rejected))
            .await;
        app.work().await;
        assert_eq!(app.status(&order).await, "refunded");
        assert_eq!(app.at_provider(&order).await, "CANCELED");
        assert_eq!(app.book().await, book_of(1, 1));
    }
}

#[tokio::test]
async fn money_given_back_by_hand_at_the_provider_ends_the_ticket() {
    let app = App::new().await;
    let fan = app.fan();
    let (order, key) = app.paid(fan).await;
    app.give_back_by_hand(&key).await;
    app.client
        .post(PATH, webhook(&order, "CANCELED"))
        .await
        .expect(200);
    urr_payment::work_once(&app.state).await.expect("works");
    assert_eq!(app.status(&order).await, "refunded");
    assert_eq!(app.ticket.get(fan.reservation).stage, Stage::Ended);
    assert_eq!(app.book().await, book_of(1, 1));
    assert_eq!(app.fact_types().await, ["confirmed", "refunded"]);
    app.work().await;
    assert_eq!(app.book().await, book_of(1, 1));
}
