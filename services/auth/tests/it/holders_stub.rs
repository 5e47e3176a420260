//! The services that know people, as auth asks them: what they hold, what is open, and how
//! often each has erased whom. Every one of them can be down.

use std::{collections::HashMap, sync::Arc};

use axum::{
    Json, Router,
    extract::{Path, State},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http::StatusCode;
use parking_lot::Mutex;
use serde_json::json;
use urr_contract::{UserId, personal_data::OpenMatters};
use urr_testkit::INTERNAL_TOKEN;

pub(crate) const NAMES: [&str; 4] = ["ticket", "payment", "community", "queue"];

#[derive(Debug, Default)]
struct Inner {
    down: bool,
    open: OpenMatters,
    erased: HashMap<UserId, usize>,
}

/// One of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Holder {
    name: &'static str,
    inner: Arc<Mutex<Inner>>,
}

/// All of them, and the arguments that lead auth there.
pub(crate) struct HoldersStub {
    pub(crate) all: HashMap<&'static str, Holder>,
    pub(crate) arguments: Vec<String>,
}

impl HoldersStub {
    pub(crate) async fn serve() -> Self {
        let mut stub = Self {
            all: HashMap::new(),
            arguments: Vec::new(),
        };
        for name in NAMES {
            let holder = Holder {
                name,
                inner: Arc::default(),
            };
            let url = urr_testkit::serve(holder.router()).await;
            stub.arguments.push(format!("--{name}-service-url"));
            stub.arguments.push(url);
            stub.all.insert(name, holder);
        }
        stub
    }
}

impl Holder {
    pub(crate) fn set_down(&self, down: bool) {
        self.inner.lock().down = down;
    }

    /// From now on so many things are open.
    pub(crate) fn set_open(&self, count: i64) {
        self.inner.lock().open = OpenMatters::of([("UPCOMING_TICKETS", "Tickets", count)]);
    }

    /// How often it has erased that person.
    pub(crate) fn erasures_of(&self, user: UserId) -> usize {
        self.inner
            .lock()
            .erased
            .get(&user)
            .copied()
            .unwrap_or_default()
    }

    fn router(&self) -> Router {
        Router::new()
            .route("/internal/users/{id}/personal-data", get(personal_data))
            .route("/internal/users/{id}/open-matters", get(open_matters))
            .route("/internal/users/{id}/erase", post(erase))
            .layer(axum::middleware::from_fn_with_state(self.clone(), guard))
            .with_state(self.clone())
    }
}

async fn guard(
    State(holder): State<Holder>,
    request: axum::extract::Request,
    next: axum::middleware::Next,
) -> Response {
    let token = format!("Bearer {INTERNAL_TOKEN}");
    let is_internal = request
        .headers()
        .get("authorization")
        .is_some_and(|value| value.as_bytes() == token.as_bytes());
    if !is_internal {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    if holder.inner.lock().down {
        return StatusCode::BAD_GATEWAY.into_response();
    }
    next.run(request).await
}

async fn personal_data(State(holder): State<Holder>, Path(id): Path<UserId>) -> Response {
    let data = json!({"of": id, "heldBy": holder.name});
    Json(json!({"personalData": data})).into_response()
}

async fn open_matters(State(holder): State<Holder>) -> Json<OpenMatters> {
    Json(holder.inner.lock().open.clone())
}

async fn erase(State(holder): State<Holder>, Path(id): Path<UserId>) -> Response {
    *holder.inner.lock().erased.entry(id).or_default() += 1;
    Json(json!({"erased": 1})).into_response()
}
