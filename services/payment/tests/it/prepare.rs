//! Prepare: one open order for one thing.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use urr_contract::{ReservationId, UserId};
use urr_payment::FaultPoint;
use uuid::Uuid;

use crate::{App, Fan, PRICE, book_of, refused, text, ticket::Stage, unavailable};

#[tokio::test]
async fn an_order_is_opened_and_fences_the_hold() {
    let app = App::new().await;
    let fan = app.fan();
    let answer = app.try_prepare(fan).await.expect(200).body;
    let order = text(&answer["orderId"]);
    assert!(order.starts_with("ORD_"));
    assert_eq!(answer["amount"], PRICE);
    assert_eq!(answer["clientKey"], "test_ck_dummy");
    let checkout = text(&answer["checkoutUrl"]);
    assert!(
        checkout.ends_with(&format!("/checkout/{order}?amount={PRICE}")),
        "{checkout}"
    );
    let reservation = app.ticket.get(fan.reservation);
    assert_eq!(
        (reservation.stage, reservation.order),
        (Stage::Paying, Some(order))
    );
}

#[tokio::test]
async fn twelve_at_once_and_a_repeat_give_one_order() {
    let app = App::new().await;
    let fan = app.fan();
    let answers = futures::future::join_all((0..12).map(|_| app.try_prepare(fan))).await;
    let order = app.prepare(fan).await;
    for answer in answers {
        assert_eq!(answer.expect(200).body["orderId"], order);
    }
    assert_eq!(app.orders_of(fan.reservation).await, 1);
}

#[tokio::test]
async fn tickets_refusals_pass_through_with_status_and_text() {
    let app = App::new().await;
    let owner = app.fan();
    let stranger = Fan {
        user: UserId::random(),
        ..owner
    };
    refused(&app.try_prepare(stranger).await, 403, "Access denied");
    let nothing = Fan {
        reservation: ReservationId::random(),
        ..owner
    };
    refused(
        &app.try_prepare(nothing).await,
        404,
        "Reservation not found",
    );
    app.ticket.set(owner.reservation, |reservation| {
        reservation.stage = Stage::Ended;
    });
    refused(
        &app.try_prepare(owner).await,
        400,
        "Reservation has expired",
    );
    assert_eq!(app.orders_of(owner.reservation).await, 0);
}

#[tokio::test]
async fn a_hold_that_ended_since_ends_its_order() {
    let app = App::new().await;
    let fan = app.fan();
    let order = app.prepare(fan).await;
    app.ticket.set(fan.reservation, |reservation| {
        reservation.stage = Stage::Ended;
    });
    refused(&app.try_prepare(fan).await, 400, "Reservation has expired");
    assert_eq!(app.status(&order).await, "voided");
}

#[tokio::test]
async fn the_amount_is_tickets_and_not_the_clients() {
    let app = App::new().await;
    let fan = app.fan();
    let prepare = |amount: i64| {
        let body = json!({"reservationId": fan.reservation, "amount": amount});
        let client = app.by(fan);
        async move { client.post("/api/payments/prepare", body).await }
    };
    refused(&prepare(PRICE - 1).await, 400, "Amount mismatch");
    app.prepare(fan).await;
    refused(&prepare(PRICE + 1).await, 400, "Amount mismatch");
}

#[tokio::test]
async fn only_an_unreachable_ticket_is_503_and_the_next_try_goes_on() {
    let app = App::new().await;
    let fan = app.fan();
    app.ticket.fail_next(usize::MAX);
    unavailable(&app.try_prepare(fan).await, "TICKET_UNAVAILABLE");
    app.ticket.fail_next(0);
    urr_testkit::wait_for("ticket to be asked again", || async {
        app.try_prepare(fan).await.status == 200
    })
    .await;
    assert_eq!(app.orders_of(fan.reservation).await, 1);
}

#[tokio::test]
async fn a_crash_before_ticket_is_asked_leaves_an_order_that_goes_on() {
    let app = App::new().await;
    let fan = app.fan();
    app.state.fault_points.arm(FaultPoint::BeforePay);
    app.try_prepare(fan).await.expect(500);
    assert_eq!(app.orders_of(fan.reservation).await, 1);
    assert_eq!(app.ticket.get(fan.reservation).stage, Stage::Held);
    let order = app.prepare(fan).await;
    assert_eq!(app.orders_of(fan.reservation).await, 1);
    assert_eq!(app.ticket.get(fan.reservation).order, Some(order));
}

#[tokio::test]
async fn after_a_decline_the_same_thing_can_be_paid_under_a_new_order() {
    let app = App::new().await;
    let fan = app.fan();
    let mut declined: Vec<String> = Vec::new();
    for _ in 0..3 {
        let order = app.prepare(fan).await;
        assert!(!declined.contains(&order), "an order id is used once");
        let key = app.choose(&order, PRICE, "decline").await;
        app.confirm(fan, &order, &key).await.expect(400);
        assert_eq!(app.status(&order).await, "failed");
        declined.push(order);
    }
    let (order, key) = app.approved(fan).await;
    app.confirm(fan, &order, &key).await.expect(200);
    assert_eq!(app.ticket.get(fan.reservation).stage, Stage::Sold);
    assert_eq!(app.book().await, book_of(1, 0));
}

#[tokio::test]
async fn a_crash_after_a_decline_leaves_the_fence_to_the_next_try() {
    let app = App::new().await;
    let fan = app.fan();
    let declined = app.prepare(fan).await;
    let key = app.choose(&declined, PRICE, "decline").await;
    app.confirm(fan, &declined, &key).await.expect(400);
    app.state.fault_points.arm(FaultPoint::BeforePay);
    app.try_prepare(fan).await.expect(500);
    assert_eq!(app.ticket.get(fan.reservation).order, Some(declined));
    let order = app.prepare(fan).await;
    assert_eq!(app.ticket.get(fan.reservation).order, Some(order));
    assert_eq!(app.orders_of(fan.reservation).await, 2);
}

#[tokio::test]
async fn nothing_is_paid_beside_an_order_that_only_ticket_remembers() {
    let app = App::new().await;
    let fan = app.fan();
    app.ticket.set(fan.reservation, |reservation| {
        reservation.stage = Stage::Paying;
        reservation.order = Some("ORD_1_AAAAAAAA".to_owned());
    });
    for _ in 0..2 {
        unavailable(&app.try_prepare(fan).await, "PAYMENT_IN_DOUBT");
    }
    assert_eq!(app.orders_of(fan.reservation).await, 1);
    assert_eq!(app.outcome("ORD_1_AAAAAAAA", "resolve").await, "void");
}

#[tokio::test]
async fn what_is_paid_cannot_be_prepared_again() {
    let app = App::new().await;
    let fan = app.fan();
    app.paid(fan).await;
    refused(
        &app.try_prepare(fan).await,
        400,
        "Payment already confirmed",
    );
}

#[tokio::test]
async fn bad_bodies_are_400_and_open_nothing() {
    let app = App::new().await;
    let fan = app.fan();
    let id = fan.reservation;
    let bodies = [
        json!({"amount": PRICE}),
        json!({"reservationId": id}),
        json!({"reservationId": null, "amount": PRICE}),
        json!({"reservationId": "x", "amount": PRICE}),
        json!({"reservationId": "", "amount": PRICE}),
        json!({"reservationId": [id], "amount": PRICE}),
        json!({"reservationId": id, "amount": "100000"}),
        json!({"reservationId": id, "amount": "１０００００"}),
        json!({"reservationId": id, "amount": null}),
        json!({"reservationId": id, "amount": 0}),
        json!({"reservationId": id, "amount": -1}),
        json!({"reservationId": id, "amount": 1_u64 << 31}),
        json!({"reservationId": id, "amount": u64::MAX}),
        json!({"reservationId": id, "amount": 1.5}),
        json!({"reservationId": id, "amount": PRICE, "paymentType": "gift"}),
        json!({"reservationId": id, "amount": PRICE, "paymentType": 7}),
        json!({"reservationId": id, "amount": PRICE, "paymentType": "transfer"}),
        json!([]),
        json!("x"),
    ];
    for body in bodies {
        let answer = app
            .by(fan)
            .post("/api/payments/prepare", body.clone())
            .await;
        assert_eq!(answer.status, 400, "{body} gave {}", answer.body);
        assert_eq!(answer.body["error"], answer.body["message"], "{body}");
    }
    let raw = [
        format!(r#"{{"reservationId":"{id}","amount":1e309}}"#),
        format!(r#"{{"reservationId":"{id}","amount":1e5}}"#),
        format!(r#"{{"reservationId":"{id}","amount":"#),
        String::new(),
        "[".repeat(10_000),
    ];
    for body in raw {
        let answer = app
            .by(fan)
            .send(Method::POST, "/api/payments/prepare", body)
            .await;
        assert_eq!(answer.status, 400, "{}", answer.body);
    }
    let huge = "x".repeat(2 * 1024 * 1024);
    let answer = app
        .by(fan)
        .send(Method::POST, "/api/payments/prepare", huge)
        .await;
    assert_eq!(answer.status, 413);
    assert_eq!(app.orders_of(id).await, 0);
    let missing = app
        .by(fan)
        .post("/api/payments/prepare", json!({"amount": 1}))
        .await;
    refused(&missing, 400, "reservationId required");
}

#[tokio::test]
async fn nobody_prepares_without_being_signed_in() {
    let app = App::new().await;
    let fan = app.fan();
    let body = json!({"reservationId": fan.reservation, "amount": PRICE});
    let anonymous = app.client.post("/api/payments/prepare", body.clone()).await;
    refused(&anonymous, 401, "Authentication required");
    let forged = app.client.with_header("x-user-id", &fan.user.to_string());
    let forged = forged.post("/api/payments/prepare", body).await;
    refused(&forged, 401, "Authentication required");
}

async fn prepare_other(app: &App, user: UserId, kind: &str, id: Uuid) -> urr_testkit::Answer {
    let body = json!({"paymentType": kind, "referenceId": id, "amount": PRICE});
    app.client
        .as_user(user)
        .post("/api/payments/prepare", body)
        .await
}

#[tokio::test]
async fn a_membership_is_paid_and_activated() {
    let app = App::new().await;
    let (user, id) = (UserId::random(), Uuid::new_v4());
    let unknown = prepare_other(&app, user, "membership", id).await;
    refused(&unknown, 404, "Transfer not found");
    app.ticket.sell_other(id, PRICE);
    let answer = prepare_other(&app, user, "membership", id)
        .await
        .expect(200);
    let order = text(&answer.body["orderId"]);
    let key = app.choose(&order, PRICE, "approve").await;
    let body = json!({"orderId": order, "paymentKey": key, "amount": PRICE});
    app.client
        .as_user(user)
        .post("/api/payments/confirm", body)
        .await
        .expect(200);
    assert_eq!(app.ticket.calls("activate"), 1);
    assert_eq!(app.balance("membership_sales").await, -PRICE);
    let fact = serde_json::to_value(&app.facts().await[0]).expect("JSON");
    assert_eq!(fact["paymentType"], "membership");
    assert_eq!(fact["referenceId"], json!(id));
    assert_eq!(fact["reservationId"], Value::Null);
}

#[tokio::test]
async fn a_second_buyer_waits_for_the_first_and_not_for_ever() {
    let app = App::new().await;
    let id = Uuid::new_v4();
    app.ticket.sell_other(id, PRICE);
    let (first, second) = (UserId::random(), UserId::random());
    let answer = prepare_other(&app, first, "transfer", id).await.expect(200);
    let order = text(&answer.body["orderId"]);
    let other = prepare_other(&app, second, "transfer", id).await;
    assert_eq!(other.status, 409);
    assert_eq!(other.body["code"], "OTHER_BUYER");
    app.let_time_pass(&order).await;
    let answer = prepare_other(&app, second, "transfer", id)
        .await
        .expect(200);
    assert_ne!(answer.body["orderId"], order);
    assert_eq!(app.status(&order).await, "voided");
}

/// Five rounds of two calls used to take longer than the gateway waits.
#[tokio::test]
async fn a_ticket_service_that_hangs_is_given_up_before_the_client_gives_up() {
    let app = App::with_state(&[], |state| {
        // The second try must end within it too, on a machine that is busy with other tests.
        state.open_within = Duration::from_secs(2);
    })
    .await;
    let fan = app.fan();
    app.ticket.set_hanging(true);
    unavailable(&app.try_prepare(fan).await, "TICKET_UNAVAILABLE");
    app.ticket.set_hanging(false);
    app.prepare(fan).await;
    assert_eq!(app.orders_of(fan.reservation).await, 1);
}
