//! What a person and ticket may read.

use serde_json::json;
use urr_contract::{ReservationId, UserId};

use crate::{App, Fan, PRICE, refused};

#[tokio::test]
async fn an_order_is_shown_to_its_owner_alone() {
    let app = App::new().await;
    let fan = app.fan();
    let (order, key) = app.approved(fan).await;
    let path = format!("/api/payments/order/{order}");
    let open = app.by(fan).get(&path).await.expect(200).body;
    for absent in [
        "payment_key",
        "method",
        "toss_status",
        "toss_approved_at",
        "reference_id",
    ] {
        assert!(
            open["payment"]
                .get(absent)
                .is_some_and(serde_json::Value::is_null),
            "{absent}"
        );
    }
    app.confirm(fan, &order, &key).await.expect(200);
    let paid = app.by(fan).get(&path).await.expect(200).body;
    let payment = &paid["payment"];
    assert_eq!(payment["order_id"], order);
    assert_eq!(payment["payment_key"], key);
    assert_eq!(payment["amount"], PRICE);
    assert_eq!(payment["method"], "toss");
    assert_eq!(payment["status"], "confirmed");
    assert_eq!(payment["toss_status"], "DONE");
    assert_eq!(payment["user_id"], json!(fan.user));
    assert_eq!(payment["reservation_id"], json!(fan.reservation));
    assert_eq!(payment["payment_type"], "reservation");
    for time in ["toss_approved_at", "created_at", "updated_at"] {
        let text = payment[time].as_str().expect("a time");
        assert!(
            text.ends_with("+00:00") && text.len() == 29,
            "{time}: {text}"
        );
    }
    let stranger = app.client.as_user(UserId::random());
    refused(&stranger.get(&path).await, 403, "Access denied");
    refused(&app.client.get(&path).await, 401, "Authentication required");
    for unknown in ["ORD_0", "a%00b", "%F0%9F%8E%AB"] {
        let answer = app
            .by(fan)
            .get(&format!("/api/payments/order/{unknown}"))
            .await;
        refused(&answer, 404, "Payment not found");
    }
}

#[tokio::test]
async fn ones_own_payments_come_newest_first_in_windows() {
    let app = App::new().await;
    let user = UserId::random();
    let mut orders = Vec::new();
    for _ in 0..3 {
        let fan = Fan {
            user,
            reservation: ReservationId::random(),
        };
        app.ticket.hold(fan.reservation, user, PRICE);
        orders.push(app.prepare(fan).await);
    }
    app.prepare(app.fan()).await;
    orders.reverse();
    let mine = |query: &'static str| {
        let client = app.client.as_user(user);
        async move { client.get(&format!("/api/payments/user/me{query}")).await }
    };
    let all = mine("").await.expect(200).body;
    assert_eq!(
        all["pagination"],
        json!({"total": 3, "limit": 10, "offset": 0})
    );
    let listed: Vec<_> = all["payments"].as_array().expect("a list").iter().collect();
    let ids: Vec<_> = listed
        .iter()
        .map(|payment| payment["order_id"].clone())
        .collect();
    assert_eq!(json!(ids), json!(orders));
    assert_eq!(listed[0].as_object().expect("an object").len(), 11);

    let second = mine("?limit=1&offset=1").await.expect(200).body;
    assert_eq!(second["payments"][0]["order_id"], orders[1]);
    assert_eq!(
        second["pagination"],
        json!({"total": 3, "limit": 1, "offset": 1})
    );
    let odd = mine("?limit=0&offset=-5").await.expect(200).body;
    assert_eq!(
        odd["pagination"],
        json!({"total": 3, "limit": 1, "offset": 0})
    );
    let many = mine("?limit=5000").await.expect(200).body;
    assert_eq!(many["pagination"]["limit"], 100);
    assert_eq!(mine("?limit=x").await.status, 400);
    assert_eq!(app.client.get("/api/payments/user/me").await.status, 401);
}

#[tokio::test]
async fn ticket_finds_the_payment_of_a_reservation() {
    let app = App::new().await;
    let fan = app.fan();
    let path = format!("/internal/payments/by-reservation/{}", fan.reservation);
    let none = app.client.internal().get(&path).await.expect(200).body;
    assert_eq!(
        none,
        json!({"found": false, "reservationId": fan.reservation})
    );
    let (order, key) = app.approved(fan).await;
    let open = app.client.internal().get(&path).await.expect(200).body;
    assert_eq!(
        open,
        json!({"found": true, "reservationId": fan.reservation, "status": "pending",
               "outcome": "in_doubt", "method": "", "amount": PRICE, "orderId": order})
    );
    app.confirm(fan, &order, &key).await.expect(200);
    let paid = app.client.internal().get(&path).await.expect(200).body;
    assert_eq!(
        (&paid["status"], &paid["method"]),
        (&json!("confirmed"), &json!("toss"))
    );
    refused(&app.client.get(&path).await, 401, "Internal token required");
    refused(
        &app.by(fan).get(&path).await,
        401,
        "Internal token required",
    );
    let bad = app
        .client
        .internal()
        .get("/internal/payments/by-reservation/x")
        .await;
    assert_eq!(bad.status, 400);
}
