//! Captured orders that cannot be honoured, as payment asks for them when a fact got lost.

use serde_json::{Value, json};
use urr_contract::FactId;

use crate::app::{App, captured, refunded, with_app};

async fn owed(app: &App, after: &str) -> Vec<String> {
    let path = format!("/internal/orders/owed-back?after={after}");
    let answer = app.client.internal().get(&path).await.expect(200);
    let orders = answer.body["orders"].as_array().unwrap().clone();
    orders
        .iter()
        .map(|order: &Value| order["orderId"].as_str().unwrap().to_owned())
        .collect()
}

/// As if the facts had been published ten minutes ago.
async fn let_time_pass(app: &App) {
    sqlx::query!("update reservations set updated_at = now() - interval '10 minutes'")
        .execute(&app.pool)
        .await
        .unwrap();
    sqlx::query!("update rejected_orders set owed_since = owed_since - interval '10 minutes'")
        .execute(&app.pool)
        .await
        .unwrap();
    sqlx::query!(
        "update returned_membership_orders set owed_since = owed_since - interval '10 minutes'"
    )
    .execute(&app.pool)
    .await
    .unwrap();
}

#[tokio::test]
async fn a_cancelled_ticket_is_owed_back_until_payment_has_told_otherwise() {
    with_app(async |app| {
        let (event, seats) = app.seated(2).await;
        let fan = app.fan(event);
        let hold = fan.hold(seats[0]).await;
        app.buy(&hold, "ORD-1").await;
        fan.cancel(hold.id).await.expect(200);
        assert!(owed(app, "").await.is_empty(), "the fact is on its way");
        let_time_pass(app).await;
        assert_eq!(owed(app, "").await, ["ORD-1"]);
        assert!(owed(app, "ORD-1").await.is_empty());
        let fact = refunded(&hold, "ORD-1");
        app.receive(FactId::random(), fact).await.unwrap();
        let_time_pass(app).await;
        assert!(owed(app, "").await.is_empty());
        app.client
            .get("/internal/orders/owed-back")
            .await
            .expect(401);
    })
    .await;
}

#[tokio::test]
async fn a_rejected_order_is_owed_back_too() {
    with_app(async |app| {
        let (event, seats) = app.seated(1).await;
        let (late, quick) = (app.fan(event), app.fan(event));
        let hold = late.hold(seats[0]).await;
        app.expire(hold.id).await;
        let other = quick.hold(seats[0]).await;
        app.buy(&other, "ORD-2").await;
        app.confirm(&hold, "ORD-1").await.expect(409);
        let_time_pass(app).await;
        assert_eq!(owed(app, "").await, ["ORD-1"]);
        let fact = refunded(&hold, "ORD-1");
        app.receive(FactId::random(), fact).await.unwrap();
        let_time_pass(app).await;
        assert!(owed(app, "").await.is_empty());
        // A capture that is told once more is rejected and owes nothing.
        let fact = captured(&hold, "ORD-1");
        app.receive(FactId::random(), fact).await.unwrap();
        let_time_pass(app).await;
        assert!(owed(app, "").await.is_empty());
    })
    .await;
}

/// It used to be a dead letter, and the money stayed.
#[tokio::test]
async fn a_membership_paid_twice_is_owed_back_once() {
    use urr_contract::{
        Fact, PaymentId, UserId, Won,
        facts::{PaymentConfirmedV1, PaymentRefundedV1, PaymentType},
    };
    with_app(async |app| {
        let (artist, user) = (app.artist("10CM").await, UserId::random());
        let id = app.subscribe(user, artist).await;
        let path = format!("/internal/memberships/{id}/activate");
        let body = json!({"userId": user, "orderId": "ORD-1"});
        app.client.internal().post(&path, body).await.expect(200);
        let timestamp = "2026-03-01T00:00:00Z".parse().unwrap();
        let again = Fact::PaymentConfirmed(PaymentConfirmedV1 {
            payment_id: PaymentId::random(),
            order_id: "ORD-2".to_owned(),
            user_id: user,
            reservation_id: None,
            reference_id: Some(id.0),
            payment_type: PaymentType::Membership,
            amount: Won(30_000),
            payment_method: "toss".to_owned(),
            timestamp,
        });
        app.receive(FactId::random(), again).await.unwrap();
        let_time_pass(app).await;
        assert_eq!(owed(app, "").await, ["ORD-2"]);
        let returned = Fact::PaymentRefunded(PaymentRefundedV1 {
            payment_id: PaymentId::random(),
            order_id: "ORD-2".to_owned(),
            user_id: user,
            reservation_id: None,
            reference_id: Some(id.0),
            payment_type: PaymentType::Membership,
            amount: Won(30_000),
            reason: "paid before".to_owned(),
            event_id: None,
            timestamp,
        });
        app.receive(FactId::random(), returned).await.unwrap();
        assert!(owed(app, "").await.is_empty());
        let mine = app
            .client
            .as_user(user)
            .get(&format!("/api/memberships/my/{artist}"))
            .await
            .expect(200);
        assert_eq!(mine.body["membership"]["status"], "active");
    })
    .await;
}
