//! What is not known, and what dies in between.

use std::time::Duration;

use serde_json::json;
use urr_payment::FaultPoint;

use crate::{App, Fan, PRICE, book_of, refused, ticket::Stage, unavailable};

/// Short enough to wait for, long enough for every answer that does come.
const IMPATIENT: [&str; 2] = ["--provider-timeout-ms", "1500"];

/// Paid once, handed over, told once.
async fn assert_paid_once(app: &App, fan: Fan, order: &str) {
    assert_eq!(app.status(order).await, "confirmed");
    assert_eq!(app.at_provider(order).await, "DONE");
    assert_eq!(app.ticket.get(fan.reservation).stage, Stage::Sold);
    assert_eq!(app.book().await, book_of(1, 0));
    assert_eq!(app.fact_types().await, ["confirmed"]);
}

#[tokio::test]
async fn a_time_out_after_capturing_ends_in_the_ticket() {
    let app = App::with(&IMPATIENT).await;
    let fan = app.fan();
    let (order, key) = app.approved(fan).await;
    app.fault(json!({"fault": "timeout_after", "operation": "confirm"}))
        .await;
    unavailable(&app.confirm(fan, &order, &key).await, "PAYMENT_IN_DOUBT");
    assert_eq!(app.status(&order).await, "confirming");
    app.work().await;
    assert_paid_once(&app, fan, &order).await;
    refused(
        &app.confirm(fan, &order, &key).await,
        400,
        "Payment already confirmed",
    );
}

#[tokio::test]
async fn a_time_out_before_capturing_is_tried_again() {
    let app = App::with(&IMPATIENT).await;
    let fan = app.fan();
    let (order, key) = app.approved(fan).await;
    app.fault(json!({"fault": "timeout_before", "operation": "confirm"}))
        .await;
    unavailable(&app.confirm(fan, &order, &key).await, "PAYMENT_IN_DOUBT");
    assert_eq!(app.at_provider(&order).await, "IN_PROGRESS");
    // The simulator may still be at the first request, whose repeat it then turns away.
    urr_testkit::wait_for("the repeat", || async {
        app.work().await;
        app.status(&order).await == "confirmed"
    })
    .await;
    assert_paid_once(&app, fan, &order).await;
}

#[tokio::test]
async fn in_doubt_is_what_everybody_is_told_meanwhile() {
    let app = App::with(&IMPATIENT).await;
    let fan = app.fan();
    let (order, key) = app.approved(fan).await;
    app.fault(json!({"fault": "timeout_after", "operation": "confirm"}))
        .await;
    unavailable(&app.confirm(fan, &order, &key).await, "PAYMENT_IN_DOUBT");
    unavailable(&app.confirm(fan, &order, &key).await, "PAYMENT_IN_DOUBT");
    unavailable(&app.try_prepare(fan).await, "PAYMENT_IN_DOUBT");
    assert_eq!(app.outcome(&order, "void").await, "in_doubt");
    let shown = app
        .by(fan)
        .get(&format!("/api/payments/order/{order}"))
        .await;
    assert_eq!(shown.expect(200).body["payment"]["status"], "pending");
    // Ticket asks at the end of the time: the provider knows.
    assert_eq!(app.outcome(&order, "resolve").await, "captured");
    assert_paid_once(&app, fan, &order).await;
}

#[tokio::test]
async fn an_order_in_doubt_whose_hold_is_gone_is_not_captured() {
    let app = App::with(&IMPATIENT).await;
    let fan = app.fan();
    let (order, key) = app.approved(fan).await;
    app.fault(json!({"fault": "timeout_before", "operation": "confirm"}))
        .await;
    unavailable(&app.confirm(fan, &order, &key).await, "PAYMENT_IN_DOUBT");
    app.ticket.set(fan.reservation, |reservation| {
        reservation.stage = Stage::Ended;
    });
    app.work().await;
    assert_eq!(app.status(&order).await, "voided");
    assert_eq!(app.at_provider(&order).await, "IN_PROGRESS");
    // The request that was lost arrives after all.
    app.capture_late(&order, &key).await;
    app.work().await;
    assert_eq!(app.status(&order).await, "confirmed");
    assert_eq!(app.book().await, book_of(1, 0));
    assert_eq!(app.fact_types().await, ["confirmed"]);
}

#[tokio::test]
async fn while_the_provider_is_away_nothing_is_decided() {
    let app = App::with(&[
        "--provider-timeout-ms",
        "1500",
        "--provider-url",
        "http://127.0.0.1:9",
    ])
    .await;
    let fan = app.fan();
    let order = app.prepare(fan).await;
    unavailable(&app.confirm(fan, &order, "k").await, "PAYMENT_IN_DOUBT");
    app.work().await;
    assert_eq!(app.status(&order).await, "confirming");
    assert_eq!(app.outcome(&order, "resolve").await, "in_doubt");
    assert_eq!(app.outcome(&order, "void").await, "in_doubt");

    let other = app.fan();
    let open = app.prepare(other).await;
    assert_eq!(app.outcome(&open, "resolve").await, "in_doubt");
    assert_eq!(app.status(&open).await, "pending");
}

#[tokio::test]
async fn a_late_answer_is_taken() {
    let app = App::new().await;
    let fan = app.fan();
    let (order, key) = app.approved(fan).await;
    app.fault(json!({"fault": "late", "delayMs": 200, "operation": "confirm"}))
        .await;
    app.confirm(fan, &order, &key).await.expect(200);
    assert_paid_once(&app, fan, &order).await;
}

#[tokio::test]
async fn a_crash_between_any_two_steps_ends_in_one_capture_and_the_ticket() {
    for point in [
        FaultPoint::BeforeCapture,
        FaultPoint::AfterCapture,
        FaultPoint::AfterRecord,
    ] {
        let app = App::new().await;
        let fan = app.fan();
        let (order, key) = app.approved(fan).await;
        app.state.fault_points.arm(point);
        app.confirm(fan, &order, &key).await.expect(500);
        let recorded = point == FaultPoint::AfterRecord;
        let status = if recorded { "confirmed" } else { "confirming" };
        assert_eq!(app.status(&order).await, status, "{point:?}");
        app.work().await;
        assert_eq!(app.status(&order).await, "confirmed", "{point:?}");
        assert_eq!(app.at_provider(&order).await, "DONE", "{point:?}");
        assert_eq!(app.book().await, book_of(1, 0), "{point:?}");
        // What ticket was not told directly it learns from the fact.
        assert_eq!(app.fact_types().await, ["confirmed"], "{point:?}");
        let sold = app.ticket.get(fan.reservation).stage == Stage::Sold;
        assert_eq!(sold, !recorded, "{point:?}");
        refused(
            &app.confirm(fan, &order, &key).await,
            400,
            "Payment already confirmed",
        );
    }
}

#[tokio::test]
async fn ticket_ends_an_open_order_and_learns_of_a_paid_one() {
    let app = App::new().await;
    for question in ["void", "resolve"] {
        let fan = app.fan();
        let (order, key) = app.approved(fan).await;
        assert_eq!(app.outcome(&order, question).await, "void");
        assert_eq!(app.outcome(&order, question).await, "void");
        let answer = app.confirm(fan, &order, &key).await;
        assert_eq!(answer.body["code"], "PAYMENT_VOIDED", "{}", answer.body);
        assert_eq!(app.at_provider(&order).await, "IN_PROGRESS");

        let paid = app.fan();
        let (order, key) = app.paid(paid).await;
        assert_eq!(app.outcome(&order, question).await, "captured");
        app.cancel(paid, &key).await.expect(200);
        assert_eq!(app.outcome(&order, question).await, "refunded");
        assert_eq!(app.outcome("ORD_nobody", question).await, "void");
        assert_eq!(app.outcome("a%00b", question).await, "void");
    }
    let path = "/internal/payments/orders/o/void";
    app.client.post(path, json!({})).await.expect(401);
    let wrong = app.client.with_header("authorization", "Bearer wrong");
    wrong.post(path, json!({})).await.expect(403);
}

#[tokio::test]
async fn what_ticket_is_told_of_a_capture_is_whole() {
    let app = App::new().await;
    let fan = app.fan();
    let (order, _) = app.paid(fan).await;
    let path = format!("/internal/payments/orders/{order}/resolve");
    let state = app
        .client
        .internal()
        .post(&path, json!({}))
        .await
        .expect(200)
        .body;
    assert_eq!(state["outcome"], "captured");
    assert_eq!(state["method"], "toss");
    assert_eq!(state["amount"], PRICE);
    assert!(state["paymentId"].is_string());
}

#[tokio::test]
async fn void_and_confirm_at_once_never_both_win() {
    let app = App::new().await;
    for _ in 0..20 {
        let fan = app.fan();
        let (order, key) = app.approved(fan).await;
        let (answer, outcome) =
            tokio::join!(app.confirm(fan, &order, &key), app.outcome(&order, "void"));
        let captured = app.at_provider(&order).await == "DONE";
        assert_eq!(captured, answer.status == 200, "{}", answer.body);
        assert_eq!(captured, outcome != "void", "{outcome}");
    }
}

#[tokio::test]
async fn an_order_nobody_came_back_for_is_ended_after_its_time() {
    let app = App::new().await;
    let fan = app.fan();
    let (order, _) = app.approved(fan).await;
    app.work().await;
    assert_eq!(app.status(&order).await, "pending");
    app.let_time_pass(&order).await;
    app.work().await;
    assert_eq!(app.status(&order).await, "voided");
}

#[tokio::test]
async fn an_order_captured_late_beside_a_paid_one_is_given_back() {
    let app = App::with(&IMPATIENT).await;
    let fan = app.fan();
    let (first, first_key) = app.approved(fan).await;
    app.fault(json!({"fault": "timeout_before", "operation": "confirm"}))
        .await;
    unavailable(
        &app.confirm(fan, &first, &first_key).await,
        "PAYMENT_IN_DOUBT",
    );
    // Ticket forgets the fence, the order is given up, and the person starts again.
    app.ticket
        .set(fan.reservation, |reservation| reservation.order = None);
    app.work().await;
    assert_eq!(app.status(&first).await, "voided");
    app.ticket.set(fan.reservation, |reservation| {
        reservation.stage = Stage::Held;
    });
    let (second, _) = app.paid(fan).await;
    assert_ne!(first, second);

    app.capture_late(&first, &first_key).await;
    app.work().await;
    assert_eq!(app.status(&first).await, "refunded");
    assert_eq!(app.at_provider(&first).await, "CANCELED");
    assert_eq!(app.status(&second).await, "confirmed");
    assert_eq!(app.book().await, book_of(2, 1));
    // The others hear of the order that counts, and of no other.
    assert_eq!(app.fact_types().await, ["confirmed"]);
    assert_eq!(app.ticket.get(fan.reservation).stage, Stage::Sold);
}

#[tokio::test]
async fn money_given_back_by_hand_before_it_was_written_down_gives_nobody_a_ticket() {
    let app = App::new().await;
    let fan = app.fan();
    let (order, key) = app.approved(fan).await;
    app.state.fault_points.arm(FaultPoint::AfterCapture);
    app.confirm(fan, &order, &key).await.expect(500);
    app.give_back_by_hand(&key).await;
    // A process that dies once the capture is written down leaves the refund with it.
    app.work().await;
    assert_eq!(app.status(&order).await, "refunded");
    assert_eq!(app.ticket.calls("confirm"), 0);
    assert_eq!(app.book().await, book_of(1, 1));
    assert_eq!(app.fact_types().await, Vec::<&str>::new());
    assert_eq!(app.outcome(&order, "resolve").await, "refunded");
}

#[tokio::test]
async fn money_on_its_way_back_is_refunded_to_ticket_and_confirmed_to_clients() {
    let app = App::new().await;
    let fan = app.fan();
    let (order, key) = app.paid(fan).await;
    app.fault(json!({
        "fault": "refuse", "code": "PROVIDER_ERROR", "operation": "cancel", "orderId": order,
    }))
    .await;
    app.cancel(fan, &key).await.expect(200);
    assert_eq!(app.status(&order).await, "refunding");
    let path = format!("/internal/payments/by-reservation/{}", fan.reservation);
    let answer = app.client.internal().get(&path).await.expect(200).body;
    assert_eq!(answer["orderId"], order);
    assert_eq!(answer["status"], "confirmed");
    assert_eq!(answer["outcome"], "refunded");
}

#[tokio::test]
async fn a_second_capture_under_one_order_goes_back_and_the_first_stays() {
    let app = App::new().await;
    let fan = app.fan();
    let (order, key) = app.paid(fan).await;
    // As if the order had been paid with another key before this one was captured.
    sqlx::query!(
        "update payments set payment_key = 'paid before' where order_id = $1",
        order
    )
    .execute(&app.database.pool)
    .await
    .expect("another key");
    for _ in 0..2 {
        assert_eq!(app.outcome(&order, "resolve").await, "captured");
        assert_eq!(app.at_provider(&order).await, "CANCELED");
    }
    assert_eq!(app.status(&order).await, "confirmed");
    assert_eq!(app.ticket.get(fan.reservation).stage, Stage::Sold);
    assert_eq!(app.ticket.calls("refund"), 0);
    assert_eq!(app.book().await, book_of(1, 0));
    assert_ne!(key, "paid before");
}

#[tokio::test]
async fn a_virtual_account_is_declined_and_called_off_at_once() {
    let app = App::new().await;
    let fan = app.fan();
    let order = app.prepare(fan).await;
    let key = app.choose(&order, PRICE, "deposit").await;
    refused(
        &app.confirm(fan, &order, &key).await,
        400,
        "바로 결제되는 수단만 사용할 수 있습니다.",
    );
    assert_eq!(app.status(&order).await, "failed");
    assert_eq!(app.at_provider(&order).await, "CANCELED");
    let (order, key) = app.approved(fan).await;
    app.confirm(fan, &order, &key).await.expect(200);
}

#[tokio::test]
async fn a_client_is_answered_in_time_and_the_work_goes_on() {
    let at_once = |state: &mut urr_payment::State| state.answer_within = Duration::ZERO;
    let app = App::with_state(&[], at_once).await;
    let fan = app.fan();
    let (order, key) = app.approved(fan).await;
    app.fault(json!({"fault": "late", "delayMs": 300, "operation": "confirm"}))
        .await;
    unavailable(&app.confirm(fan, &order, &key).await, "PAYMENT_IN_DOUBT");
    // Nobody works on it but the request itself.
    urr_testkit::wait_for("the ticket", || async {
        app.ticket.get(fan.reservation).stage == Stage::Sold
    })
    .await;
    assert_paid_once(&app, fan, &order).await;

    app.fault(json!({"fault": "late", "delayMs": 300, "operation": "cancel"}))
        .await;
    let answer = app.cancel(fan, &key).await.expect(200);
    assert_eq!(
        answer.body["message"],
        "Payment cancelled; the refund is on its way"
    );
    urr_testkit::wait_for("the refund", || async {
        app.status(&order).await == "refunded"
    })
    .await;
}
