//! `POST /api/auth/google`, with an issuer of our own that signs as Google does.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::{Json, Router, response::IntoResponse, routing::get};
use base64::{Engine, engine::general_purpose::STANDARD};
use futures::future::join_all;
use http::StatusCode;
use jiff::SignedDuration;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use parking_lot::Mutex;
use serde_json::{Value, json};
use urr_auth::{
    domain::session::{Lifetimes, RefreshToken},
    store::{token_families, users},
};
use urr_testkit::Answer;

use crate::app::{App, PASSWORD, Session};

const CLIENT_ID: &str = "urr.apps.googleusercontent.test";
const ISSUER: &str = "https://accounts.google.test";
const KEYS: &str = include_str!("google_keys.json");
const KEY: &str = include_str!("google_key.pem");
const FOREIGN_KEY: &str = include_str!("foreign_key.pem");

/// An app that believes the issuer of the tests, and how often it fetched the keys.
struct GoogleApp {
    app: App,
    fetches: Arc<AtomicUsize>,
}

impl GoogleApp {
    async fn start() -> Self {
        let fetches = Arc::new(AtomicUsize::new(0));
        let counter = fetches.clone();
        let issuer = Router::new().route(
            "/certs",
            get(async move || {
                counter.fetch_add(1, Ordering::Relaxed);
                Json(serde_json::from_str::<Value>(KEYS).expect("a key set"))
            }),
        );
        let app = app_with_keys_at(&format!("{}/certs", urr_testkit::serve(issuer).await)).await;
        Self { app, fetches }
    }

    fn claims(&self, email: &str) -> Value {
        json!({
            "iss": ISSUER, "aud": CLIENT_ID, "sub": format!("google-{email}"),
            "email": email, "email_verified": true, "name": "Ana Kim", "picture": "https://p.test/ana.png",
            "iat": self.app.now(), "exp": self.app.now() + 3600,
        })
    }

    async fn sign_in(&self, claims: &Value) -> Answer {
        self.present(&signed(claims, KEY, "test-key")).await
    }

    async fn present(&self, credential: &str) -> Answer {
        let body = json!({"credential": credential});
        self.app.client.post("/api/auth/google", body).await
    }
}

async fn app_with_keys_at(url: &str) -> App {
    App::with(&[
        "--google-client-id",
        CLIENT_ID,
        "--google-issuer",
        ISSUER,
        "--google-keys-url",
        url,
    ])
    .await
}

fn signed(claims: &Value, pem: &str, key_id: &str) -> String {
    let base64: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let key = EncodingKey::from_rsa_der(&STANDARD.decode(base64).expect("Base64"));
    let mut header = Header::new(Algorithm::RS256);
    header.kid = Some(key_id.to_owned());
    jsonwebtoken::encode(&header, claims, &key).expect("signed")
}

fn with(mut claims: Value, key: &str, value: Value) -> Value {
    claims[key] = value;
    claims
}

#[tokio::test]
async fn a_new_person_gets_an_account_without_password() {
    let google = GoogleApp::start().await;
    let answer = google
        .sign_in(&google.claims("Ana@Gmail.test"))
        .await
        .expect(200);
    assert_eq!(answer.body["message"], "Google login successful");
    let session = Session::of(&answer);
    let id = &session.user["id"];
    assert_eq!(
        session.user,
        json!({
            "id": id, "userId": id, "email": "ana@gmail.test", "name": "Ana Kim", "role": "user",
            "picture": "https://p.test/ana.png",
        })
    );
    google.app.me(&session.access).await.expect(200);
    google.app.refresh(&session.refresh).await.expect(200);
    google
        .app
        .log_in("ana@gmail.test", "OAUTH_USER_NO_PASSWORD")
        .await
        .expect(400);
}

#[tokio::test]
async fn a_missing_portrait_is_null_and_a_missing_name_the_email() {
    let google = GoogleApp::start().await;
    let claims = with(google.claims("ana@gmail.test"), "picture", Value::Null);
    let answer = google
        .sign_in(&with(claims, "name", json!(" ")))
        .await
        .expect(200);
    assert_eq!(answer.body["user"]["picture"], Value::Null);
    assert_eq!(answer.body["user"]["name"], "ana@gmail.test");
}

#[tokio::test]
async fn an_existing_account_is_linked_and_found_again_under_a_new_email() {
    let google = GoogleApp::start().await;
    let registered = Session::of(
        &google
            .app
            .register("ana@gmail.test", "아나")
            .await
            .expect(201),
    );
    let claims = google.claims("ana@gmail.test");
    let linked = Session::of(&google.sign_in(&claims).await.expect(200));
    assert_eq!(linked.user["id"], registered.user["id"]);
    assert_eq!(linked.user["name"], "아나");
    let moved = with(claims, "email", json!("ana.new@gmail.test"));
    let moved = Session::of(&google.sign_in(&moved).await.expect(200));
    assert_eq!(moved.user["id"], registered.user["id"]);
}

/// Nobody proves at registration that an e-mail is theirs.
#[tokio::test]
async fn whoever_registered_somebody_elses_email_is_out_once_its_owner_comes() {
    let google = GoogleApp::start().await;
    let app = &google.app;
    let registered = app.register("ana@gmail.test", "아나").await.expect(201);
    let another = app.log_in("ana@gmail.test", PASSWORD).await.expect(200);
    let stranger = app.register("bob@gmail.test", "밥").await.expect(201);
    let claims = google.claims("ana@gmail.test");
    let owner = Session::of(&google.sign_in(&claims).await.expect(200));

    for session in [registered, another].iter().map(Session::of) {
        app.me(&session.access).await.expect(401);
        app.refresh(&session.refresh).await.expect(400);
    }
    let answer = app.log_in("ana@gmail.test", PASSWORD).await.expect(400);
    assert_eq!(answer.error(), "Invalid email or password");
    app.register("ana@gmail.test", "아나").await.expect(400);

    // Only the first link ends sessions, and only those of that account.
    google.sign_in(&claims).await.expect(200);
    app.me(&owner.access).await.expect(200);
    app.me(&Session::of(&stranger).access).await.expect(200);
    app.log_in("bob@gmail.test", PASSWORD).await.expect(200);
}

#[tokio::test]
async fn a_login_does_not_outlive_the_password_that_it_was_compared_with() {
    let google = GoogleApp::start().await;
    let app = &google.app;
    app.register("ana@gmail.test", "아나").await.expect(201);
    let found = users::by_email_with_hash(&app.pool, "ana@gmail.test").await;
    let (account, hash) = found.expect("Postgres answers").expect("registered");
    let found = async || {
        let now = app.runtime.clock.now();
        let hour = SignedDuration::from_hours(1);
        let lifetimes = Lifetimes {
            access: hour,
            refresh: hour,
        };
        let token = RefreshToken::first(now, lifetimes);
        token_families::found_by_password(&app.pool, account.id, &hash, &token, now)
            .await
            .expect("Postgres answers")
    };
    assert!(found().await);
    let claims = google.claims("ana@gmail.test");
    google.sign_in(&claims).await.expect(200);
    assert!(!found().await);
}

#[tokio::test]
async fn parallel_first_sign_ins_make_one_account() {
    let google = GoogleApp::start().await;
    let claims = google.claims("ana@gmail.test");
    let answers = join_all((0..8).map(|_| google.sign_in(&claims))).await;
    let ids: Vec<_> = answers
        .into_iter()
        .map(|answer| Session::of(&answer.expect(200)).user["id"].clone())
        .collect();
    assert!(ids.iter().all(|id| *id == ids[0]));
    assert_eq!(
        google.fetches.load(Ordering::Relaxed),
        1,
        "one fetch serves all"
    );
}

#[tokio::test]
async fn tokens_for_others_by_others_and_of_yesterday_are_refused() {
    let google = GoogleApp::start().await;
    let good = google.claims("ana@gmail.test");
    let now = google.app.now();
    for claims in [
        with(
            good.clone(),
            "aud",
            json!("another.apps.googleusercontent.test"),
        ),
        with(good.clone(), "aud", Value::Null),
        with(good.clone(), "iss", json!("https://evil.test")),
        with(good.clone(), "iss", Value::Null),
        with(good.clone(), "exp", json!(now)),
        with(good.clone(), "exp", Value::Null),
    ] {
        let answer = google.sign_in(&claims).await.expect(400);
        assert_eq!(answer.error(), "Invalid Google token", "{claims}");
    }
    google
        .sign_in(&with(good.clone(), "iss", json!("accounts.google.test")))
        .await
        .expect(200);
    google
        .sign_in(&with(good, "exp", json!(now + 1)))
        .await
        .expect(200);
}

#[tokio::test]
async fn foreign_keys_and_algorithms_are_refused() {
    let google = GoogleApp::start().await;
    let claims = google.claims("ana@gmail.test");
    let hmac = |secret: &[u8]| {
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some("test-key".to_owned());
        jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(secret)).expect("signed")
    };
    let modulus =
        serde_json::from_str::<Value>(KEYS).expect("a key set")["keys"][0]["n"].to_string();
    let unsigned = signed(&claims, KEY, "test-key");
    let (unsigned, _) = unsigned.rsplit_once('.').expect("three parts");
    for (what, credential) in [
        ("foreign key", signed(&claims, FOREIGN_KEY, "test-key")),
        ("unknown key id", signed(&claims, KEY, "another-key")),
        ("HMAC under the public key", hmac(modulus.as_bytes())),
        ("HMAC under the whole key set", hmac(KEYS.as_bytes())),
        ("no signature", format!("{unsigned}.")),
        ("nonsense", "abc".to_owned()),
    ] {
        assert_eq!(
            google.present(&credential).await.expect(400).error(),
            "Invalid Google token",
            "{what}"
        );
    }
}

#[tokio::test]
async fn an_unverified_email_signs_nobody_in() {
    let google = GoogleApp::start().await;
    google
        .app
        .register("ana@gmail.test", "아나")
        .await
        .expect(201);
    for verified in [json!(false), json!("false"), Value::Null] {
        let claims = with(google.claims("ana@gmail.test"), "email_verified", verified);
        let answer = google.present(&signed(&claims, KEY, "test-key")).await;
        assert_eq!(answer.status, 400);
    }
    let linked = sqlx::query_scalar!(r#"select google_id is not null as "linked!" from users"#)
        .fetch_one(&google.app.pool)
        .await
        .expect("one user");
    assert!(!linked);
}

#[tokio::test]
async fn a_token_without_email_or_id_is_a_bad_payload() {
    let google = GoogleApp::start().await;
    for key in ["email", "sub"] {
        let claims = with(google.claims("ana@gmail.test"), key, Value::Null);
        let answer = google.sign_in(&claims).await.expect(400);
        assert_eq!(answer.error(), "Invalid Google token payload");
    }
}

#[tokio::test]
async fn keys_are_fetched_once_an_hour_and_at_most_twice_a_minute() {
    let google = GoogleApp::start().await;
    let fetches = || google.fetches.load(Ordering::Relaxed);
    let claims = google.claims("ana@gmail.test");
    for _ in 0..5 {
        google.sign_in(&claims).await.expect(200);
        google
            .present(&signed(&claims, KEY, "made-up"))
            .await
            .expect(400);
    }
    assert_eq!(fetches(), 1);
    google.app.advance(30);
    google
        .present(&signed(&claims, KEY, "made-up"))
        .await
        .expect(400);
    assert_eq!(fetches(), 2);
    google.app.advance(3600);
    google
        .sign_in(&google.claims("ana@gmail.test"))
        .await
        .expect(200);
    assert_eq!(fetches(), 3);
}

/// An issuer whose published keys change; `None` while it does not answer.
async fn changing_issuer(keys: Arc<Mutex<Option<Value>>>) -> GoogleApp {
    let issuer = Router::new().route(
        "/certs",
        get(async move || match keys.lock().clone() {
            Some(keys) => Json(keys).into_response(),
            None => StatusCode::BAD_GATEWAY.into_response(),
        }),
    );
    let url = format!("{}/certs", urr_testkit::serve(issuer).await);
    GoogleApp {
        app: app_with_keys_at(&url).await,
        fetches: Arc::default(),
    }
}

fn keys_named(key_id: &str) -> Value {
    let mut keys: Value = serde_json::from_str(KEYS).expect("a key set");
    keys["keys"][0]["kid"] = key_id.into();
    keys
}

#[tokio::test]
async fn a_new_key_is_believed_soon_and_a_withdrawn_one_no_more() {
    let published = Arc::new(Mutex::new(Some(keys_named("monday"))));
    let google = changing_issuer(published.clone()).await;
    let claims = google.claims("ana@gmail.test");
    let by = async |key: &str| google.present(&signed(&claims, KEY, key)).await;
    by("monday").await.expect(200);
    *published.lock() = Some(keys_named("tuesday"));
    by("tuesday").await.expect(400);
    google.app.advance(30);
    by("tuesday").await.expect(200);
    by("monday").await.expect(400);
}

#[tokio::test]
async fn keys_at_hand_serve_while_the_issuer_is_away() {
    let published = Arc::new(Mutex::new(Some(keys_named("monday"))));
    let google = changing_issuer(published.clone()).await;
    let sign_in = async || {
        let claims = google.claims("ana@gmail.test");
        google.present(&signed(&claims, KEY, "monday")).await
    };
    sign_in().await.expect(200);
    *published.lock() = None;
    google.app.advance(7200);
    sign_in().await.expect(200);
    let claims = google.claims("ana@gmail.test");
    let unknown = google.present(&signed(&claims, KEY, "tuesday")).await;
    unknown.expect(400);
}

#[tokio::test]
async fn an_issuer_whose_clock_is_a_little_ahead_is_believed() {
    let google = GoogleApp::start().await;
    let now = google.app.now();
    let claims = google.claims("ana@gmail.test");
    let ahead = with(claims.clone(), "nbf", json!(now + 60));
    google.sign_in(&ahead).await.expect(200);
    let far_ahead = with(claims, "nbf", json!(now + 61));
    google.sign_in(&far_ahead).await.expect(400);
}

#[tokio::test]
async fn without_keys_people_are_told_to_come_back() {
    let broken = Router::new().route("/certs", get(async || StatusCode::INTERNAL_SERVER_ERROR));
    let app = app_with_keys_at(&format!("{}/certs", urr_testkit::serve(broken).await)).await;
    let google = GoogleApp {
        app,
        fetches: Arc::default(),
    };
    let answer = google
        .sign_in(&google.claims("ana@gmail.test"))
        .await
        .expect(503);
    assert_eq!(answer.headers["retry-after"], "30");
    assert_eq!(answer.body["code"], "GOOGLE_UNAVAILABLE");
}

#[tokio::test]
async fn without_client_id_or_credential_it_is_off() {
    let app = App::start().await;
    let answer = app
        .client
        .post("/api/auth/google", json!({"credential": "abc"}))
        .await
        .expect(400);
    assert_eq!(answer.error(), "GOOGLE_CLIENT_ID is not configured");
    for body in [
        json!({}),
        json!({"credential": " "}),
        json!({"credential": null}),
    ] {
        let answer = app.client.post("/api/auth/google", body).await.expect(400);
        assert_eq!(answer.error(), "Google credential is required");
    }
}
