//! One community service for one test, its peers, and the verbs of those who use it.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, State as Shared},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use clap::Parser;
use http::{HeaderMap, StatusCode};
use jiff::SignedDuration;
use parking_lot::Mutex;
use serde_json::{Value, json};
use sqlx::PgPool;
use urr_community::{Config, MIGRATIONS, State};
use urr_contract::{ArtistId, UserId};
use urr_kit::{Runtime, serve::layers};
use urr_testkit::{Answer, Client, INTERNAL_TOKEN};
use uuid::Uuid;

#[derive(Parser)]
pub(crate) struct CommandLine {
    #[command(flatten)]
    pub(crate) config: Config,
}

pub(crate) struct App {
    pub(crate) client: Client,
    pub(crate) runtime: Runtime,
    pub(crate) state: Arc<State>,
    pub(crate) pool: PgPool,
    pub(crate) ticket: Arc<Ticket>,
}

/// What stands in for ticket: knows one artist and keeps what it was told.
pub(crate) struct Ticket {
    pub(crate) artist: ArtistId,
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
        let auth_url = urr_testkit::serve(auth()).await;
        let required = [
            "community",
            "--db-url",
            &database.url,
            "--internal-api-token",
            INTERNAL_TOKEN,
            "--gateway-token",
            urr_testkit::GATEWAY_TOKEN,
        ];
        let mut config = CommandLine::parse_from(required.iter().chain(arguments)).config;
        if peers == Peers::Running {
            config.auth_service_url = auth_url;
            config.ticket_service_url = ticket_url;
        }
        let state = Arc::new(State::new(&config, database.pool.clone(), &runtime));
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
        }
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

    pub(crate) async fn deliver(&self) {
        urr_community::jobs::deliver_points::run(&self.state)
            .await
            .expect("delivered");
    }
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

/// What stands in for auth: everybody but the nil user has a name.
fn auth() -> Router {
    async fn batch(headers: HeaderMap, Json(body): Json<Value>) -> Response {
        if !is_internal(&headers) {
            return StatusCode::FORBIDDEN.into_response();
        }
        let ids = body["userIds"].as_array().cloned().unwrap_or_default();
        let users: Vec<_> = ids
            .iter()
            .filter(|id| **id != json!(Uuid::nil()))
            .map(|id| json!({"id": id, "email": "ana@example.com", "name": "아나", "role": "user"}))
            .collect();
        Json(json!({"users": users})).into_response()
    }
    Router::new().route("/internal/users/batch", post(batch))
}

async fn serve_ticket() -> (Arc<Ticket>, String) {
    let ticket = Arc::new(Ticket {
        artist: ArtistId::random(),
        awards: Mutex::default(),
        answer: Mutex::new((StatusCode::OK, json!({"ok": true}))),
    });
    let router = Router::new()
        .route("/api/artists/{id}", get(artist))
        .route("/internal/memberships/award-points", post(award))
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
