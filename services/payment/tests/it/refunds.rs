//! Money goes back once, whoever asks and however often.

use http::Method;
use serde_json::json;
use urr_contract::{Fact, FactId, UserId, Won, facts::ReservationEndedV1};
use urr_kit::consumer::Applied;
use urr_payment::FaultPoint;
use urr_toss_simulator::CANCEL_REFUSALS;
use uuid::Uuid;

use crate::{App, Fan, PRICE, book_of, refused, text, ticket::Stage};

/// The fact of a reservation's end.
fn ended(fan: Fan, order: Option<&str>) -> ReservationEndedV1 {
    ReservationEndedV1 {
        saga_id: None,
        reservation_id: fan.reservation,
        user_id: fan.user,
        event_id: None,
        reason: Some("User requested cancellation".to_owned()),
        was_confirmed: true,
        quantity: 1,
        order_id: order.map(str::to_owned),
        payer_id: None,
        timestamp: jiff::Timestamp::UNIX_EPOCH,
    }
}

async fn assert_refunded_once(app: &App, order: &str) {
    assert_eq!(app.status(order).await, "refunded");
    assert_eq!(app.at_provider(order).await, "CANCELED");
    assert_eq!(app.book().await, book_of(1, 1));
    assert_eq!(app.fact_types().await, ["confirmed", "refunded"]);
}

#[tokio::test]
async fn a_cancelled_payment_goes_back_in_the_request() {
    let app = App::new().await;
    let fan = app.fan();
    let (order, key) = app.paid(fan).await;
    let answer = app.cancel(fan, &key).await.expect(200).body;
    assert_eq!(
        answer,
        json!({"success": true, "message": "Payment cancelled successfully", "refundAmount": PRICE})
    );
    assert_refunded_once(&app, &order).await;
    assert_eq!(app.ticket.get(fan.reservation).stage, Stage::Ended);
    let facts = app.facts().await;
    let Some(Fact::PaymentRefunded(fact)) = facts.last() else {
        panic!("{facts:?}");
    };
    assert_eq!(fact.order_id, order);
    assert_eq!(fact.reservation_id, Some(fan.reservation));
    assert_eq!(fact.amount, Won(PRICE));
    assert_eq!(fact.reason, "changed my mind");
    assert_eq!(fact.event_id, Some(app.ticket.get(fan.reservation).event));
    refused(
        &app.cancel(fan, &key).await,
        400,
        "Only confirmed payments can be cancelled",
    );
}

#[tokio::test]
async fn five_cancels_at_once_give_back_once() {
    let app = App::new().await;
    let fan = app.fan();
    let (order, key) = app.paid(fan).await;
    let answers = futures::future::join_all((0..5).map(|_| app.cancel(fan, &key))).await;
    for answer in &answers {
        assert!(
            matches!(answer.status.as_u16(), 200 | 400),
            "{}",
            answer.body
        );
    }
    assert!(answers.iter().any(|answer| answer.status == 200));
    app.work().await;
    assert_refunded_once(&app, &order).await;
}

#[tokio::test]
async fn only_the_payer_may_cancel_and_only_what_is_paid() {
    let app = App::new().await;
    let fan = app.fan();
    let (order, key) = app.approved(fan).await;
    refused(&app.cancel(fan, &key).await, 404, "Payment not found");
    refused(&app.cancel(fan, "a%00b").await, 404, "Payment not found");
    app.confirm(fan, &order, &key).await.expect(200);
    let stranger = Fan {
        user: UserId::random(),
        ..fan
    };
    refused(&app.cancel(stranger, &key).await, 403, "Access denied");
    let path = format!("/api/payments/{key}/cancel");
    refused(
        &app.client.post(&path, json!({})).await,
        401,
        "Authentication required",
    );
    let answer = app.by(fan).post(&path, json!({"cancelReason": 5})).await;
    assert_eq!(answer.status, 400);
    assert_eq!(app.status(&order).await, "confirmed");
    // No body at all is a cancel without a reason.
    app.by(fan).send(Method::POST, &path, "").await.expect(200);
    assert_refunded_once(&app, &order).await;
}

#[tokio::test]
async fn a_ticket_that_is_somebody_elses_by_now_keeps_the_money_where_it_is() {
    let app = App::new().await;
    let fan = app.fan();
    let (order, key) = app.paid(fan).await;
    app.ticket.set(fan.reservation, |reservation| {
        reservation.owner = UserId::random();
    });
    refused(&app.cancel(fan, &key).await, 403, "Access denied");
    app.ticket.fail_next(usize::MAX);
    assert_eq!(app.cancel(fan, &key).await.status, 503);
    assert_eq!(app.status(&order).await, "confirmed");
    assert_eq!(app.at_provider(&order).await, "DONE");
}

#[tokio::test]
async fn a_refund_that_times_out_is_carried_out_afterwards() {
    let app = App::with(&["--provider-timeout-ms", "1500"]).await;
    for fault in ["timeout_after", "timeout_before"] {
        let fan = app.fan();
        let (order, key) = app.paid(fan).await;
        app.fault(json!({"fault": fault, "operation": "cancel"}))
            .await;
        let answer = app.cancel(fan, &key).await.expect(200);
        assert_eq!(
            answer.body["message"],
            "Payment cancelled; the refund is on its way"
        );
        assert_eq!(app.status(&order).await, "refunding");
        let shown = app
            .by(fan)
            .get(&format!("/api/payments/order/{order}"))
            .await;
        assert_eq!(shown.body["payment"]["status"], "confirmed");
        urr_testkit::wait_for("the refund", || async {
            app.work().await;
            app.status(&order).await == "refunded"
        })
        .await;
        assert_eq!(app.at_provider(&order).await, "CANCELED");
    }
    assert_eq!(app.book().await, book_of(2, 2));
}

#[tokio::test]
async fn every_published_refusal_of_a_refund_is_tried_again() {
    let app = App::new().await;
    let mut refunds = 0;
    for refusal in CANCEL_REFUSALS {
        let fan = app.fan();
        let (order, key) = app.paid(fan).await;
        app.fault(json!({
            "fault": "refuse", "code": refusal.code, "operation": "cancel",
            "orderId": order, "calls": 1,
        }))
        .await;
        app.cancel(fan, &key).await.expect(200);
        assert_eq!(app.status(&order).await, "refunding", "{}", refusal.code);
        app.work().await;
        assert_eq!(app.status(&order).await, "refunded", "{}", refusal.code);
        refunds += 1;
        assert_eq!(
            app.book().await,
            book_of(refunds, refunds),
            "{}",
            refusal.code
        );
    }
}

#[tokio::test]
async fn a_crash_after_giving_back_gives_back_once() {
    let app = App::new().await;
    let fan = app.fan();
    let (order, key) = app.paid(fan).await;
    app.state.fault_points.arm(FaultPoint::AfterGivenBack);
    app.cancel(fan, &key).await.expect(200);
    assert_eq!(app.status(&order).await, "refunding");
    assert_eq!(app.at_provider(&order).await, "CANCELED");
    app.work().await;
    assert_refunded_once(&app, &order).await;
}

#[tokio::test]
async fn a_cancelled_reservation_is_refunded_once() {
    let app = App::new().await;
    let fan = app.fan();
    let (order, key) = app.paid(fan).await;
    let id = FactId::random();
    let fact = || Fact::ReservationCancelled(ended(fan, Some(&order)));
    assert_eq!(app.deliver(id, fact()).await, Applied::Now);
    assert_eq!(app.deliver(id, fact()).await, Applied::Before);
    assert_eq!(app.deliver(FactId::random(), fact()).await, Applied::Now);
    app.work().await;
    assert_refunded_once(&app, &order).await;
    app.deliver(FactId::random(), fact()).await;
    app.work().await;
    assert_refunded_once(&app, &order).await;
    let late = app.cancel(fan, &key).await;
    refused(&late, 400, "Only confirmed payments can be cancelled");
}

#[tokio::test]
async fn the_fact_and_the_request_at_once_refund_once() {
    let app = App::new().await;
    let fan = app.fan();
    let (order, key) = app.paid(fan).await;
    let fact = Fact::ReservationCancelled(ended(fan, Some(&order)));
    let (answer, _) = tokio::join!(app.cancel(fan, &key), app.deliver(FactId::random(), fact));
    assert!(
        matches!(answer.status.as_u16(), 200 | 400),
        "{}",
        answer.body
    );
    app.work().await;
    assert_refunded_once(&app, &order).await;
}

#[tokio::test]
async fn a_rejected_order_is_refunded_and_the_one_that_was_sold_is_not() {
    let app = App::new().await;
    let fan = app.fan();
    let (order, _) = app.paid(fan).await;
    let other = Fact::ReservationRejected(ended(fan, Some("ORD_1_BBBBBBBB")));
    app.deliver(FactId::random(), other).await;
    app.work().await;
    assert_eq!(app.status(&order).await, "confirmed");

    let this = Fact::ReservationRejected(ended(fan, Some(&order)));
    app.deliver(FactId::random(), this).await;
    app.work().await;
    assert_refunded_once(&app, &order).await;
}

#[tokio::test]
async fn the_end_of_an_unpaid_reservation_ends_its_order() {
    let app = App::new().await;
    let facts = [Fact::ReservationExpired, Fact::ReservationCancelled];
    for fact in facts {
        let fan = app.fan();
        let (order, key) = app.approved(fan).await;
        app.deliver(FactId::random(), fact(ended(fan, Some(&order))))
            .await;
        assert_eq!(app.status(&order).await, "voided");
        let answer = app.confirm(fan, &order, &key).await;
        assert_eq!(answer.body["code"], "PAYMENT_VOIDED");
    }
    assert_eq!(app.book().await, book_of(0, 0));
}

#[tokio::test]
async fn a_delayed_expiry_does_not_refund_a_sale_that_came_after_it() {
    let app = App::new().await;
    let fan = app.fan();
    let (order, _) = app.paid(fan).await;
    let expired = Fact::ReservationExpired(ended(fan, Some(&order)));
    app.deliver(FactId::random(), expired).await;
    app.work().await;
    assert_eq!(app.status(&order).await, "confirmed");
    assert_eq!(app.at_provider(&order).await, "DONE");
}

#[tokio::test]
async fn defect_10_a_ticket_that_changed_hands_gives_back_to_its_last_buyer_only() {
    let app = App::new().await;
    let seller = app.fan();
    let (sold, _) = app.paid(seller).await;
    let buyer = Fan {
        user: UserId::random(),
        ..seller
    };
    let bought = buy_listing(&app, buyer).await;
    let cancelled = Fact::ReservationCancelled(ended(buyer, Some(&bought)));
    app.deliver(FactId::random(), cancelled).await;
    app.work().await;
    assert_eq!(app.status(&bought).await, "refunded");
    assert_eq!(app.status(&sold).await, "confirmed");

    // A listing that was gone when its buyer's money arrived.
    let late = buy_listing(&app, buyer).await;
    let rejected = Fact::ReservationRejected(ended(buyer, Some(&late)));
    app.deliver(FactId::random(), rejected).await;
    app.work().await;
    assert_eq!(app.status(&late).await, "refunded");
    assert_eq!(app.status(&sold).await, "confirmed");
}

/// Pays for a listing; returns the order.
async fn buy_listing(app: &App, buyer: Fan) -> String {
    let listing = uuid::Uuid::new_v4();
    app.ticket.sell_other(listing, PRICE);
    let body = json!({"amount": PRICE, "paymentType": "transfer", "referenceId": listing});
    let client = app.by(buyer);
    let answer = client.post("/api/payments/prepare", body).await.expect(200);
    let order = text(&answer.body["orderId"]);
    let key = app.choose(&order, PRICE, "approve").await;
    app.confirm(buyer, &order, &key).await.expect(200);
    order
}

#[tokio::test]
async fn the_end_of_a_resold_ticket_pays_its_owner_back_and_not_who_sold_it() {
    let app = App::new().await;
    let seller = app.fan();
    let (sold, _) = app.paid(seller).await;
    let (buyer, listing) = (UserId::random(), Uuid::new_v4());
    app.ticket.sell_other(listing, PRICE);
    let client = app.client.as_user(buyer);
    let body = json!({"paymentType": "transfer", "referenceId": listing, "amount": PRICE});
    let answer = client.post("/api/payments/prepare", body).await.expect(200);
    let resold = text(&answer.body["orderId"]);
    let key = app.choose(&resold, PRICE, "approve").await;
    let body = json!({"orderId": resold, "paymentKey": key, "amount": PRICE});
    client.post("/api/payments/confirm", body).await.expect(200);

    let cancelled = ReservationEndedV1 {
        user_id: buyer,
        ..ended(seller, Some(&resold))
    };
    let fact = Fact::ReservationCancelled(cancelled);
    app.deliver(FactId::random(), fact).await;
    app.work().await;
    assert_eq!(app.status(&resold).await, "refunded");
    assert_eq!(app.status(&sold).await, "confirmed");
}

/// A cancellation whose fact became a dead letter used to be seen by the audit alone.
#[tokio::test]
async fn money_owed_by_a_lost_fact_is_found_by_asking_and_goes_back_once() {
    let app = App::new().await;
    let (lost, kept, back) = (app.fan(), app.fan(), app.fan());
    let (lost_order, _) = app.paid(lost).await;
    let (kept_order, _) = app.paid(kept).await;
    let (back_order, back_key) = app.paid(back).await;
    app.cancel(back, &back_key).await.expect(200);
    for order in [&lost_order, &back_order] {
        app.ticket.owe(order);
    }
    app.ticket.owe("ORD_1_UNKNOWN");
    let found = urr_payment::find_owed_back(&app.state).await;
    assert_eq!(found.expect("asked"), 1);
    app.work().await;
    for (order, status) in [
        (&lost_order, "refunded"),
        (&kept_order, "confirmed"),
        (&back_order, "refunded"),
    ] {
        assert_eq!(app.status(order).await, status);
    }
    assert_eq!(app.at_provider(&lost_order).await, "CANCELED");
    let found = urr_payment::find_owed_back(&app.state).await;
    assert_eq!(found.expect("asked"), 0);
    app.work().await;
    assert_eq!(app.book().await, book_of(3, 2));
}
