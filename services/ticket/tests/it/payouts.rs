//! What sellers of resold tickets are owed, and that they were paid.

use serde_json::{Value, json};
use urr_contract::{TransferId, UserId};
use urr_testkit::Answer;

use crate::app::{App, SEAT_PRICE, with_app};

/// A ticket that changed hands; the seller and the resale.
async fn resold(app: &App, order: &str) -> (UserId, TransferId) {
    let (event, seats) = app.seated(1).await;
    let seller = app.fan(event);
    let hold = seller.hold(seats[0]).await;
    app.buy(&hold, &format!("{order}-1")).await;
    let listed = app
        .client
        .as_user(seller.user)
        .post("/api/transfers", json!({"reservationId": hold.id}))
        .await
        .expect(200);
    let id: TransferId = listed.body["transfer"]["id"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let (buyer, total) = (UserId::random(), &listed.body["transfer"]["total_price"]);
    let internal = app.client.internal();
    let order = format!("{order}-2");
    let pay = json!({"userId": buyer, "orderId": order, "amount": total});
    let path = format!("/internal/transfers/{id}");
    internal.post(&format!("{path}/pay"), pay).await.expect(200);
    let done = json!({"buyerId": buyer, "orderId": order, "amount": total});
    internal
        .post(&format!("{path}/complete"), done)
        .await
        .expect(200);
    (seller.user, id)
}

async fn list(app: &App, query: &str) -> Value {
    let path = format!("/api/admin/payouts{query}");
    app.admin().get(&path).await.expect(200).body
}

async fn pay(app: &App, id: TransferId, reference: &str) -> Answer {
    let path = format!("/api/admin/payouts/{id}/paid");
    app.admin()
        .post(&path, json!({"reference": reference}))
        .await
}

#[tokio::test]
async fn a_seller_is_owed_the_face_value_until_paid_once() {
    with_app(async |app| {
        let (seller, id) = resold(app, "ORD-A").await;
        let (other, _) = resold(app, "ORD-B").await;
        let due = list(app, "?status=due").await;
        assert_eq!(due["pagination"]["total"], 2);
        assert_eq!(due["totalAmount"], 2 * SEAT_PRICE);
        let of_other = list(app, &format!("?sellerId={other}")).await;
        assert_eq!(of_other["pagination"]["total"], 1);
        let open = app
            .client
            .internal()
            .get(&format!("/internal/users/{seller}/open-matters"))
            .await
            .expect(200);
        assert_eq!(open.body["openMatters"][0]["code"], "PAYOUTS_DUE");

        let paid = pay(app, id, " wire 7 ").await.expect(200).body;
        assert_eq!(paid["payout"]["paid_reference"], "wire 7");
        assert_eq!(paid["payout"]["seller_id"], json!(seller));
        let again = pay(app, id, "wire 7").await.expect(200).body;
        assert_eq!(again["payout"]["paid_at"], paid["payout"]["paid_at"]);
        let refused = pay(app, id, "wire 8").await.expect(409);
        assert_eq!(refused.body["code"], "PAYOUT_PAID");
        let paid = list(app, "?status=paid&limit=1").await;
        assert_eq!(paid["pagination"]["total"], 1);
        assert_eq!(list(app, "?status=due").await["pagination"]["total"], 1);
        let log = app
            .admin()
            .get("/api/admin/audit-logs?action=PAY_SELLER")
            .await;
        let log = log.expect(200).body;
        assert_eq!(log["pagination"]["total"], 3);
        assert_eq!(log["logs"][0]["resource_id"], json!(id));
    })
    .await;
}

#[tokio::test]
async fn only_administrators_pay_and_only_what_there_is() {
    with_app(async |app| {
        let (seller, id) = resold(app, "ORD-A").await;
        let path = format!("/api/admin/payouts/{id}/paid");
        let person = app.client.as_user(seller);
        person
            .post(&path, json!({"reference": "x"}))
            .await
            .expect(403);
        person.get("/api/admin/payouts").await.expect(403);
        app.client.get("/api/admin/payouts").await.expect(401);
        pay(app, TransferId::random(), "x").await.expect(404);
        for reference in ["", " ", "a\0b", &"x".repeat(101)] {
            pay(app, id, reference).await.expect(400);
        }
        let admin = app.admin();
        admin.get("/api/admin/payouts?status=x").await.expect(400);
        assert_eq!(list(app, "?status=due").await["pagination"]["total"], 1);
    })
    .await;
}
