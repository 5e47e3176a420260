//! What the tests stand in: one waiting room with its engines, its peers and its fans.

use std::{collections::HashMap, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::{Path, Query},
    response::IntoResponse,
    routing::get,
};
use http::{StatusCode, header::SET_COOKIE};
use jiff::Timestamp;
use parking_lot::Mutex;
use redis::FromRedisValue;
use serde_json::{Value, json};
use urr_contract::{
    EventId, Fact, FactId, ReservationId, UserId, Won,
    facts::ReservationConfirmedV1,
    internal::{EntryWindow, QueueInfo},
    tokens::{EntryClaims, TokenKey},
    topics::Topic,
};
use urr_kit::{
    Runtime,
    consumer::{Applied, Received, apply_once},
};
use urr_queue::{
    AdmissionMessages, MIGRATIONS, Settings, State,
    domain::policy::Defaults,
    facts::{GROUP, Purchases},
    jobs::admit::Worker,
    redis::{LineKeys, Rooms},
};
use urr_testkit::{Answer, Client, TestDatabase, TestRedis};
use uuid::Uuid;

/// The secret of entry tokens in these tests.
pub(crate) const SECRET: &str = "entry-token-secret-of-the-queue-tests";

/// A waiting room with one event.
pub(crate) struct Hall {
    pub(crate) redis: TestRedis,
    pub(crate) database: TestDatabase,
    pub(crate) event: EventId,
    pub(crate) ticket: Ticket,
    pub(crate) settings: Settings,
    pub(crate) ticket_url: String,
}

/// The ticket service, as far as the queue sees it.
#[derive(Clone, Default)]
pub(crate) struct Ticket(Arc<Mutex<TicketState>>);

#[derive(Default)]
struct TicketState {
    events: HashMap<Uuid, QueueInfo>,
    windows: HashMap<Uuid, EntryWindow>,
    is_down: bool,
    asked: usize,
    asked_for_people: usize,
}

impl Ticket {
    pub(crate) fn put(&self, event: EventId, info: QueueInfo) {
        self.0.lock().events.insert(event.0, info);
    }

    pub(crate) fn info(&self, event: EventId) -> QueueInfo {
        self.0.lock().events[&event.0].clone()
    }

    pub(crate) fn remove(&self, event: EventId) {
        self.0.lock().events.remove(&event.0);
    }

    /// From now on that person's tier buys from then.
    pub(crate) fn set_window(&self, fan: &Fan, tier: &str, opens_at: Timestamp) {
        let user = fan.user.expect("an account");
        let window = EntryWindow {
            tier: tier.to_owned(),
            opens_at: Some(opens_at),
        };
        self.0.lock().windows.insert(user.0, window);
    }

    pub(crate) fn asked_for_people(&self) -> usize {
        self.0.lock().asked_for_people
    }

    pub(crate) fn go_down(&self) {
        self.0.lock().is_down = true;
    }

    pub(crate) fn asked(&self) -> usize {
        self.0.lock().asked
    }

    fn router(&self) -> Router {
        let ticket = self.clone();
        let answer = async move |Path(event): Path<Uuid>| {
            let mut state = ticket.0.lock();
            state.asked += 1;
            match state.events.get(&event) {
                _ if state.is_down => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
                Some(info) => Json(info).into_response(),
                None => (
                    StatusCode::NOT_FOUND,
                    Json(json!({"error": "Event not found"})),
                )
                    .into_response(),
            }
        };
        let ticket = self.clone();
        let window = async move |Path(_): Path<Uuid>,
                                 Query(query): Query<HashMap<String, Uuid>>| {
            let mut state = ticket.0.lock();
            state.asked_for_people += 1;
            match state.windows.get(&query["userId"]) {
                _ if state.is_down => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
                Some(window) => Json(window).into_response(),
                None => StatusCode::NOT_FOUND.into_response(),
            }
        };
        Router::new()
            .route("/internal/events/{event}/queue-info", get(answer))
            .route("/internal/events/{event}/entry", get(window))
    }
}

/// An event on sale since long ago and for long.
pub(crate) fn on_sale() -> QueueInfo {
    QueueInfo {
        title: "Opening night".to_owned(),
        artist: Some("The Numbers".to_owned()),
        status: "on_sale".to_owned(),
        sale_starts_at: "2020-01-01T00:00:00Z".parse().ok(),
        sale_ends_at: "2090-01-01T00:00:00Z".parse().ok(),
        general_sale_starts_at: None,
    }
}

/// Settings with that cap and rate.
pub(crate) fn rules(max_active: u32, admit_per_second: u32) -> Settings {
    let defaults = Defaults {
        max_active,
        admit_per_second,
        ..Settings::default().defaults
    };
    Settings {
        defaults,
        bitmap_width: Duration::from_secs(1),
        hold_after_loss: Duration::ZERO,
        ..Settings::default()
    }
}

impl Hall {
    pub(crate) async fn new(settings: Settings) -> Self {
        let ticket = Ticket::default();
        let event = EventId::random();
        ticket.put(event, on_sale());
        Self {
            redis: urr_testkit::redis().await,
            database: urr_testkit::database(&MIGRATIONS, "queue").await,
            event,
            ticket_url: urr_testkit::serve(ticket.router()).await,
            ticket,
            settings,
        }
    }

    pub(crate) async fn state(&self) -> Arc<State> {
        self.state_on(&urr_testkit::runtime("queue")).await
    }

    pub(crate) async fn state_on(&self, runtime: &Runtime) -> Arc<State> {
        Arc::new(self.bare_state(runtime).await)
    }

    async fn bare_state(&self, runtime: &Runtime) -> State {
        let state = State::new(
            &SECRET.to_owned().into(),
            self.settings.clone(),
            &self.ticket_url,
            urr_testkit::internal_token(),
            self.database.pool.clone(),
            self.redis.args().connect().await.expect("lazy"),
            runtime,
        );
        state.expect("the secret is long enough")
    }

    /// A replica of the service, without its background work: tests call that themselves.
    pub(crate) async fn replica(&self) -> Replica {
        self.replica_on(&urr_testkit::runtime("queue")).await
    }

    pub(crate) async fn replica_on(&self, runtime: &Runtime) -> Replica {
        self.replica_of(self.state_on(runtime).await, runtime)
    }

    /// A replica that tells of everybody who is let in.
    pub(crate) async fn replica_telling(&self, messages: AdmissionMessages) -> Replica {
        let runtime = urr_testkit::runtime("queue");
        let state = self.bare_state(&runtime).await.telling(messages);
        self.replica_of(Arc::new(state), &runtime)
    }

    fn replica_of(&self, state: Arc<State>, runtime: &Runtime) -> Replica {
        let router = urr_queue::router(Arc::clone(&state));
        let token = Some(urr_testkit::gateway_token());
        Replica {
            client: Client::new(urr_kit::serve::layers(router, runtime, token)),
            state,
            event: self.event,
        }
    }

    pub(crate) async fn worker(&self) -> Worker {
        Worker::new(self.state().await)
    }

    /// The fact that this account has bought.
    pub(crate) fn purchase(&self, user_id: UserId) -> Received {
        Received {
            id: FactId::random(),
            topic: Topic::Reservation,
            key: ReservationId::random().to_string(),
            fact: Fact::ReservationConfirmed(ReservationConfirmedV1 {
                saga_id: None,
                reservation_id: ReservationId::random(),
                user_id,
                event_id: Some(self.event),
                total_amount: Won(1000),
                payment_method: "toss".to_owned(),
                quantity: 1,
                timestamp: "2026-01-01T00:00:00Z".parse().expect("a time"),
            }),
        }
    }

    /// Tells a worker that knows nothing yet that this account has bought.
    pub(crate) async fn buy(&self, user: UserId) {
        let handler = Purchases::new(self.state().await);
        let applied = apply_once(&self.database.pool, GROUP, &self.purchase(user), &handler).await;
        assert_eq!(applied.expect("applied"), Applied::Now);
    }

    pub(crate) fn rooms(&self) -> Rooms {
        let width = u64::try_from(self.settings.bitmap_width.as_millis()).expect("short");
        Rooms::new(self.redis.client.clone(), width)
    }

    /// Runs one Redis command.
    pub(crate) async fn command<T: FromRedisValue>(&self, words: &[&str]) -> T {
        let mut command = redis::cmd(words[0]);
        for word in &words[1..] {
            command.arg(*word);
        }
        let answer = command
            .query_async(&mut self.redis.client.connection())
            .await;
        answer.expect("Redis answers")
    }

    /// A key of the event.
    pub(crate) fn key(&self, name: &str) -> String {
        format!("{name}:{{{}}}", self.event)
    }

    /// Lets that much time pass for everybody inside.
    pub(crate) async fn age(&self, duration: Duration) {
        let ms = i64::try_from(duration.as_millis()).expect("short");
        let (active, slots) = (self.key("active"), self.key("slots"));
        let numbers: Vec<String> = self.command(&["ZRANGE", &active, "0", "-1"]).await;
        for number in numbers {
            let back = (-ms).to_string();
            let _: f64 = self.command(&["ZINCRBY", &active, &back, &number]).await;
            let slot: String = self.command(&["HGET", &slots, &number]).await;
            let parts: Vec<&str> = slot.split('|').collect();
            let since = parts[1].parse::<i64>().expect("a time") - ms;
            let rest = parts[2..].join("|");
            let slot = format!("{}|{since}|{rest}", parts[0]);
            let _: i64 = self.command(&["HSET", &slots, &number, &slot]).await;
        }
    }

    /// Lets so much time pass that nobody counts as present.
    pub(crate) async fn everybody_falls_silent(&self) {
        self.delete_bitmaps("present").await;
    }

    /// Lets so much time pass that everybody is gone who gives no sign of life.
    pub(crate) async fn everybody_is_long_gone(&self) {
        self.everybody_falls_silent().await;
        self.delete_bitmaps("alive").await;
        let line = self.key("line");
        let _: i64 = self.command(&["HSET", &line, "watched_since", "0"]).await;
    }

    async fn delete_bitmaps(&self, name: &str) {
        let pattern = format!("{}:*", self.key(name));
        let keys: Vec<String> = self.command(&["KEYS", &pattern]).await;
        for key in keys {
            let _: i64 = self.command(&["DEL", &key]).await;
        }
    }

    /// Fills the rate bucket to the brim.
    pub(crate) async fn refill(&self) {
        let _: i64 = self
            .command(&["HSET", &self.key("line"), "refilled_at", "0"])
            .await;
    }

    /// How many commands Redis has run, without those that look.
    pub(crate) async fn commands_run(&self) -> u64 {
        let stats: String = self.command(&["INFO", "commandstats"]).await;
        let calls = |line: &str| {
            let (name, rest) = line.split_once(':')?;
            let calls = rest.strip_prefix("calls=")?.split(',').next()?;
            (name != "cmdstat_info").then(|| calls.parse::<u64>().ok())?
        };
        stats.lines().filter_map(calls).sum()
    }
}

/// One replica of the service.
pub(crate) struct Replica {
    pub(crate) state: Arc<State>,
    pub(crate) client: Client,
    pub(crate) event: EventId,
}

impl Replica {
    /// What the background work does twice a second.
    pub(crate) async fn renew(&self) {
        self.state.lines.renew_used().await;
    }

    /// What the background work does once a second.
    pub(crate) async fn write_signs(&self) {
        self.state.lines.write_signs().await;
    }

    pub(crate) fn keys(&self) -> LineKeys<'_> {
        self.state.lines.rooms().line(self.event)
    }
}

/// A person with a browser: an account or none, and a cookie jar.
#[derive(Clone)]
pub(crate) struct Fan {
    pub(crate) user: Option<UserId>,
    pub(crate) jar: HashMap<String, String>,
    pub(crate) event: EventId,
}

impl Fan {
    pub(crate) fn new(hall: &Hall) -> Self {
        Self {
            user: Some(UserId::random()),
            ..Self::visitor(hall)
        }
    }

    pub(crate) fn visitor(hall: &Hall) -> Self {
        Self {
            user: None,
            jar: HashMap::new(),
            event: hall.event,
        }
    }

    /// The same account in another browser.
    pub(crate) fn elsewhere(&self) -> Self {
        Self {
            jar: HashMap::new(),
            ..self.clone()
        }
    }

    pub(crate) async fn check(&mut self, at: &Replica) -> Answer {
        self.post(at, "check").await
    }

    pub(crate) async fn heartbeat(&mut self, at: &Replica) -> Answer {
        self.post(at, "heartbeat").await
    }

    pub(crate) async fn leave(&mut self, at: &Replica) -> Answer {
        self.post(at, "leave").await
    }

    pub(crate) async fn status(&mut self, at: &Replica) -> Answer {
        let path = format!("/api/queue/status/{}", self.event);
        let answer = self.client(at).get(&path).await;
        self.keep_cookies(answer)
    }

    async fn post(&mut self, at: &Replica, what: &str) -> Answer {
        let path = format!("/api/queue/{what}/{}", self.event);
        let answer = self.client(at).send(http::Method::POST, &path, "").await;
        self.keep_cookies(answer)
    }

    pub(crate) fn client(&self, at: &Replica) -> Client {
        let client = match self.user {
            Some(user) => at.client.as_user(user),
            None => at.client.through_gateway(),
        };
        if self.jar.is_empty() {
            return client;
        }
        let cookies: Vec<String> = self
            .jar
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        client.with_header("cookie", &cookies.join("; "))
    }

    fn keep_cookies(&mut self, answer: Answer) -> Answer {
        for cookie in answer.headers.get_all(SET_COOKIE) {
            let text = cookie.to_str().expect("ASCII");
            let (pair, attributes) = text.split_once(';').expect("attributes");
            let (name, value) = pair.split_once('=').expect("a value");
            if attributes.contains("Max-Age=0;") {
                self.jar.remove(name);
            } else {
                self.jar.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    pub(crate) fn receipt_cookie(&self) -> String {
        format!("urr-receipt-{}", self.event)
    }
}

/// Claims of the entry token in an answer.
pub(crate) fn entry_claims(answer: &Answer) -> EntryClaims {
    let token = answer.body["entryToken"].as_str().expect("an entry token");
    let key = TokenKey::entry(SECRET).expect("long enough");
    key.verify_signature(token).expect("signed by the queue")
}

pub(crate) fn status_of(answer: &Answer) -> &str {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    answer.body["status"].as_str().expect("a status")
}

pub(crate) fn number_of(answer: &Answer) -> u64 {
    answer.body["number"].as_u64().expect("a number")
}

pub(crate) fn position_of(answer: &Answer) -> u64 {
    assert_eq!(answer.body["queued"], Value::Bool(true), "{}", answer.body);
    answer.body["position"].as_u64().expect("a position")
}
