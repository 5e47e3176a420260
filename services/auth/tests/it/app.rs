//! One auth service for one test, and the verbs of those who use it.

use std::sync::Arc;

use http::header::SET_COOKIE;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sqlx::PgPool;
use urr_auth::{Config, MIGRATIONS, State};
use urr_kit::{Runtime, serve::layers};
use urr_testkit::{Answer, Client, INTERNAL_TOKEN, TestDatabase, settings};

/// `JWT_SECRET` of the tests.
pub(crate) const JWT_SECRET: &str = "the key of the tests, longer than thirty-two bytes";
/// A password that everybody in the tests has.
pub(crate) const PASSWORD: &str = "Passw0rd!x";

pub(crate) struct App {
    pub(crate) client: Client,
    pub(crate) runtime: Runtime,
    pub(crate) state: Arc<State>,
    pub(crate) pool: PgPool,
}

/// What a browser holds after signing in.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) access: String,
    pub(crate) refresh: String,
    pub(crate) user: Value,
}

impl App {
    pub(crate) async fn start() -> Self {
        Self::with(&[]).await
    }

    /// With more arguments than the required ones.
    pub(crate) async fn with(arguments: &[&str]) -> Self {
        let database = urr_testkit::database(&MIGRATIONS, "auth").await;
        let now = Timestamp::from_second(1_800_000_000).expect("in range");
        let runtime = urr_testkit::runtime_at("auth", now);
        let config = config(&database, arguments);
        let state = State::new(&config, database.pool.clone(), &runtime).expect("valid settings");
        let state = Arc::new(state);
        let router = layers(
            urr_auth::router(state.clone()),
            &runtime,
            Some(urr_testkit::gateway_token()),
        );
        Self {
            client: Client::new(router),
            runtime,
            state,
            pool: database.pool,
        }
    }

    pub(crate) fn advance(&self, seconds: i64) {
        self.runtime
            .clock
            .advance(SignedDuration::from_secs(seconds));
    }

    pub(crate) fn now(&self) -> i64 {
        self.runtime.clock.now().as_second()
    }

    /// An account whose password is cheap to check.
    pub(crate) async fn fan(&self) -> &'static str {
        urr_auth::seed::demo_fans(&self.pool, 1, PASSWORD)
            .await
            .expect("seeded");
        "fan000001@demo.urr.invalid"
    }

    pub(crate) async fn register(&self, email: &str, name: &str) -> Answer {
        let body = json!({"email": email, "password": PASSWORD, "name": name, "phone": ""});
        self.client.post("/api/auth/register", body).await
    }

    pub(crate) async fn log_in(&self, email: &str, password: &str) -> Answer {
        let body = json!({"email": email, "password": password});
        self.client.post("/api/auth/login", body).await
    }

    /// A fan who has signed in.
    pub(crate) async fn session(&self) -> Session {
        let email = self.fan().await;
        Session::of(&self.log_in(email, PASSWORD).await.expect(200))
    }

    pub(crate) async fn refresh(&self, token: &str) -> Answer {
        let body = json!({"refreshToken": token});
        self.client.post("/api/auth/refresh", body).await
    }

    pub(crate) async fn me(&self, access: &str) -> Answer {
        self.bearer(access).get("/api/auth/me").await
    }

    pub(crate) fn bearer(&self, token: &str) -> Client {
        self.client
            .with_header("authorization", &format!("Bearer {token}"))
    }
}

impl Session {
    /// What the answer to a sign-in gave.
    pub(crate) fn of(answer: &Answer) -> Self {
        let text = |key: &str| answer.body[key].as_str().expect("a text").to_owned();
        Self {
            access: text("token"),
            refresh: text("refreshToken"),
            user: answer.body["user"].clone(),
        }
    }
}

/// The cookies that an answer sets, in order.
pub(crate) fn cookies(answer: &Answer) -> Vec<String> {
    answer
        .headers
        .get_all(SET_COOKIE)
        .iter()
        .map(|value| value.to_str().expect("text").to_owned())
        .collect()
}

pub(crate) fn config(database: &TestDatabase, arguments: &[&str]) -> Config {
    let required = [
        "auth",
        "--db-url",
        &database.url,
        "--internal-api-token",
        INTERNAL_TOKEN,
        "--gateway-token",
        urr_testkit::GATEWAY_TOKEN,
        "--jwt-secret",
        JWT_SECRET,
    ];
    settings(required.iter().chain(arguments))
}
