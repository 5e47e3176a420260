//! Tickets: issued with the sale, void with its end, given out anew with a transfer, and shown
//! to their owners only.

use serde_json::{Value, json};
use sqlx::PgPool;
use urr_contract::{ReservationId, UserId};
use urr_testkit::{Answer, Client};
use urr_ticket::jobs::ticket_issue;

use crate::app::{App, Hold, SEAT_PRICE, with_app};

/// Tickets of a reservation as its owner sees them.
pub(crate) async fn tickets(app: &App, owner: UserId, id: ReservationId) -> Vec<Value> {
    let path = format!("/api/reservations/{id}/tickets");
    let answer = app.client.as_user(owner).get(&path).await.expect(200);
    answer.body["tickets"].as_array().unwrap().clone()
}

/// The text of the code of a reservation's first ticket.
pub(crate) async fn credential(app: &App, hold: &Hold) -> String {
    let tickets = tickets(app, hold.user, hold.id).await;
    tickets[0]["qr"].as_str().unwrap().to_owned()
}

/// Puts a ticket up for sale; returns the listing.
pub(crate) async fn list(app: &App, hold: &Hold) -> String {
    let body = json!({"reservationId": hold.id});
    let client = app.client.as_user(hold.user);
    let answer = client.post("/api/transfers", body).await.expect(200);
    answer.body["transfer"]["id"].as_str().unwrap().to_owned()
}

/// Somebody buys it.
pub(crate) async fn sell_on(app: &App, listing: &str, buyer: UserId, order: &str) -> Answer {
    let body = json!({
        "buyerId": buyer, "orderId": order, "amount": SEAT_PRICE + SEAT_PRICE / 10,
        "paymentMethod": "toss",
    });
    let path = format!("/internal/transfers/{listing}/complete");
    app.client.internal().post(&path, body).await
}

async fn bought(app: &App) -> Hold {
    let (event, seats) = app.seated(1).await;
    let hold = app.fan(event).hold(seats[0]).await;
    app.buy(&hold, "ORD-1").await;
    hold
}

#[tokio::test]
async fn a_sold_seat_has_one_ticket_and_each_standing_place_its_own() {
    with_app(async |app| {
        let (event, seats) = app.seated(1).await;
        let hold = app.fan(event).hold(seats[0]).await;
        assert!(tickets(app, hold.user, hold.id).await.is_empty());
        app.buy(&hold, "ORD-1").await;
        let seat = tickets(app, hold.user, hold.id).await;
        assert_eq!(seat.len(), 1);
        assert_eq!(seat[0]["state"], "valid");
        assert_eq!(seat[0]["event"]["title"], "A night of tests");
        assert!(seat[0]["place"].is_string() && seat[0]["usedAt"].is_null());

        let floor = app.ticket_type(event, "Floor", 50_000, 10).await;
        let places = app.fan(event).places(floor, 3).await;
        app.buy(&places, "ORD-2").await;
        let floor = tickets(app, places.user, places.id).await;
        let units: Vec<&Value> = floor.iter().map(|ticket| &ticket["unit"]).collect();
        assert_eq!(units, [1, 2, 3]);
        assert!(floor.iter().all(|ticket| ticket["place"] == "Floor"));
        // Confirming again issues nothing again.
        app.confirm(&places, "ORD-2").await.expect(200);
        assert_eq!(tickets(app, places.user, places.id).await.len(), 3);
    })
    .await;
}

#[tokio::test]
async fn only_the_owner_sees_a_ticket() {
    with_app(async |app| {
        let hold = bought(app).await;
        let id = tickets(app, hold.user, hold.id).await[0]["id"].clone();
        let of_reservation = format!("/api/reservations/{}/tickets", hold.id);
        let picture = format!("{of_reservation}/{}/qr.svg", id.as_str().unwrap());
        let owner = app.client.as_user(hold.user);
        owner.get(&picture).await.expect(200);
        let stranger = app.client.as_user(UserId::random());
        for path in [&of_reservation, &picture] {
            app.client.get(path).await.expect(401);
            stranger.get(path).await.expect(404);
            app.admin().get(path).await.expect(404);
        }
        let other = format!("/api/reservations/{}/tickets", ReservationId::random());
        owner.get(&other).await.expect(404);
        let mine = owner.get("/api/tickets/my").await.expect(200);
        assert_eq!(mine.body["tickets"][0]["id"], id);
        assert_eq!(mine.body["pagination"]["total"], 1);
        let theirs = stranger.get("/api/tickets/my").await.expect(200);
        assert_eq!(theirs.body["tickets"], json!([]));
        app.client.get("/api/tickets/my").await.expect(401);
    })
    .await;
}

#[tokio::test]
async fn a_code_is_a_picture_that_nobody_keeps() {
    with_app(async |app| {
        let hold = bought(app).await;
        let ticket = &tickets(app, hold.user, hold.id).await[0];
        let owner = app.client.as_user(hold.user);
        for (name, kind, begin) in [
            ("svg", "image/svg+xml", b"<?xml".as_slice()),
            ("png", "image/png", b"\x89PNG\r\n\x1a\n".as_slice()),
        ] {
            let id = ticket["id"].as_str().unwrap();
            let path = format!("/api/reservations/{}/tickets/{id}/qr.{name}", hold.id);
            let answer = owner.get(&path).await.expect(200);
            assert_eq!(answer.headers["content-type"], kind);
            assert_eq!(answer.headers["cache-control"], "private, no-store");
            assert!(answer.bytes.starts_with(begin), "{name}");
        }
        let list = owner.get("/api/tickets/my").await.expect(200);
        assert_eq!(list.headers["cache-control"], "private, no-store");
    })
    .await;
}

#[tokio::test]
async fn a_published_key_verifies_what_the_code_says() {
    with_app(async |app| {
        let hold = bought(app).await;
        let text = credential(app, &hold).await;
        let keys = app.client.get("/api/check-ins/keys").await.expect(200).body;
        assert_eq!(keys["keys"].as_array().unwrap().len(), 1);
        let key = hex::decode(keys["keys"][0]["publicKey"].as_str().unwrap()).unwrap();
        // As a device does that knows nothing but the form and the key.
        let bytes = data_encoding::BASE32_NOPAD
            .decode(text.strip_prefix("URR1").unwrap().as_bytes())
            .unwrap();
        let (body, signature) = bytes.split_at(40);
        let message = [b"urr ticket 1\0", body].concat();
        aws_lc_rs::signature::UnparsedPublicKey::new(&aws_lc_rs::signature::ED25519, key)
            .verify(&message, signature)
            .unwrap();
        assert_eq!(keys["keys"][0]["id"], hex::encode(&body[..4]));
    })
    .await;
}

#[tokio::test]
async fn a_ticket_for_sale_shows_no_code_until_it_is_withdrawn() {
    with_app(async |app| {
        let hold = bought(app).await;
        let listing = list(app, &hold).await;
        let ticket = tickets(app, hold.user, hold.id).await.remove(0);
        assert_eq!(
            (&ticket["state"], &ticket["qr"]),
            (&json!("for_sale"), &Value::Null)
        );
        let owner = app.client.as_user(hold.user);
        let id = ticket["id"].as_str().unwrap();
        let path = format!("/api/reservations/{}/tickets/{id}/qr.png", hold.id);
        let refused = owner.get(&path).await.expect(409);
        assert_eq!(refused.body["code"], "TICKET_HAS_NO_CODE");
        let cancel = format!("/api/transfers/{listing}/cancel");
        owner.post(&cancel, Value::Null).await.expect(200);
        owner.get(&path).await.expect(200);
    })
    .await;
}

#[tokio::test]
async fn a_ticket_that_changes_hands_is_given_out_anew() {
    with_app(async |app| {
        let hold = bought(app).await;
        let old = credential(app, &hold).await;
        let listing = list(app, &hold).await;
        let buyer = UserId::random();
        sell_on(app, &listing, buyer, "ORD-2").await.expect(200);
        let tickets = tickets(app, buyer, hold.id).await;
        assert_eq!(tickets[0]["state"], "valid");
        let new = tickets[0]["qr"].as_str().unwrap();
        assert_ne!(new, old);
        let verify = |text: &str| app.state.keyring.verify(text).unwrap();
        assert_eq!(verify(new).ticket, verify(&old).ticket);
        assert_eq!(verify(new).rotation, verify(&old).rotation + 1);
        let path = format!("/api/reservations/{}/tickets", hold.id);
        app.client.as_user(hold.user).get(&path).await.expect(404);
        // The fact of the same order changes nothing any more.
        sell_on(app, &listing, buyer, "ORD-2").await.expect(200);
        assert_eq!(self::tickets(app, buyer, hold.id).await[0]["qr"], new);
    })
    .await;
}

#[tokio::test]
async fn a_ticket_dies_with_its_reservation() {
    with_app(async |app| {
        let (event, seats) = app.seated(1).await;
        let fan = app.fan(event);
        let hold = fan.hold(seats[0]).await;
        app.buy(&hold, "ORD-1").await;
        fan.cancel(hold.id).await.expect(200);
        let ticket = tickets(app, hold.user, hold.id).await.remove(0);
        assert_eq!(
            (&ticket["state"], &ticket["qr"]),
            (&json!("refunded"), &Value::Null)
        );
        let mine = fan.client.get("/api/tickets/my").await.expect(200);
        assert_eq!(mine.body["pagination"]["total"], 0);
        // The next one on that seat gets a ticket of its own.
        let next = app.fan(event).hold(seats[0]).await;
        app.buy(&next, "ORD-2").await;
        assert_eq!(tickets(app, next.user, next.id).await[0]["state"], "valid");
    })
    .await;
}

async fn forget_tickets(pool: &PgPool) {
    sqlx::query!("delete from tickets")
        .execute(pool)
        .await
        .unwrap();
}

#[tokio::test]
async fn what_an_older_version_sold_or_ended_is_brought_in_step() {
    with_app(async |app| {
        let (event, seats) = app.seated(2).await;
        let kept = app.fan(event).hold(seats[0]).await;
        app.buy(&kept, "ORD-1").await;
        let fan = app.fan(event);
        let ended = fan.hold(seats[1]).await;
        app.buy(&ended, "ORD-2").await;
        forget_tickets(&app.pool).await;
        assert_eq!(ticket_issue::run(&app.state).await.unwrap(), 2);
        assert_eq!(tickets(app, kept.user, kept.id).await.len(), 1);

        fan.cancel(ended.id).await.expect(200);
        sqlx::query!("update tickets set voided_at = null")
            .execute(&app.pool)
            .await
            .unwrap();
        // Even before that, the ticket is worth nothing.
        assert_eq!(
            tickets(app, ended.user, ended.id).await[0]["state"],
            "refunded"
        );
        assert_eq!(ticket_issue::run(&app.state).await.unwrap(), 1);
        assert_eq!(ticket_issue::run(&app.state).await.unwrap(), 0);
    })
    .await;
}

#[tokio::test]
async fn paths_that_name_no_ticket_are_refused() {
    with_app(async |app| {
        let hold = bought(app).await;
        let owner: Client = app.client.as_user(hold.user);
        let path = |what: &str| format!("/api/reservations/{}/tickets/{what}/qr.svg", hold.id);
        owner.get(&path("x")).await.expect(400);
        owner
            .get(&path(&UserId::random().to_string()))
            .await
            .expect(404);
        owner.get("/api/reservations/x/tickets").await.expect(400);
        owner.get("/api/tickets/my?page=x").await.expect(400);
    })
    .await;
}
