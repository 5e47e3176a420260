//! Methods of the demonstration.

use serde_json::{Value, json};
use urr_testkit::Answer;

use crate::{App, Fan, PRICE, book_of, refused, text, ticket::Stage};

const DEMO: [&str; 2] = ["--demo-methods", "true"];

async fn process(app: &App, fan: Fan, method: &str) -> Answer {
    let body = json!({"reservationId": fan.reservation, "paymentMethod": method});
    app.by(fan).post("/api/payments/process", body).await
}

#[tokio::test]
async fn without_the_setting_no_method_is_free() {
    let app = App::new().await;
    let fan = app.fan();
    for method in [
        "naver_pay",
        "kakao_pay",
        "bank_transfer",
        "free_lunch",
        "toss",
    ] {
        let answer = process(&app, fan, method).await;
        refused(&answer, 400, "Payment method not available");
    }
    assert_eq!(app.orders_of(fan.reservation).await, 0);
}

#[tokio::test]
async fn each_method_pays_and_hands_over() {
    let app = App::with(&DEMO).await;
    for method in ["naver_pay", "kakao_pay", "bank_transfer"] {
        let fan = app.fan();
        let answer = process(&app, fan, method).await.expect(200).body;
        assert_eq!(answer["success"], true);
        assert_eq!(answer["message"], "Payment completed");
        let payment = &answer["payment"];
        assert_eq!(payment["amount"], PRICE);
        assert_eq!(payment["method"], method);
        assert!(payment["id"].is_string());
        assert_eq!(app.ticket.get(fan.reservation).stage, Stage::Sold);
        let again = process(&app, fan, method).await.expect(200).body;
        assert_eq!(again["message"], "Payment already completed");
        assert_eq!(again["payment"], *payment);
    }
    assert_eq!(app.balance("demo_receivable").await, 3 * PRICE);
    assert_eq!(app.book().await, book_of(3, 0));
    for method in ["free_lunch", "toss", "NAVER_PAY"] {
        let fan = app.fan();
        refused(
            &process(&app, fan, method).await,
            400,
            "Payment method not available",
        );
    }
}

#[tokio::test]
async fn an_open_order_is_the_one_that_is_completed() {
    let app = App::with(&DEMO).await;
    let fan = app.fan();
    let order = app.prepare(fan).await;
    let answer = process(&app, fan, "naver_pay").await.expect(200);
    assert_eq!(answer.body["payment"]["orderId"], order);
    assert_eq!(app.orders_of(fan.reservation).await, 1);
}

#[tokio::test]
async fn ten_at_once_pay_once() {
    let app = App::with(&DEMO).await;
    let fan = app.fan();
    let answers = futures::future::join_all((0..10).map(|_| process(&app, fan, "naver_pay"))).await;
    let done = answers
        .iter()
        .filter(|answer| answer.body["message"] == "Payment completed")
        .count();
    assert_eq!(done, 1);
    assert_eq!(app.book().await, book_of(1, 0));
    assert_eq!(app.fact_types().await, ["confirmed"]);
}

#[tokio::test]
async fn it_is_given_back_without_asking_the_provider() {
    let app = App::with(&DEMO).await;
    let fan = app.fan();
    let answer = process(&app, fan, "naver_pay").await.expect(200);
    let order = text(&answer.body["payment"]["orderId"]);
    let shown = app
        .by(fan)
        .get(&format!("/api/payments/order/{order}"))
        .await;
    let key = text(&shown.body["payment"]["payment_key"]);
    app.cancel(fan, &key).await.expect(200);
    assert_eq!(app.status(&order).await, "refunded");
    assert_eq!(app.at_provider(&order).await, Value::Null);
    assert_eq!(app.book().await, book_of(1, 1));
    assert_eq!(app.fact_types().await, ["confirmed", "refunded"]);
}

#[tokio::test]
async fn bad_bodies_are_400() {
    let app = App::with(&DEMO).await;
    let fan = app.fan();
    let id = fan.reservation;
    for body in [
        json!({"reservationId": id}),
        json!({"reservationId": id, "paymentMethod": ""}),
        json!({"reservationId": id, "paymentMethod": "  "}),
        json!({"reservationId": id, "paymentMethod": 1}),
        json!({"paymentMethod": "naver_pay"}),
        json!({"reservationId": "x", "paymentMethod": "naver_pay"}),
        json!({"reservationId": id, "paymentMethod": "naver_pay", "paymentType": "gift"}),
        json!({"reservationId": id, "paymentMethod": "naver_pay", "paymentType": "transfer"}),
        json!({}),
    ] {
        let answer = app
            .by(fan)
            .post("/api/payments/process", body.clone())
            .await;
        assert_eq!(answer.status, 400, "{body} gave {}", answer.body);
    }
    let other = json!({"paymentMethod": "naver_pay", "paymentType": "membership"});
    let answer = app.by(fan).post("/api/payments/process", other).await;
    refused(&answer, 400, "referenceId required");
    let none = json!({"paymentMethod": "naver_pay"});
    let answer = app.by(fan).post("/api/payments/process", none).await;
    refused(&answer, 400, "reservationId required");
    assert_eq!(app.orders_of(id).await, 0);
}
