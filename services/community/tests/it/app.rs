//! One community service for one test, its peers, and the verbs of those who use it.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::{
    Json, Router,
    extract::{Path, State as Shared},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http::{HeaderMap, StatusCode};
use jiff::SignedDuration;
use parking_lot::Mutex;
use serde_json::{Value, json};
use sqlx::PgPool;
use tempfile::TempDir;
use urr_community::{Config, MIGRATIONS, State, facts, jobs};
use urr_contract::{ArtistId, Fact, FactId, UserId};
use urr_kit::{
    Runtime,
    consumer::{Received, apply_once},
    serve::layers,
};
use urr_testkit::{Answer, Client, INTERNAL_TOKEN, settings};
use uuid::Uuid;

pub(crate) struct App {
    pub(crate) client: Client,
    pub(crate) runtime: Runtime,
    pub(crate) state: Arc<State>,
    pub(crate) pool: PgPool,
    pub(crate) ticket: Arc<Ticket>,
    pub(crate) auth: Arc<Auth>,
    /// Where mails go as files.
    pub(crate) outbox: TempDir,
    config: Config,
}

/// What stands in for auth: everybody but the nil user has a name.
pub(crate) struct Auth {
    /// Accounts that differ from the others, by id.
    pub(crate) accounts: Mutex<HashMap<String, Value>>,
    /// Whether it answers.
    pub(crate) is_up: AtomicBool,
}

/// What stands in for ticket: knows one artist and some reservations, and keeps what it was told.
pub(crate) struct Ticket {
    pub(crate) artist: ArtistId,
    /// Its answer about details.
    pub(crate) details: Mutex<(StatusCode, Value)>,
    pub(crate) awards: Mutex<Vec<Value>>,
    /// How it answers awards.
    pub(crate) answer: Mutex<(StatusCode, Value)>,
}

#[derive(PartialEq, Eq)]
enum Peers {
    Running,
    Absent,
}

impl App {
    pub(crate) async fn start() -> Self {
        Self::with(&[]).await
    }

    /// With more arguments than the required ones.
    pub(crate) async fn with(arguments: &[&str]) -> Self {
        Self::among(Peers::Running, arguments).await
    }

    async fn among(peers: Peers, arguments: &[&str]) -> Self {
        let database = urr_testkit::database(&MIGRATIONS, "community").await;
        let now = "2026-03-01T03:00:00Z".parse().expect("a time");
        let runtime = urr_testkit::runtime_at("community", now);
        let (ticket, ticket_url) = serve_ticket().await;
        let (auth, auth_url) = serve_auth().await;
        let outbox = tempfile::tempdir().expect("a directory");
        let outbox_path = outbox.path().to_str().expect("a path in UTF-8");
        let required = [
            "community",
            "--db-url",
            &database.url,
            "--internal-api-token",
            INTERNAL_TOKEN,
            "--gateway-token",
            urr_testkit::GATEWAY_TOKEN,
            "--mail-directory",
            outbox_path,
            "--public-url",
            "https://urr.example",
            "--webhook-allow-private",
            "true",
        ];
        let mut config: Config = settings(required.iter().chain(arguments));
        if peers == Peers::Running {
            config.auth_service_url = auth_url;
            config.ticket_service_url = ticket_url;
        }
        let state = State::new(&config, database.pool.clone(), &runtime);
        let state = Arc::new(state.expect("settings that work"));
        let router = layers(
            urr_community::router(state.clone()),
            &runtime,
            Some(urr_testkit::gateway_token()),
        );
        Self {
            client: Client::new(router),
            runtime,
            state,
            pool: database.pool,
            ticket,
            auth,
            outbox,
            config,
        }
    }

    /// Another process on the same database, with other settings.
    pub(crate) fn twin(&self, change: impl FnOnce(&mut Config)) -> State {
        let mut config = self.config.clone();
        change(&mut config);
        State::new(&config, self.pool.clone(), &self.runtime).expect("settings that work")
    }

    /// Without peers: nobody listens on these ports.
    pub(crate) async fn alone() -> Self {
        let nowhere = "http://127.0.0.1:1";
        let arguments = [
            "--auth-service-url",
            nowhere,
            "--ticket-service-url",
            nowhere,
        ];
        Self::among(Peers::Absent, &arguments).await
    }

    pub(crate) fn advance(&self, seconds: i64) {
        self.runtime
            .clock
            .advance(SignedDuration::from_secs(seconds));
    }

    pub(crate) async fn write_post(&self, author: &Client, title: &str) -> Answer {
        let body = json!({"title": title, "content": "내용", "artist_id": self.ticket.artist});
        author.post("/api/community/posts", body).await
    }

    /// A post by somebody; its address.
    pub(crate) async fn post(&self) -> String {
        let author = self.client.as_user(UserId::random());
        let answer = self.write_post(&author, "제목").await.expect(201);
        format!("/api/community/posts/{}", text(&answer.body["post"]["id"]))
    }

    pub(crate) async fn comment(&self, author: &Client, post: &str) -> Answer {
        author
            .post(&format!("{post}/comments"), json!({"content": "댓글"}))
            .await
    }

    /// A fact arrives.
    pub(crate) async fn hear(&self, id: FactId, fact: &Fact) {
        let received = Received {
            id,
            topic: fact.topic().expect("a known fact"),
            key: fact.key().expect("a known fact"),
            fact: fact.clone(),
        };
        apply_once(
            &self.pool,
            facts::GROUP,
            &received,
            &self.state.note_notices(),
        )
        .await
        .expect("noted");
    }

    /// All jobs that tell somebody something run once.
    pub(crate) async fn tell(&self) {
        jobs::compose_notices::run(&self.state)
            .await
            .expect("composed");
        jobs::send_mails::run(&self.state).await.expect("sent");
        jobs::deliver_webhooks::run(&self.state)
            .await
            .expect("delivered");
    }

    /// Clients of a process that calls no private address.
    pub(crate) fn strict(&self) -> Client {
        let state = self.twin(|config| config.webhook_allow_private = false);
        let router = urr_community::router(Arc::new(state));
        let token = Some(urr_testkit::gateway_token());
        Client::new(layers(router, &self.runtime, token))
    }

    /// Administrators.
    pub(crate) fn admin(&self) -> Client {
        self.client.as_admin(UserId(Uuid::from_u128(1)))
    }

    pub(crate) async fn deliver(&self) {
        jobs::deliver_points::run(&self.state)
            .await
            .expect("delivered");
    }
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

async fn serve_auth() -> (Arc<Auth>, String) {
    let auth = Arc::new(Auth {
        accounts: Mutex::default(),
        is_up: AtomicBool::new(true),
    });
    let router = Router::new()
        .route("/internal/users/batch", post(users))
        .with_state(auth.clone());
    (auth, urr_testkit::serve(router).await)
}

async fn users(
    Shared(auth): Shared<Arc<Auth>>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Response {
    if !is_internal(&headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    if !auth.is_up.load(Ordering::SeqCst) {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let accounts = auth.accounts.lock();
    let ids = body["userIds"].as_array().cloned().unwrap_or_default();
    let users: Vec<_> = ids
        .iter()
        .filter(|id| **id != json!(Uuid::nil()))
        .map(|id| {
            let ordinary =
                json!({"id": id, "email": "ana@example.com", "name": "아나", "role": "user"});
            accounts.get(text(id)).cloned().unwrap_or(ordinary)
        })
        .filter(|account| !account.is_null())
        .collect();
    Json(json!({"users": users})).into_response()
}

async fn details(
    Shared(ticket): Shared<Arc<Ticket>>,
    headers: HeaderMap,
    Json(asked): Json<Value>,
) -> Response {
    if !is_internal(&headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let (status, mut answer) = ticket.details.lock().clone();
    let is_asked =
        |list: &str, id: &Value| asked[list].as_array().is_some_and(|ids| ids.contains(id));
    if let Some(transfers) = answer["transfers"].as_array_mut() {
        transfers.retain(|row| is_asked("transfers", &row["id"]));
    }
    let of_transfers: Vec<Value> = answer["transfers"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|row| row["reservationId"].clone())
        .collect();
    if let Some(reservations) = answer["reservations"].as_array_mut() {
        reservations.retain(|row| {
            is_asked("reservations", &row["id"]) || of_transfers.contains(&row["id"])
        });
    }
    (status, Json(answer)).into_response()
}

async fn serve_ticket() -> (Arc<Ticket>, String) {
    let ticket = Arc::new(Ticket {
        artist: ArtistId::random(),
        details: Mutex::new((StatusCode::OK, json!({"reservations": [], "transfers": []}))),
        awards: Mutex::default(),
        answer: Mutex::new((StatusCode::OK, json!({"ok": true}))),
    });
    let router = Router::new()
        .route("/api/artists/{id}", get(artist))
        .route("/internal/memberships/award-points", post(award))
        .route("/internal/reservations/details", post(details))
        .with_state(ticket.clone());
    (ticket, urr_testkit::serve(router).await)
}

async fn artist(Shared(ticket): Shared<Arc<Ticket>>, Path(id): Path<ArtistId>) -> Response {
    if id == ticket.artist {
        Json(json!({"artist": {"id": id}})).into_response()
    } else {
        (
            StatusCode::NOT_FOUND,
            Json(json!({"error": "Artist not found"})),
        )
            .into_response()
    }
}

async fn award(
    Shared(ticket): Shared<Arc<Ticket>>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Response {
    if !is_internal(&headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let (status, answer) = ticket.answer.lock().clone();
    if status == StatusCode::OK && answer["ok"] == true {
        ticket.awards.lock().push(body);
    }
    (status, Json(answer)).into_response()
}

fn is_internal(headers: &HeaderMap) -> bool {
    headers
        .get("authorization")
        .is_some_and(|value| value.as_bytes() == format!("Bearer {INTERNAL_TOKEN}").as_bytes())
}
