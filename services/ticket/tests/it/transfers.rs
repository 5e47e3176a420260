//! Selling tickets on: lists, fees, one buyer at a time, and money that follows the ticket.

use serde_json::{Value, json};
use urr_contract::{
    Fact, FactId, PaymentId, ReservationId, TransferId, UserId, Won,
    facts::{PaymentConfirmedV1, PaymentRefundedV1, PaymentType},
};
use urr_testkit::{Answer, Client};

use crate::app::{App, Hold, SEAT_PRICE, with_app};

/// What a buyer pays for a seat without a membership's discount.
const TOTAL: i64 = SEAT_PRICE + SEAT_PRICE / 10;

/// A ticket that was bought, of a new event.
async fn ticket(app: &App, order: &str) -> Hold {
    let (event, seats) = app.seated(1).await;
    let hold = app.fan(event).hold(seats[0]).await;
    app.buy(&hold, order).await;
    hold
}

fn person(app: &App, user: UserId) -> Client {
    app.client.as_user(user)
}

async fn try_list(app: &App, user: UserId, id: ReservationId) -> Answer {
    let body = json!({"reservationId": id});
    person(app, user).post("/api/transfers", body).await
}

async fn list(app: &App, hold: &Hold) -> TransferId {
    let answer = try_list(app, hold.user, hold.id).await.expect(200);
    answer.body["transfer"]["id"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap()
}

async fn ask(app: &App, id: TransferId, what: &str, body: Value) -> Answer {
    let path = format!("/internal/transfers/{id}/{what}");
    app.client.internal().post(&path, body).await
}

async fn validate(app: &App, id: TransferId, buyer: UserId) -> Answer {
    let path = format!("/internal/transfers/{id}/validate?userId={buyer}");
    app.client.internal().get(&path).await
}

async fn pay(app: &App, id: TransferId, buyer: UserId, order: &str) -> Answer {
    let body = json!({"userId": buyer, "orderId": order, "amount": TOTAL, "replaces": []});
    ask(app, id, "pay", body).await
}

async fn complete(app: &App, id: TransferId, buyer: UserId, order: &str) -> Answer {
    let body =
        json!({"buyerId": buyer, "orderId": order, "amount": TOTAL, "paymentMethod": "toss"});
    ask(app, id, "complete", body).await
}

fn captured(id: TransferId, buyer: UserId, order: &str) -> Fact {
    Fact::PaymentConfirmed(PaymentConfirmedV1 {
        payment_id: PaymentId::random(),
        order_id: order.to_owned(),
        user_id: buyer,
        reservation_id: None,
        reference_id: Some(id.0),
        payment_type: PaymentType::Transfer,
        amount: Won(TOTAL),
        payment_method: "toss".to_owned(),
        timestamp: "2026-03-01T00:00:00Z".parse().unwrap(),
    })
}

fn refunded(id: TransferId, buyer: UserId, order: &str) -> Fact {
    Fact::PaymentRefunded(PaymentRefundedV1 {
        payment_id: PaymentId::random(),
        order_id: order.to_owned(),
        user_id: buyer,
        reservation_id: None,
        reference_id: Some(id.0),
        payment_type: PaymentType::Transfer,
        amount: Won(TOTAL),
        reason: "user-request".to_owned(),
        event_id: None,
        timestamp: "2026-03-01T00:00:00Z".parse().unwrap(),
    })
}

async fn payouts(app: &App) -> Vec<(UserId, i64)> {
    sqlx::query!(
        r#"select seller_id as "seller!: UserId", amount from seller_payouts order by recorded_at"#
    )
    .fetch_all(&app.pool)
    .await
    .unwrap()
    .into_iter()
    .map(|row| (row.seller, row.amount))
    .collect()
}

#[tokio::test]
async fn a_ticket_is_listed_at_face_value_and_found_by_everybody() {
    with_app(async |app| {
        let hold = ticket(app, "ORD-1").await;
        let made = try_list(app, hold.user, hold.id).await.expect(200).body;
        assert_eq!(made["message"], "Transfer listed successfully");
        let row = &made["transfer"];
        assert_eq!(row["original_price"], SEAT_PRICE);
        assert_eq!(row["transfer_fee"], SEAT_PRICE / 10);
        assert_eq!(row["transfer_fee_percent"], 10);
        assert_eq!(row["total_price"], TOTAL);
        assert_eq!(row["status"], "listed");
        assert!(row["buyer_id"].is_null() && row["artist_id"].is_null());
        let again = try_list(app, hold.user, hold.id).await.expect(409);
        assert_eq!(
            again.error(),
            "Transfer already listed for this reservation"
        );

        let viewer = person(app, UserId::random());
        let body = viewer
            .get("/api/transfers?artistId=")
            .await
            .expect(200)
            .body;
        assert_eq!(body["pagination"]["total"], 1);
        let found = &body["transfers"][0];
        assert_eq!(found["seats"], "R-4-1");
        assert_eq!(found["event_title"], "A night of tests");
        assert_eq!(found["artist_image_url"], Value::Null);
        assert!(found.get("poster_image_url").is_none());
        let path = format!("/api/transfers/{}", row["id"].as_str().unwrap());
        let detail = viewer.get(&path).await.expect(200).body;
        assert_eq!(detail["transfer"]["poster_image_url"], Value::Null);
        let mine = person(app, hold.user).get("/api/transfers/my").await.body;
        assert_eq!(mine["transfers"][0]["id"], row["id"]);
        assert!(mine["transfers"][0].get("artist_image_url").is_none());
        let odd = viewer
            .get("/api/transfers?page=0&limit=0")
            .await
            .expect(200);
        assert_eq!(odd.body["pagination"]["limit"], 1);
        viewer.get("/api/transfers?artistId=x").await.expect(400);
        app.client.get("/api/transfers").await.expect(401);
        let nowhere = format!("/api/transfers/{}", TransferId::random());
        assert_eq!(
            viewer.get(&nowhere).await.expect(404).error(),
            "Transfer not found"
        );
    })
    .await;
}

#[tokio::test]
async fn only_ones_own_paid_tickets_of_coming_events_can_be_listed() {
    with_app(async |app| {
        let (event, seats) = app.seated(1).await;
        let fan = app.fan(event);
        let hold = fan.hold(seats[0]).await;
        let refused = try_list(app, fan.user, hold.id).await.expect(400);
        assert_eq!(
            refused.error(),
            "Only confirmed reservations can be transferred"
        );
        app.buy(&hold, "ORD-1").await;
        let refused = try_list(app, UserId::random(), hold.id).await.expect(403);
        assert_eq!(refused.error(), "Not your reservation");
        let refused = try_list(app, fan.user, ReservationId::random()).await;
        assert_eq!(refused.expect(404).error(), "Reservation not found");
        for body in [json!({}), json!({"reservationId": "x"})] {
            fan.client.post("/api/transfers", body).await.expect(400);
        }
        sqlx::query!("update events set event_date = now(), sale_end_date = now()")
            .execute(&app.pool)
            .await
            .unwrap();
        try_list(app, fan.user, hold.id).await.expect(409);
    })
    .await;
}

#[tokio::test]
async fn members_sell_and_buy_and_pay_the_fee_of_their_tier() {
    with_app(async |app| {
        let hold = ticket(app, "ORD-1").await;
        let artist = app.artist("10CM").await;
        let event = app.last_fact(hold.id).await["eventId"].clone();
        app.set_artist(event.as_str().unwrap().parse().unwrap(), artist)
            .await;
        let refused = try_list(app, hold.user, hold.id).await.expect(403);
        assert_eq!(
            refused.error(),
            "Active membership required for this artist"
        );
        app.join(hold.user, artist).await;
        sqlx::query!("update artist_memberships set points = 500")
            .execute(&app.pool)
            .await
            .unwrap();
        let made = try_list(app, hold.user, hold.id).await.expect(200).body;
        assert_eq!(made["transfer"]["transfer_fee_percent"], 5);
        assert_eq!(made["transfer"]["total_price"], SEAT_PRICE * 105 / 100);
        let id: TransferId = made["transfer"]["id"].as_str().unwrap().parse().unwrap();

        let buyer = UserId::random();
        let refused = validate(app, id, buyer).await.expect(403);
        assert_eq!(
            refused.error(),
            "Buyer must have active membership for this artist"
        );
        app.join(buyer, artist).await;
        let quote = validate(app, id, buyer).await.expect(200).body;
        assert_eq!(quote["totalAmount"], SEAT_PRICE * 105 / 100);
        assert_eq!(quote["artist_id"], json!(artist));
        let path = format!("/api/transfers?artistId={artist}");
        let found = person(app, buyer).get(&path).await.expect(200).body;
        assert_eq!(found["transfers"][0]["artist_name"], "10CM");
        // A membership that ran out while the buyer was paying.
        sqlx::query!(
            "update artist_memberships set expires_at = now() where user_id = $1",
            buyer as UserId
        )
        .execute(&app.pool)
        .await
        .unwrap();
        let body = json!({"buyerId": buyer, "orderId": "ORD-2", "amount": SEAT_PRICE * 105 / 100});
        ask(app, id, "complete", body).await.expect(403);
        let fact = app.last_fact(hold.id).await;
        assert_eq!(fact["type"], "RESERVATION_REJECTED");
        // The money is the buyer's, though the ticket is the seller's.
        assert_eq!(fact["payerId"], json!(buyer));
        assert_eq!(fact["userId"], json!(hold.user));
    })
    .await;
}

#[tokio::test]
async fn a_bought_ticket_is_the_buyers_alone_and_the_seller_is_owed_the_face_value() {
    with_app(async |app| {
        let hold = ticket(app, "ORD-1").await;
        let id = list(app, &hold).await;
        let buyer = UserId::random();
        validate(app, id, buyer).await.expect(200);
        let kept = pay(app, id, buyer, "ORD-2").await.expect(200).body;
        assert_eq!(kept["orderId"], "ORD-2");
        assert_eq!(kept["amount"], TOTAL);
        complete(app, id, buyer, "ORD-2").await.expect(200);
        // Again, by the call and by the fact.
        complete(app, id, buyer, "ORD-2").await.expect(200);
        app.receive(FactId::random(), captured(id, buyer, "ORD-2"))
            .await
            .unwrap();
        // The fact of the first sale comes late and takes nothing back.
        app.receive(FactId::random(), crate::app::captured(&hold, "ORD-1"))
            .await
            .unwrap();

        let path = format!("/api/reservations/{}", hold.id);
        let mine = person(app, buyer).get(&path).await.expect(200).body;
        assert_eq!(mine["reservation"]["total_amount"], SEAT_PRICE);
        person(app, hold.user).get(&path).await.expect(404);
        assert_eq!(payouts(app).await, [(hold.user, SEAT_PRICE)]);
        let facts = sqlx::query_scalar!(
            r#"select payload as "payload!" from outbox where key = $1"#,
            id.to_string()
        )
        .fetch_all(&app.pool)
        .await
        .unwrap();
        assert_eq!(facts.len(), 1);
        assert_eq!(facts[0]["type"], "TRANSFER_COMPLETED");
        assert_eq!(facts[0]["totalPrice"], TOTAL);
        let path = format!("/api/transfers/{id}");
        let row = person(app, buyer).get(&path).await.body;
        assert_eq!(row["transfer"]["status"], "completed");
        assert_eq!(row["transfer"]["buyer_id"], json!(buyer));
        // Sold on, it still costs what it cost at first.
        let again = try_list(app, buyer, hold.id).await.expect(200).body;
        assert_eq!(again["transfer"]["total_price"], TOTAL);
    })
    .await;
}

#[tokio::test]
async fn defect_10_who_sold_a_ticket_cannot_have_it_refunded() {
    with_app(async |app| {
        let hold = ticket(app, "ORD-1").await;
        let id = list(app, &hold).await;
        let buyer = UserId::random();
        complete(app, id, buyer, "ORD-2").await.expect(200);
        app.refund(&hold, "ORD-1").await.expect(403);
        let path = format!("/api/reservations/{}/cancel", hold.id);
        person(app, hold.user)
            .post(&path, Value::Null)
            .await
            .expect(404);
        assert_eq!(app.stage(hold.id).await, "confirmed/completed");

        // The buyer's cancellation names the buyer's order.
        person(app, buyer)
            .post(&path, Value::Null)
            .await
            .expect(200);
        let fact = app.last_fact(hold.id).await;
        assert_eq!(fact["type"], "RESERVATION_CANCELLED");
        assert_eq!(fact["orderId"], "ORD-2");
        assert_eq!(fact["userId"], json!(buyer));
        assert_eq!(app.stage(hold.id).await, "cancelled/refund_requested");
        app.receive(FactId::random(), refunded(id, buyer, "ORD-2"))
            .await
            .unwrap();
        assert_eq!(app.stage(hold.id).await, "cancelled/refunded");
    })
    .await;
}

#[tokio::test]
async fn a_refund_of_the_buyers_order_ends_the_ticket_unless_it_was_sold_on() {
    with_app(async |app| {
        let hold = ticket(app, "ORD-1").await;
        let first = list(app, &hold).await;
        let (buyer, third) = (UserId::random(), UserId::random());
        let refund = |user: UserId, order: &str| json!({"userId": user, "orderId": order, "reason": "user-request"});
        // Given back before it was handed over: it never is.
        ask(app, first, "refund", refund(buyer, "ORD-0")).await.expect(200);
        complete(app, first, buyer, "ORD-0").await.expect(400);
        complete(app, first, buyer, "ORD-2").await.expect(200);
        let bought = Hold { user: buyer, ..hold.clone() };
        let second = list(app, &bought).await;
        complete(app, second, third, "ORD-3").await.expect(200);
        ask(app, first, "refund", refund(buyer, "ORD-2")).await.expect(403);
        // And once the first buyer has it again, only the latest order counts.
        let third_list = list(app, &Hold { user: third, ..hold.clone() }).await;
        complete(app, third_list, buyer, "ORD-4").await.expect(200);
        ask(app, first, "refund", refund(buyer, "ORD-2")).await.expect(403);
        ask(app, third_list, "refund", refund(buyer, "ORD-4")).await.expect(200);
        ask(app, third_list, "refund", refund(buyer, "ORD-4")).await.expect(200);
        assert_eq!(app.last_fact(hold.id).await["orderId"], "ORD-4");
        assert_eq!(app.stage(hold.id).await, "cancelled/refund_requested");
        assert_eq!(payouts(app).await.len(), 3);
    })
    .await;
}

#[tokio::test]
async fn defect_11_a_sale_is_checked_again_when_the_money_has_moved() {
    with_app(async |app| {
        // Withdrawn meanwhile.
        let hold = ticket(app, "ORD-1").await;
        let id = list(app, &hold).await;
        let buyer = UserId::random();
        validate(app, id, buyer).await.expect(200);
        let seller = person(app, hold.user);
        let cancel = format!("/api/transfers/{id}/cancel");
        let body = seller.post(&cancel, Value::Null).await.expect(200).body;
        assert_eq!(body["message"], "Transfer cancelled");
        assert_eq!(
            seller.post(&cancel, Value::Null).await.expect(400).error(),
            "Only listed transfers can be cancelled"
        );
        let refused = complete(app, id, buyer, "ORD-2").await.expect(400);
        assert_eq!(refused.error(), "Transfer is no longer available");
        // The ticket itself cancelled meanwhile: its listing goes with it.
        let id = list(app, &hold).await;
        validate(app, id, buyer).await.expect(200);
        app.fan_named(hold.user, urr_contract::EventId::random())
            .cancel(hold.id)
            .await
            .expect(200);
        app.receive(FactId::random(), captured(id, buyer, "ORD-3"))
            .await
            .unwrap();
        complete(app, id, buyer, "ORD-3").await.expect(400);
        assert_eq!(app.stage(hold.id).await, "cancelled/refund_requested");
        // Each order that cannot be honoured was told of once, so that it is refunded.
        let facts = sqlx::query_scalar!(
            r#"select payload->>'orderId' as "order!" from outbox
               where payload->>'type' = 'RESERVATION_REJECTED' order by id"#
        )
        .fetch_all(&app.pool)
        .await
        .unwrap();
        assert_eq!(facts, ["ORD-2", "ORD-3"]);
        assert_eq!(payouts(app).await, []);
    })
    .await;
}

#[tokio::test]
async fn defect_12_one_unpaid_order_keeps_a_listing_for_a_while_only() {
    with_app(async |app| {
        let hold = ticket(app, "ORD-1").await;
        let id = list(app, &hold).await;
        let (first, second) = (UserId::random(), UserId::random());
        let kept = pay(app, id, first, "ORD-2").await.expect(200).body;
        let again = pay(app, id, first, "ORD-2").await.expect(200).body;
        assert_eq!(again["expiresAt"], kept["expiresAt"]);
        // Nor can anybody keep it from its seller for ever by order after order.
        let other = pay(app, id, first, "ORD-2b").await.expect(200).body;
        assert_eq!(other["expiresAt"], kept["expiresAt"]);
        pay(app, id, first, "ORD-2").await.expect(200);
        let refused = pay(app, id, second, "ORD-3").await.expect(409);
        assert_eq!(refused.body["code"], "OTHER_BUYER");
        validate(app, id, second).await.expect(409);
        let seller = person(app, hold.user);
        let cancel = format!("/api/transfers/{id}/cancel");
        seller.post(&cancel, Value::Null).await.expect(409);
        sqlx::query!("update ticket_transfers set reserved_until = now()")
            .execute(&app.pool)
            .await
            .unwrap();
        pay(app, id, second, "ORD-3").await.expect(200);
        // The first one's money arrives after all, and goes back.
        complete(app, id, first, "ORD-2").await.expect(409);
        complete(app, id, second, "ORD-3").await.expect(200);
        assert_eq!(payouts(app).await.len(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_buyers_who_pay_at_once_one_gets_the_ticket() {
    with_app(async |app| {
        let hold = ticket(app, "ORD-1").await;
        let id = list(app, &hold).await;
        let tries = (0..20).map(|n| async move {
            let order = format!("ORD-B{n}");
            let answer = complete(app, id, UserId::random(), &order).await;
            answer.status.as_u16()
        });
        let answers = futures::future::join_all(tries).await;
        assert_eq!(answers.iter().filter(|status| **status == 200).count(), 1);
        assert!(answers.iter().all(|status| matches!(status, 200 | 400)));
        assert_eq!(payouts(app).await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn nobody_buys_beyond_the_cap_their_own_or_at_another_price() {
    with_app(async |app| {
        let (event, seats) = app.seated(2).await;
        app.set_cap(event, 1).await;
        let hold = app.fan(event).hold(seats[0]).await;
        app.buy(&hold, "ORD-1").await;
        let other = app.fan(event).hold(seats[1]).await;
        app.buy(&other, "ORD-2").await;
        let id = list(app, &hold).await;
        let refused = validate(app, id, other.user).await.expect(403);
        assert_eq!(refused.body["code"], "PER_PERSON_LIMIT");
        complete(app, id, other.user, "ORD-3").await.expect(403);
        let refused = validate(app, id, hold.user).await.expect(400);
        assert_eq!(refused.error(), "Cannot buy your own transfer");
        let buyer = UserId::random();
        let cheap = json!({"buyerId": buyer, "orderId": "ORD-4", "amount": TOTAL - 1});
        ask(app, id, "complete", cheap).await.expect(400);
        let cheap = json!({"userId": buyer, "orderId": "ORD-5", "amount": 1, "replaces": []});
        ask(app, id, "pay", cheap).await.expect(400);
        let nowhere = TransferId::random();
        validate(app, nowhere, buyer).await.expect(404);
        complete(app, nowhere, buyer, "ORD-6").await.expect(404);
        let refused = validate(app, id, buyer).await.expect(200);
        assert_eq!(refused.body["total_amount"], TOTAL);
        let stranger = person(app, buyer);
        let cancel = format!("/api/transfers/{id}/cancel");
        assert_eq!(
            stranger
                .post(&cancel, Value::Null)
                .await
                .expect(403)
                .error(),
            "Not your transfer listing"
        );
    })
    .await;
}
