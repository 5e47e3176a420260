//! Memberships: asked for, paid, over, given back; and points, each for one thing once.

use serde_json::{Value, json};
use urr_contract::{
    ArtistId, Fact, FactId, MembershipId, PaymentId, UserId, Won,
    facts::{PaymentConfirmedV1, PaymentRefundedV1, PaymentType},
};
use urr_testkit::Answer;
use urr_ticket::jobs::membership_expiry;
use uuid::Uuid;

use crate::app::{App, with_app};

const PRICE: i64 = 30_000;

async fn mine(app: &App, user: UserId, artist: ArtistId) -> Value {
    let path = format!("/api/memberships/my/{artist}");
    app.client.as_user(user).get(&path).await.expect(200).body
}

async fn ask(app: &App, id: MembershipId, what: &str, body: Value) -> Answer {
    let path = format!("/internal/memberships/{id}/{what}");
    app.client.internal().post(&path, body).await
}

async fn validate(app: &App, id: MembershipId, user: UserId) -> Answer {
    let path = format!("/internal/memberships/{id}/validate?userId={user}");
    app.client.internal().get(&path).await
}

async fn award(app: &App, user: UserId, action: &str, points: i64, reference: Uuid) -> Value {
    let body = json!({"userId": user, "actionType": action, "points": points,
                      "description": "d", "referenceId": reference, "artistId": null});
    let path = "/internal/memberships/award-points";
    app.client
        .internal()
        .post(path, body)
        .await
        .expect(200)
        .body
}

async fn points(app: &App, user: UserId, artist: ArtistId) -> i64 {
    mine(app, user, artist).await["membership"]["points"]
        .as_i64()
        .unwrap()
}

async fn end_all(app: &App) {
    sqlx::query!("update artist_memberships set expires_at = now()")
        .execute(&app.pool)
        .await
        .unwrap();
}

fn captured(id: MembershipId, user: UserId, order: &str) -> Fact {
    Fact::PaymentConfirmed(PaymentConfirmedV1 {
        payment_id: PaymentId::random(),
        order_id: order.to_owned(),
        user_id: user,
        reservation_id: None,
        reference_id: Some(id.0),
        payment_type: PaymentType::Membership,
        amount: Won(PRICE),
        payment_method: "toss".to_owned(),
        timestamp: "2026-03-01T00:00:00Z".parse().unwrap(),
    })
}

#[tokio::test]
async fn a_membership_is_asked_for_paid_and_shown() {
    with_app(async |app| {
        let artist = app.artist("10CM").await;
        let user = UserId::random();
        let client = app.client.as_user(user);
        let none = mine(app, user, artist).await;
        assert_eq!(
            none,
            json!({"membership": {}, "pointHistory": [], "tier": "BRONZE"})
        );
        let benefits = format!("/api/memberships/benefits/{artist}");
        let body = client.get(&benefits).await.expect(200).body;
        assert_eq!(
            body,
            json!({"preSalePhase": null, "preSaleLabel": "일반예매", "bookingFeeSurcharge": 0,
                   "transferAccess": false, "transferFeePercent": null, "nextTierThreshold": null,
                   "tier": "BRONZE", "membership_price": PRICE})
        );
        let body = json!({"artistId": artist});
        let path = "/api/memberships/subscribe";
        let asked = client.post(path, body.clone()).await.expect(201).body;
        assert_eq!(asked["artistName"], "10CM");
        assert_eq!(asked["price"], PRICE);
        assert_eq!(asked["status"], "pending");
        let again = client.post(path, body.clone()).await.expect(201).body;
        assert_eq!(again, asked);
        let id: MembershipId = asked["membershipId"].as_str().unwrap().parse().unwrap();

        let quote = validate(app, id, user).await.expect(200).body;
        assert_eq!(
            quote,
            json!({"membershipId": id, "total_amount": PRICE, "totalAmount": PRICE, "artist_name": "10CM"})
        );
        let refused = validate(app, id, UserId::random()).await.expect(403);
        assert_eq!(refused.error(), "Not your membership");
        ask(app, id, "activate", json!({"orderId": "ORD-1"})).await.expect(200);
        // Again by the call without a body, and by the fact.
        ask(app, id, "activate", Value::Null).await.expect(200);
        app.receive(FactId::random(), captured(id, user, "ORD-1")).await.unwrap();
        let refused = validate(app, id, user).await.expect(400);
        assert_eq!(refused.error(), "Membership is not pending payment");
        assert_eq!(
            client.post(path, body).await.expect(409).error(),
            "Already an active member of this artist"
        );

        let body = mine(app, user, artist).await;
        assert_eq!(body["membership"]["status"], "active");
        assert_eq!(body["membership"]["points"], 200);
        assert_eq!(body["membership"]["effective_tier"], "SILVER");
        assert_eq!(body["benefits"]["preSalePhase"], 3);
        assert_eq!(body["pointHistory"].as_array().unwrap().len(), 1);
        assert_eq!(body["pointHistory"][0]["action_type"], "MEMBERSHIP_JOIN");
        let all = client.get("/api/memberships/my").await.expect(200).body;
        assert_eq!(all["memberships"][0]["id"], json!(id));
        let facts = app.facts(urr_contract::ReservationId(id.0)).await;
        assert_eq!(facts, ["MEMBERSHIP_ACTIVATED"]);
        let body = client.get(&benefits).await.body;
        assert_eq!(body["tier"], "SILVER");
    })
    .await;
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    with_app(async |app| {
        let nobody = app.client.as_user(UserId::random());
        let path = "/api/memberships/subscribe";
        nobody.post(path, json!({})).await.expect(400);
        let unknown = json!({"artistId": ArtistId::random()});
        assert_eq!(
            nobody.post(path, unknown.clone()).await.expect(404).error(),
            "Artist not found"
        );
        app.client.post(path, unknown).await.expect(401);
        app.client.get("/api/memberships/my").await.expect(401);
        let id = MembershipId::random();
        validate(app, id, UserId::random()).await.expect(404);
        let refused = ask(app, id, "activate", Value::Null).await.expect(404);
        assert_eq!(refused.error(), "Membership not found");
        for (action, points) in [("", 5), ("A", 0), ("A", -5), ("A", 1_001), ("a\0", 5)] {
            let body = award(app, UserId::random(), action, points, Uuid::new_v4()).await;
            assert_eq!(body["ok"], false, "{action} {points}");
            assert!(body["error"].is_string());
        }
    })
    .await;
}

#[tokio::test]
async fn a_year_ends_at_its_time_and_can_be_renewed_with_its_points() {
    with_app(async |app| {
        let artist = app.artist("10CM").await;
        let user = UserId::random();
        app.join(user, artist).await;
        let first = mine(app, user, artist).await["membership"]["id"].clone();
        end_all(app).await;
        // Before the job has run.
        let body = mine(app, user, artist).await;
        assert_eq!(body["membership"]["status"], "expired");
        assert_eq!(body["membership"]["effective_tier"], "BRONZE");
        assert_eq!(body["benefits"]["transferAccess"], false);
        award(app, user, "COMMUNITY_POST", 30, Uuid::new_v4()).await;
        assert_eq!(points(app, user, artist).await, 200);
        let artists = app.client.get("/api/artists").await.body;
        assert_eq!(artists["artists"][0]["member_count"], 0);
        assert_eq!(membership_expiry::run(&app.state).await.unwrap(), 1);
        assert_eq!(membership_expiry::run(&app.state).await.unwrap(), 0);

        app.join(user, artist).await;
        let body = mine(app, user, artist).await;
        assert_ne!(body["membership"]["id"], first);
        assert_eq!(body["membership"]["points"], 400);
        let kinds: Vec<_> = body["pointHistory"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["action_type"].as_str().unwrap())
            .collect();
        assert_eq!(kinds, ["MEMBERSHIP_RENEW", "MEMBERSHIP_JOIN"]);
        let all = app.client.as_user(user).get("/api/memberships/my").await;
        assert_eq!(all.body["memberships"].as_array().unwrap().len(), 1);
        // Renewed before the job has seen the end of the last year.
        end_all(app).await;
        app.join(user, artist).await;
        assert_eq!(points(app, user, artist).await, 600);
        assert_eq!(mine(app, user, artist).await["membership"]["tier"], "GOLD");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn twins_ask_for_one_membership_and_activate_it_once() {
    with_app(async |app| {
        let artist = app.artist("10CM").await;
        let user = UserId::random();
        let asked = (0..8).map(|_| app.subscribe(user, artist));
        let ids = futures::future::join_all(asked).await;
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
        let paid = (0..8).map(|n| async move {
            if n % 2 == 0 {
                let fact = captured(ids_of(&app.pool).await, user, "ORD-1");
                app.receive(FactId::random(), fact).await.unwrap();
            } else {
                let body = json!({"orderId": "ORD-1"});
                ask(app, ids_of(&app.pool).await, "activate", body)
                    .await
                    .expect(200);
            }
        });
        futures::future::join_all(paid).await;
        assert_eq!(points(app, user, artist).await, 200);
        // A second order for the same year is given back by payment.
        let body = json!({"orderId": "ORD-2"});
        ask(app, ids[0], "activate", body).await.expect(409);
    })
    .await;
}

/// The one membership there is.
async fn ids_of(pool: &sqlx::PgPool) -> MembershipId {
    sqlx::query_scalar!(r#"select id as "id!: MembershipId" from artist_memberships"#)
        .fetch_one(pool)
        .await
        .unwrap()
}

#[tokio::test]
async fn money_given_back_ends_the_membership_or_keeps_it_from_beginning() {
    with_app(async |app| {
        let artist = app.artist("10CM").await;
        let user = UserId::random();
        let order = app.join(user, artist).await;
        let id = ids_of(&app.pool).await;
        let refund = |order: &str| json!({"userId": user, "orderId": order, "reason": "r"});
        let foreign = json!({"userId": UserId::random(), "orderId": order, "reason": "r"});
        ask(app, id, "refund", foreign).await.expect(403);
        for _ in 0..2 {
            ask(app, id, "refund", refund(&order)).await.expect(200);
        }
        let body = mine(app, user, artist).await;
        assert_eq!(body["membership"]["status"], "expired");
        assert_eq!(body["membership"]["points"], 0);
        ask(app, id, "activate", json!({"orderId": order}))
            .await
            .expect(409);

        let next = app.subscribe(user, artist).await;
        ask(app, next, "refund", refund("ORD-9")).await.expect(200);
        ask(app, next, "activate", json!({"orderId": "ORD-9"}))
            .await
            .expect(409);
        app.receive(FactId::random(), captured(next, user, "ORD-9"))
            .await
            .unwrap();
        assert_eq!(
            mine(app, user, artist).await["membership"]["status"],
            "pending"
        );
        ask(app, next, "activate", json!({"orderId": "ORD-10"}))
            .await
            .expect(200);
        // Given back at the provider, by hand.
        let fact = Fact::PaymentRefunded(PaymentRefundedV1 {
            payment_id: PaymentId::random(),
            order_id: "ORD-10".to_owned(),
            user_id: user,
            reservation_id: None,
            reference_id: Some(next.0),
            payment_type: PaymentType::Membership,
            amount: Won(PRICE),
            reason: "by hand".to_owned(),
            event_id: None,
            timestamp: "2026-03-01T00:00:00Z".parse().unwrap(),
        });
        app.receive(FactId::random(), fact).await.unwrap();
        assert_eq!(
            mine(app, user, artist).await["membership"]["status"],
            "expired"
        );
    })
    .await;
}

#[tokio::test]
async fn points_are_given_once_for_a_thing_and_capped_by_the_day() {
    with_app(async |app| {
        let artist = app.artist("10CM").await;
        let other = app.artist("IU").await;
        let user = UserId::random();
        app.join(user, artist).await;
        app.join(user, other).await;
        let post = Uuid::new_v4();
        for _ in 0..3 {
            let body = award(app, user, "COMMUNITY_POST", 30, post).await;
            assert_eq!(body, json!({"ok": true}));
        }
        assert_eq!(points(app, user, artist).await, 230);
        assert_eq!(points(app, user, other).await, 230);
        // Posting and deleting all day.
        for _ in 0..12 {
            award(app, user, "COMMUNITY_POST", 30, Uuid::new_v4()).await;
        }
        assert_eq!(points(app, user, artist).await, 400);
        // To one artist only, and to nobody.
        let body = json!({"userId": user, "actionType": "GIFT", "points": 100, "description": "d",
                          "referenceId": null, "artistId": artist});
        let path = "/internal/memberships/award-points";
        app.client.internal().post(path, body).await.expect(200);
        assert_eq!(points(app, user, artist).await, 500);
        assert_eq!(points(app, user, other).await, 400);
        assert_eq!(mine(app, user, artist).await["membership"]["tier"], "GOLD");
        let body = award(app, UserId::random(), "COMMUNITY_POST", 30, Uuid::new_v4()).await;
        assert_eq!(body["ok"], true);
    })
    .await;
}

#[tokio::test]
async fn a_purchase_earns_points_and_its_end_takes_them_back() {
    with_app(async |app| {
        let artist = app.artist("10CM").await;
        let (event, seats) = app.seated(2).await;
        app.set_artist(event, artist).await;
        app.open_for_everybody(event).await;
        let fan = app.fan(event);
        app.join(fan.user, artist).await;
        let first = fan.hold(seats[0]).await;
        app.buy(&first, "ORD-1").await;
        app.confirm(&first, "ORD-1").await.expect(200);
        assert_eq!(points(app, fan.user, artist).await, 300);
        let history = mine(app, fan.user, artist).await["pointHistory"].clone();
        assert_eq!(history[0]["action_type"], "TICKET_PURCHASE");
        assert_eq!(history[0]["reference_id"], json!(first.id));
        fan.cancel(first.id).await.expect(200);
        assert_eq!(points(app, fan.user, artist).await, 200);
        // Who is no member earns nothing, and no seat is lost for it.
        let stranger = app.fan(event).hold(seats[1]).await;
        app.buy(&stranger, "ORD-2").await;
        assert_eq!(app.stage(stranger.id).await, "confirmed/completed");
    })
    .await;
}
