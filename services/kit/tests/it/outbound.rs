//! Calls to parties outside, over plain HTTP.

use std::time::Duration;

use axum::{
    Router,
    body::Bytes,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use http::{Request, Response};
use urr_kit::outbound::{MAX_ANSWER_BYTES, Outbound, OutboundError};
use urr_testkit::serve;

/// Far longer than any answer of a test takes.
const PATIENCE: Duration = Duration::from_secs(30);

async fn send(base: &str, path: &str, timeout: Duration) -> Result<Response<Bytes>, OutboundError> {
    let uri: http::Uri = format!("{base}{path}").parse().expect("a URL");
    let request = Request::post(&uri)
        .header("x-key", "7")
        .body(Bytes::from_static(b"ping"))
        .expect("a request");
    let outbound = Outbound::to(&uri).expect("no certificates are needed");
    outbound.send(request, timeout).await
}

#[tokio::test]
async fn an_answer_comes_whole_whatever_its_status() {
    let party = Router::new().route(
        "/echo",
        post(async |headers: HeaderMap, body: Bytes| {
            (
                StatusCode::CONFLICT,
                [("x-key", headers["x-key"].clone())],
                body,
            )
        }),
    );
    let answer = send(&serve(party).await, "/echo", PATIENCE).await;
    let answer = answer.expect("an answer");
    assert_eq!(answer.status(), StatusCode::CONFLICT);
    assert_eq!(answer.headers()["x-key"], "7");
    assert_eq!(answer.body().as_ref(), b"ping");
}

#[tokio::test]
async fn a_party_that_hangs_is_late_and_one_that_is_gone_is_not() {
    let party = Router::new().route("/hang", post(std::future::pending::<()>));
    let base = serve(party).await;
    let error = send(&base, "/hang", Duration::from_millis(50)).await;
    assert!(matches!(error, Err(OutboundError::Late)), "{error:?}");
    let port = urr_kit::engines::free_port().expect("a free port");
    let error = send(&format!("http://127.0.0.1:{port}"), "/", PATIENCE).await;
    assert!(
        matches!(error, Err(OutboundError::Transport(_))),
        "{error:?}"
    );
}

#[tokio::test]
async fn no_more_is_read_than_an_answer_may_have() {
    let answer = |length: usize| post(async move || "x".repeat(length));
    let party = Router::new()
        .route("/longest", answer(MAX_ANSWER_BYTES))
        .route("/longer", answer(MAX_ANSWER_BYTES + 1));
    let base = serve(party).await;
    let longest = send(&base, "/longest", PATIENCE).await.expect("an answer");
    assert_eq!(longest.body().len(), MAX_ANSWER_BYTES);
    let error = send(&base, "/longer", PATIENCE).await;
    assert!(
        matches!(error, Err(OutboundError::Transport(_))),
        "{error:?}"
    );
}
