//! What happened between the exchanges and was not recorded: accounts of others, approvals at
//! the payment provider, and what was once written straight into the database. Here all of it
//! goes through the API.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    bindings::Bindings,
    exchange::{Answer, Exchange, Request, Sender},
};
use crate::platform::Platform;

const EVENT: &str = "671e2fa4-7adf-4901-acad-18971953693b";

/// What stands for the secrets of the recorded platform.
pub(super) fn given(platform: &Platform) -> BTreeMap<String, String> {
    let ours = |name: &str| platform.secret(name);
    BTreeMap::from([
        ("admin123".to_owned(), ours("ADMIN_PASSWORD")),
        ("<internal-token>".to_owned(), ours("INTERNAL_API_TOKEN")),
    ])
}

/// The scene of the next exchange.
pub(super) struct Stage<'a> {
    sender: &'a Sender,
    bindings: &'a mut Bindings,
}

impl<'a> Stage<'a> {
    pub(super) fn new(sender: &'a Sender, bindings: &'a mut Bindings) -> Self {
        Self { sender, bindings }
    }

    /// Does what has to have happened before this exchange.
    pub(super) async fn set(&mut self, exchange: &Exchange) {
        match exchange.number() {
            "019" => self.keep_refresh_token(),
            "020" => self.take_refresh_token_again(),
            "027" => self.plan_the_seeded_events().await,
            "038" => self.hold_a_seat_as_somebody().await,
            "045" => self.set_layout().await,
            "056" => self.sign_in("bob", "bob-af3cc609@example.com").await,
            "098" | "133" | "150" | "160" => self.approve(&exchange.request).await,
            "106" => self.enter_again().await,
            "117" | "158" => self.choose_seat(exchange).await,
            "141" => self.join_the_artists_club().await,
            "165" => self.facts_arrive(&exchange.request, refunded).await,
            "172" => self.facts_arrive(&figures(), three_sales_are_counted).await,
            "217" => self.use_up_the_limit(&exchange.request).await,
            _ => {}
        }
    }

    fn keep_refresh_token(&mut self) {
        let token = self.bindings.of("<refresh-token alice>");
        self.bindings.bind("<refresh-token of 019>", token);
    }

    fn take_refresh_token_again(&mut self) {
        let token = self.bindings.of("<refresh-token of 019>");
        self.bindings.bind("<refresh-token alice>", token);
    }

    /// Their earlier session has ended by logging out.
    async fn sign_in(&mut self, who: &str, email: &str) {
        let body = json!({"email": email, "password": "Passw0rd!x"});
        let answer = self.call("", "POST", "/api/auth/login", body).await;
        self.bind_tokens(who, &answer);
    }

    fn bind_tokens(&mut self, who: &str, answer: &Value) {
        for (name, key) in [("access", "token"), ("refresh", "refreshToken")] {
            let token = answer[key].as_str().expect("a token");
            self.bindings.bind(&format!("<{name}-token {who}>"), token);
        }
    }

    /// Events that a migration of the reference brought, as far as exchanges speak of them.
    async fn plan_the_seeded_events(&mut self) {
        let path = "/api/admin/seat-layouts";
        let layouts = self.call("admin", "GET", path, Value::Null).await;
        for (title, artist) in [
            ("BTS WORLD TOUR 2025", "BTS"),
            ("10CM HOTEL ROOM TOUR", "10CM"),
        ] {
            let event = json!({
                "title": title,
                "description": "A world tour",
                "venue": "블루스퀘어 마스터카드홀",
                "address": "서울특별시",
                "eventDate": "2026-12-12T19:00:00Z",
                "saleStartDate": "2026-11-20T09:00:00Z",
                "saleEndDate": "2026-12-11T18:00:00Z",
                "artistName": artist,
                "presale": true,
                "seatLayoutId": layouts["layouts"][0]["id"],
            });
            self.call("admin", "POST", "/api/admin/events", event).await;
        }
    }

    /// The recorded platform had been used before.
    async fn hold_a_seat_as_somebody(&mut self) {
        let path = "/api/events?q=10CM";
        let events = self.call("", "GET", path, Value::Null).await;
        let event = events["events"][0]["id"].as_str().expect("an event");
        let path = format!("/api/queue/check/{event}");
        let entry = self.call("admin", "POST", &path, Value::Null).await;
        let path = format!("/api/seats/events/{event}");
        let map = self.call("", "GET", &path, Value::Null).await;
        let seats = json!({"eventId": event, "seatIds": [map["seats"][0]["id"]]});
        let mut request = request("admin", "POST", "/api/seats/reserve", seats);
        let token = entry["entryToken"].as_str().expect("a token").to_owned();
        request
            .headers
            .insert("x-queue-entry-token".to_owned(), token);
        self.send(request).await;
    }

    /// A place inside is given back with the purchase, so the next purchase takes a new one.
    async fn enter_again(&mut self) {
        let path = format!("/api/queue/status/{EVENT}");
        let status = request("alice", "GET", &path, Value::Null);
        self.facts_arrive(&status, has_left).await;
        let path = format!("/api/queue/check/{EVENT}");
        let answer = self.call("alice", "POST", &path, Value::Null).await;
        let token = answer["entryToken"].as_str().expect("a token");
        self.bindings.bind("<entry-token alice>", token);
    }

    /// The reference could set the layout of an event by SQL only.
    async fn set_layout(&mut self) {
        let event = json!({
            "title": "Peer concert 1795355117",
            "description": "desc",
            "venue": "Hall",
            "address": "Seoul",
            "eventDate": "2026-12-22T22:45:22+09:00",
            "saleStartDate": "2026-11-21T22:45:22+09:00",
            "saleEndDate": "2026-12-21T22:45:22+09:00",
            "artistName": "아이유",
            "seatLayoutId": "b20dbe3a-1d37-477e-bb2b-b56f6baf8a7f",
        });
        let path = format!("/api/admin/events/{EVENT}");
        self.call("admin", "PUT", &path, event).await;
    }

    /// The reference believed any payment key; ours asks the provider, where somebody has to
    /// have paid.
    async fn approve(&mut self, confirm: &Request) {
        let of = |key: &str| confirm.body[key].as_str().expect("a text").to_owned();
        let path = format!(
            "/checkout/{}?amount={}",
            of("orderId"),
            confirm.body["amount"]
        );
        let request = Request {
            to: "toss-simulator".to_owned(),
            ..request("", "POST", &path, json!({"action": "approve"}))
        };
        let approved = self.send(request).await;
        let key = approved["paymentKey"].as_str().expect("a payment key");
        self.bindings.bind(&of("paymentKey"), key);
    }

    /// The recorded answer says which seat it was.
    async fn choose_seat(&mut self, exchange: &Exchange) {
        let label = &exchange.response.body["reservation"]["seats"][0]["seat_label"];
        let path = format!("/api/seats/events/{EVENT}");
        let map = self.call("", "GET", &path, Value::Null).await;
        let seats = map["seats"].as_array().expect("seats");
        let seat = seats.iter().find(|seat| seat["seat_label"] == *label);
        let ours = seat.expect("the same layout")["id"]
            .as_str()
            .expect("an id");
        let theirs = exchange.request.body["seatIds"][0].as_str().expect("an id");
        self.bindings.bind(theirs, ours);
    }

    /// Events of the reference never belonged to their artist. Ours do, so that tickets are
    /// resold among members.
    async fn join_the_artists_club(&mut self) {
        let artists = self
            .call("", "GET", "/api/artists?limit=100", Value::Null)
            .await;
        let artists = artists["artists"].as_array().expect("artists");
        let artist = artists.iter().find(|artist| artist["name"] == "아이유");
        let artist = &artist.expect("made with the event")["id"];
        for who in ["alice", "bob"] {
            let path = "/api/memberships/subscribe";
            let asked = json!({"artistId": artist});
            let membership = self.call(who, "POST", path, asked).await;
            let payment = json!({
                "paymentType": "membership",
                "referenceId": membership["membershipId"],
                "paymentMethod": "naver_pay",
            });
            self.call(who, "POST", "/api/payments/process", payment)
                .await;
        }
    }

    /// What one service tells another arrives a moment later.
    async fn facts_arrive(&self, request: &Request, condition: fn(&Value) -> bool) {
        let request = self.bindings.in_place(request);
        urr_testkit::wait_for("facts to arrive", || async {
            condition(&self.sender.send(&request).await.body)
        })
        .await;
    }

    /// A person of their own, so that the limit is theirs alone.
    async fn use_up_the_limit(&mut self, last: &Request) {
        let form = json!({"email": "limit@example.com", "password": "Passw0rd!x", "name": "x"});
        let answer = self.call("", "POST", "/api/auth/register", form).await;
        self.bind_tokens("ratelimited", &answer);
        let last = self.bindings.in_place(last);
        let mut passed = 0;
        while self.sender.send(&last).await.status != 429 {
            passed += 1;
        }
        assert_eq!(passed, 60, "requests within the limit");
    }

    async fn call(&self, who: &str, method: &str, path: &str, body: Value) -> Value {
        self.send(request(who, method, path, body)).await
    }

    async fn send(&self, request: Request) -> Value {
        let answer: Answer = self.sender.send(&self.bindings.in_place(&request)).await;
        assert!(answer.status < 300, "{request:?}: {answer:?}");
        answer.body
    }
}

fn has_left(answer: &Value) -> bool {
    answer["status"] == "not_in_queue"
}

fn refunded(answer: &Value) -> bool {
    answer["reservation"]["payment_status"] == "refunded"
}

fn figures() -> Request {
    request("admin", "GET", "/api/stats/events", Value::Null)
}

fn three_sales_are_counted(answer: &Value) -> bool {
    answer["data"][0]["confirmed_reservations"] == 3
}

fn request(who: &str, method: &str, path: &str, body: Value) -> Request {
    let mut headers = BTreeMap::new();
    if !body.is_null() {
        headers.insert("content-type".to_owned(), "application/json".to_owned());
    }
    if !who.is_empty() {
        let token = format!("Bearer <access-token {who}>");
        headers.insert("authorization".to_owned(), token);
    }
    Request {
        method: method.to_owned(),
        to: "gateway".to_owned(),
        path: path.to_owned(),
        headers,
        body,
    }
}
