//! What payment holds about one person: shown, waited for, and kept without their words.

use serde_json::{Value, json};
use urr_contract::UserId;

use crate::{App, Fan, PRICE, book_of};

impl App {
    async fn asked(&self, user: UserId, what: &str) -> Value {
        let path = format!("/internal/users/{user}/{what}");
        self.client.internal().get(&path).await.expect(200).body
    }

    async fn erase(&self, user: UserId) -> Value {
        let path = format!("/internal/users/{user}/erase");
        let answer = self.client.internal().post(&path, json!({})).await;
        answer.expect(200).body
    }

    async fn open_codes(&self, fan: Fan) -> Vec<String> {
        let body = self.asked(fan.user, "open-matters").await;
        let open = body["openMatters"].as_array().expect("a list").clone();
        open.iter()
            .map(|matter| crate::text(&matter["code"]))
            .collect()
    }
}

#[tokio::test]
async fn a_person_sees_all_their_payments_and_nobody_elses() {
    let app = App::new().await;
    let (fan, other) = (app.fan(), app.fan());
    let (order, key) = app.paid(fan).await;
    app.paid(other).await;
    app.cancel(fan, &key).await.expect(200);
    let body = app.asked(fan.user, "personal-data").await;
    let payments = body["personalData"]["payments"].as_array().expect("a list");
    assert_eq!(payments.len(), 1);
    assert_eq!(payments[0]["orderId"], order);
    assert_eq!(payments[0]["amount"], PRICE);
    assert_eq!(payments[0]["status"], "refunded");
    assert_eq!(payments[0]["refund"]["reason"], "changed my mind");
    let nobody = app.asked(UserId::random(), "personal-data").await;
    assert_eq!(nobody, json!({"personalData": {"payments": []}}));
}

#[tokio::test]
async fn payments_under_way_and_refunds_on_their_way_are_open() {
    let app = App::with(&["--provider-timeout-ms", "1500"]).await;
    let fan = app.fan();
    assert!(app.open_codes(fan).await.is_empty());
    let (order, key) = app.approved(fan).await;
    assert_eq!(app.open_codes(fan).await, ["PAYMENT_OPEN"]);
    app.fault(json!({"fault": "timeout_after", "operation": "confirm"}))
        .await;
    app.confirm(fan, &order, &key).await.expect(503);
    assert_eq!(app.open_codes(fan).await, ["PAYMENT_IN_DOUBT"]);
    app.work().await;
    assert!(app.open_codes(fan).await.is_empty());
    app.fault(json!({"fault": "timeout_after", "operation": "cancel"}))
        .await;
    app.cancel(fan, &key).await.expect(200);
    assert_eq!(app.open_codes(fan).await, ["REFUND_PENDING"]);
    app.work().await;
    assert!(app.open_codes(fan).await.is_empty());
}

#[tokio::test]
async fn erasing_keeps_the_books_and_drops_the_words() {
    let app = App::new().await;
    let fan = app.fan();
    let (order, key) = app.paid(fan).await;
    app.cancel(fan, &key).await.expect(200);
    assert_eq!(app.erase(fan.user).await, json!({"erased": 2}));
    assert_eq!(app.erase(fan.user).await, json!({"erased": 0}));
    let row = sqlx::query!(
        "select p.refund_reason, r.reason, p.user_id, p.amount
         from payments p join refunds r on r.payment_id = p.id where p.order_id = $1",
        order
    )
    .fetch_one(&app.database.pool)
    .await
    .expect("kept");
    assert_eq!(row.refund_reason.as_deref(), Some("erased"));
    assert_eq!(row.reason, "erased");
    assert_eq!((row.user_id, row.amount), (fan.user.0, PRICE));
    assert_eq!(app.book().await, book_of(1, 1));
}
