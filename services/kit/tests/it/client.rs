//! Calls between services: refusals pass through, failures are retried where that is safe.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use axum::{Json, Router, extract::State, routing::any};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use urr_kit::{
    ApiError,
    client::{Fault, InternalClient},
};
use urr_testkit::{INTERNAL_TOKEN, internal_token, serve};

/// Answers 503 so many times and 200 from then on; counts the calls.
#[derive(Clone, Default)]
struct Peer {
    failures: Arc<AtomicU32>,
    calls: Arc<AtomicU32>,
}

async fn answer(State(peer): State<Peer>, headers: HeaderMap) -> (StatusCode, Json<Value>) {
    peer.calls.fetch_add(1, Ordering::SeqCst);
    let failing = peer
        .failures
        .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
            left.checked_sub(1)
        })
        .is_ok();
    let token = headers["authorization"].to_str().unwrap_or_default();
    assert_eq!(token, format!("Bearer {INTERNAL_TOKEN}"));
    if failing {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            Json(json!({"error": "not now"})),
        )
    } else {
        (StatusCode::OK, Json(json!({"ok": true})))
    }
}

async fn refuse(State(peer): State<Peer>) -> (StatusCode, Json<Value>) {
    peer.calls.fetch_add(1, Ordering::SeqCst);
    (
        StatusCode::FORBIDDEN,
        Json(json!({"error": "Access denied", "code": "ACCESS_DENIED"})),
    )
}

async fn peer(failures: u32) -> (Peer, InternalClient) {
    let peer = Peer {
        failures: Arc::new(failures.into()),
        ..Peer::default()
    };
    let router = Router::new()
        .route("/flaky", any(answer))
        .route("/refuse", any(refuse))
        .with_state(peer.clone());
    let client = InternalClient::new("peer", &serve(router).await, internal_token());
    (peer, client)
}

#[tokio::test]
async fn a_failing_get_is_tried_again() {
    let (peer, client) = peer(2).await;
    let body: Value = client.get("/flaky").await.expect("the third try succeeds");
    assert_eq!(body, json!({"ok": true}));
    assert_eq!(peer.calls.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_post_that_reached_the_peer_is_not_repeated() {
    let (peer, client) = peer(1).await;
    let error = client
        .post::<_, Value>("/flaky", &json!({}))
        .await
        .expect_err("failed");
    assert_eq!((error.fault, error.retry), (Fault::Peer, true));
    assert_eq!(peer.calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn refusals_pass_through_and_open_no_breaker() {
    let (peer, client) = peer(0).await;
    for _ in 0..50 {
        let error = client.get::<Value>("/refuse").await.expect_err("refused");
        assert_eq!(error.fault, Fault::Caller);
        let answer = ApiError::from(error);
        assert_eq!(
            (answer.status(), answer.detail()),
            (StatusCode::FORBIDDEN, "Access denied")
        );
    }
    assert_eq!(peer.calls.load(Ordering::SeqCst), 50);
    let body: Value = client.get("/flaky").await.expect("still served");
    assert_eq!(body, json!({"ok": true}));
}

#[tokio::test]
async fn a_peer_that_is_gone_is_503() {
    let client = InternalClient::new("peer", "http://127.0.0.1:1", internal_token());
    let error = client.get::<Value>("/x").await.expect_err("nobody listens");
    assert_eq!(error.fault, Fault::Peer);
    assert_eq!(
        ApiError::from(error).status(),
        StatusCode::SERVICE_UNAVAILABLE
    );
}
