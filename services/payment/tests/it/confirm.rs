//! Confirm: the provider captures once, and the capture is written down once.

use serde_json::{Value, json};
use urr_contract::{Fact, UserId, Won};
use urr_payment::FaultPoint;
use urr_toss_simulator::CONFIRM_REFUSALS;

use crate::{App, Fan, PRICE, book_of, refused, ticket::Stage, unavailable};

#[tokio::test]
async fn a_payment_is_captured_written_down_and_handed_over() {
    let app = App::new().await;
    let fan = app.fan();
    let (order, key) = app.approved(fan).await;
    let answer = app.confirm(fan, &order, &key).await.expect(200).body;
    assert_eq!(answer["success"], true);
    let payment = &answer["payment"];
    assert_eq!(payment["orderId"], order);
    assert_eq!(payment["paymentKey"], key);
    assert_eq!(payment["amount"], PRICE);
    assert_eq!(payment["method"], "toss");
    assert!(payment["approvedAt"].is_string());

    assert_eq!(app.at_provider(&order).await, "DONE");
    assert_eq!(app.ticket.get(fan.reservation).stage, Stage::Sold);
    assert_eq!(app.book().await, book_of(1, 0));
    let facts = app.facts().await;
    let [Fact::PaymentConfirmed(fact)] = facts.as_slice() else {
        panic!("{facts:?}");
    };
    assert_eq!(fact.order_id, order);
    assert_eq!(fact.user_id, fan.user);
    assert_eq!(fact.reservation_id, Some(fan.reservation));
    assert_eq!(fact.amount, Won(PRICE));
    assert_eq!(fact.payment_method, "toss");
}

#[tokio::test]
async fn an_invented_key_pays_nothing() {
    let app = App::new().await;
    let fan = app.fan();
    let order = app.prepare(fan).await;
    let answer = app.confirm(fan, &order, "no_such_key_at_toss").await;
    assert_eq!(answer.status, 400, "{}", answer.body);
    assert_eq!(app.status(&order).await, "failed");
    assert_ne!(app.ticket.get(fan.reservation).stage, Stage::Sold);
    assert_eq!(app.book().await, book_of(0, 0));
    assert_eq!(app.facts().await, []);
}

#[tokio::test]
async fn what_was_approved_for_less_is_not_captured() {
    let app = App::new().await;
    let fan = app.fan();
    let order = app.prepare(fan).await;
    let key = app.choose(&order, 1, "approve").await;
    app.confirm(fan, &order, &key).await.expect(400);
    assert_eq!(app.at_provider(&order).await, "IN_PROGRESS");
    assert_eq!(app.book().await, book_of(0, 0));
}

#[tokio::test]
async fn a_key_of_another_order_pays_nothing() {
    let app = App::new().await;
    let (first, second) = (app.fan(), app.fan());
    let (_, key) = app.paid(first).await;
    let order = app.prepare(second).await;
    refused(
        &app.confirm(second, &order, &key).await,
        409,
        "This payment key belongs to another order",
    );
    assert_eq!(app.status(&order).await, "pending");
    assert_eq!(app.book().await, book_of(1, 0));
}

#[tokio::test]
async fn orders_of_others_wrong_amounts_and_unknown_orders_are_refused() {
    let app = App::new().await;
    let fan = app.fan();
    let (order, key) = app.approved(fan).await;
    let stranger = Fan {
        user: UserId::random(),
        ..fan
    };
    refused(
        &app.confirm(stranger, &order, &key).await,
        403,
        "Access denied",
    );
    refused(
        &app.confirm(fan, "ORD_0", &key).await,
        404,
        "Payment not found",
    );
    for amount in [PRICE - 1, PRICE + 1] {
        let body = json!({"orderId": order, "paymentKey": key, "amount": amount});
        let answer = app.by(fan).post("/api/payments/confirm", body).await;
        refused(&answer, 400, "Amount mismatch");
    }
    assert_eq!(app.at_provider(&order).await, "IN_PROGRESS");
    app.confirm(fan, &order, &key).await.expect(200);
}

#[tokio::test]
async fn bad_bodies_are_400() {
    let app = App::new().await;
    let fan = app.fan();
    let (order, key) = app.approved(fan).await;
    let good = json!({"orderId": order, "paymentKey": key, "amount": PRICE});
    let bad = [
        ("orderId", json!("")),
        ("orderId", json!(" ")),
        ("orderId", Value::Null),
        ("orderId", json!("x".repeat(65))),
        ("orderId", json!("a\u{0}b")),
        ("paymentKey", json!("")),
        ("paymentKey", json!(5)),
        ("paymentKey", json!("x".repeat(201))),
        ("paymentKey", json!("a\u{0}b")),
        ("amount", json!(0)),
        ("amount", json!(-1)),
        ("amount", json!(1_u64 << 31)),
        ("amount", json!("100000")),
        ("amount", Value::Null),
    ];
    for (field, value) in bad {
        let mut body = good.clone();
        body[field] = value.clone();
        let answer = app.by(fan).post("/api/payments/confirm", body).await;
        assert_eq!(answer.status, 400, "{field} {value} gave {}", answer.body);
        let mut body = good.clone();
        body.as_object_mut().expect("an object").remove(field);
        let answer = app.by(fan).post("/api/payments/confirm", body).await;
        assert_eq!(answer.status, 400, "without {field}: {}", answer.body);
    }
    assert_eq!(app.status(&order).await, "pending");
}

#[tokio::test]
async fn the_same_confirm_twelve_times_captures_once() {
    let app = App::new().await;
    let fan = app.fan();
    let (order, key) = app.approved(fan).await;
    app.confirm(fan, &order, &key).await.expect(200);
    for _ in 0..11 {
        let again = app.confirm(fan, &order, &key).await;
        refused(&again, 400, "Payment already confirmed");
    }
    assert_eq!(app.book().await, book_of(1, 0));
    assert_eq!(app.fact_types().await, ["confirmed"]);
}

#[tokio::test]
async fn ten_confirms_at_once_capture_once() {
    let app = App::new().await;
    let fan = app.fan();
    let (order, key) = app.approved(fan).await;
    let answers = futures::future::join_all((0..10).map(|_| app.confirm(fan, &order, &key))).await;
    let won = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(won, 1);
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        let code = &answer.body["code"];
        assert!(
            code == "PAYMENT_ALREADY_CONFIRMED" || code == "PAYMENT_IN_DOUBT",
            "{}",
            answer.body
        );
    }
    assert_eq!(app.book().await, book_of(1, 0));
    assert_eq!(app.fact_types().await, ["confirmed"]);
}

/// Refusals after which the outcome is asked for instead of being told.
const UNCLEAR: [&str; 3] = [
    "FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING",
    "FAILED_INTERNAL_SYSTEM_PROCESSING",
    "UNKNOWN_PAYMENT_ERROR",
];
/// Refusals that are our own fault.
const OURS: [&str; 3] = [
    "INVALID_API_KEY",
    "UNAUTHORIZED_KEY",
    "INCORRECT_BASIC_AUTH_FORMAT",
];

#[tokio::test]
async fn every_published_refusal_is_answered_for_what_it_is() {
    let app = App::new().await;
    for refusal in CONFIRM_REFUSALS {
        let fan = app.fan();
        let (order, key) = app.approved(fan).await;
        app.fault(json!({
            "fault": "refuse", "code": refusal.code, "operation": "confirm",
            "orderId": order, "calls": 1,
        }))
        .await;
        let answer = app.confirm(fan, &order, &key).await;
        let status = app.status(&order).await;
        if OURS.contains(&refusal.code) {
            unavailable(&answer, "PROVIDER_UNAVAILABLE");
            assert_eq!(status, "pending", "{}", refusal.code);
            // Nothing was lost: the same approval is captured once the key is right.
            app.confirm(fan, &order, &key).await.expect(200);
        } else if UNCLEAR.contains(&refusal.code) {
            unavailable(&answer, "PAYMENT_IN_DOUBT");
            assert_eq!(status, "confirming", "{}", refusal.code);
            app.work().await;
            assert_eq!(app.status(&order).await, "confirmed", "{}", refusal.code);
        } else {
            refused(&answer, 400, refusal.message);
            assert_eq!(status, "failed", "{}", refusal.code);
            assert_ne!(app.at_provider(&order).await, "DONE");
        }
    }
}

#[tokio::test]
async fn nothing_is_captured_for_a_hold_that_is_gone() {
    let app = App::new().await;
    let fan = app.fan();
    let (order, key) = app.approved(fan).await;
    app.ticket.set(fan.reservation, |reservation| {
        reservation.stage = Stage::Ended;
    });
    refused(
        &app.confirm(fan, &order, &key).await,
        400,
        "Reservation has expired",
    );
    assert_eq!(app.status(&order).await, "voided");
    assert_eq!(app.at_provider(&order).await, "IN_PROGRESS");
}

#[tokio::test]
async fn nothing_is_captured_while_ticket_cannot_be_asked() {
    let app = App::new().await;
    let fan = app.fan();
    let (order, key) = app.approved(fan).await;
    app.ticket.fail_next(usize::MAX);
    unavailable(&app.confirm(fan, &order, &key).await, "TICKET_UNAVAILABLE");
    assert_eq!(app.status(&order).await, "pending");
    assert_eq!(app.at_provider(&order).await, "IN_PROGRESS");
    app.ticket.fail_next(0);
    urr_testkit::wait_for("ticket to be asked again", || async {
        app.confirm(fan, &order, &key).await.status == 200
    })
    .await;
}

#[tokio::test]
async fn a_wrong_secret_key_costs_nobody_an_order() {
    let app = App::with(&["--toss-secret-key", "another_key"]).await;
    let fan = app.fan();
    let (order, key) = app.approved(fan).await;
    unavailable(
        &app.confirm(fan, &order, &key).await,
        "PROVIDER_UNAVAILABLE",
    );
    assert_eq!(app.status(&order).await, "pending");
}

#[tokio::test]
async fn money_for_a_reservation_that_nobody_knows_any_more_goes_back() {
    let app = App::new().await;
    let fan = app.fan();
    let (order, key) = app.approved(fan).await;
    app.state.fault_points.arm(FaultPoint::AfterCapture);
    app.confirm(fan, &order, &key).await.expect(500);
    app.ticket.forget(fan.reservation);
    app.work().await;
    assert_eq!(app.status(&order).await, "refunded");
    assert_eq!(app.at_provider(&order).await, "CANCELED");
    assert_eq!(app.book().await, book_of(1, 1));
}

#[tokio::test]
async fn a_person_whose_seat_is_gone_is_told_of_the_refund() {
    let app = App::new().await;
    let fan = app.fan();
    let (order, key) = app.approved(fan).await;
    app.ticket.reject_orders();
    let answer = app.confirm(fan, &order, &key).await;
    assert_eq!(answer.status, 409, "{}", answer.body);
    assert_eq!(answer.body["code"], "PAYMENT_WILL_BE_REFUNDED");
    assert_eq!(app.fact_types().await, ["confirmed"]);
}
