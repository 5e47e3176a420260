//! Starting, stopping, and bytes that are no HTTP.

use std::{convert::Infallible, sync::Arc};

use axum::{
    Router,
    body::{Body, Bytes},
    routing::get,
};
use futures::stream;
use http::Method;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Notify,
};
use urr_gateway::Gateway;

use crate::app::{Answer, Setup, gateway, request, spawn};

#[tokio::test]
async fn shutdown_finishes_what_has_begun() {
    let redis = urr_testkit::redis().await;
    let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let ticket = {
        let (begun, go_on) = (Arc::clone(&begun), Arc::clone(&go_on));
        Router::new().route(
            "/api/events",
            get(async move || {
                begun.notify_one();
                go_on.notified().await;
                "done"
            }),
        )
    };
    let setup = Setup::new(redis.args()).await.ticket(ticket).await;
    let mut gateway = setup.start().await;
    let mut connection = gateway.connect().await;
    let idle = gateway.connect::<String>().await;
    let request = request(Method::GET, "/api/events", &[], String::new());
    let asked = spawn(async move { connection.send_request(request).await });
    begun.notified().await;
    gateway.runtime.tasks.cancel();
    urr_testkit::wait_for("the gateway to stop listening", || async {
        TcpStream::connect(gateway.address).await.is_err()
    })
    .await;
    urr_testkit::wait_for("idle connections to end", || async { idle.is_closed() }).await;
    go_on.notify_one();
    let response = asked.await.expect("no panic").expect("an answer");
    assert_eq!(Answer::read(response).await.expect(200).text, "done");
    gateway.stop().await;
}

#[tokio::test]
async fn a_port_that_is_taken_is_an_error_that_says_so() {
    let (gateway, redis) = gateway().await;
    let setup = Setup::new(redis.args())
        .await
        .with(|config| config.http.port = gateway.address.port());
    let error = Gateway::start(setup.config, &setup.runtime)
        .await
        .expect_err("the port is taken");
    let text = error.to_string();
    assert_eq!(text, format!("cannot listen on {}", gateway.address));
    setup.runtime.tasks.cancel();
}

#[tokio::test]
async fn it_starts_and_serves_without_redis() {
    let redis = urr_testkit::redis().await;
    redis.stop();
    let gateway = Setup::new(redis.args()).await.start().await;
    gateway.get("/api/events").await.expect(200);
    gateway.get("/readyz").await.expect(200);
    gateway.get("/health").await.expect(503);
}

#[tokio::test]
async fn secrets_that_are_too_short_stop_the_start() {
    let redis = urr_testkit::redis().await;
    for (name, change) in [
        (
            "JWT_SECRET",
            (|config| config.jwt_secret = "short".into()) as fn(&mut urr_gateway::Config),
        ),
        ("QUEUE_ENTRY_TOKEN_SECRET", |config| {
            config.queue_entry_token_secret = "short".into();
        }),
    ] {
        let setup = Setup::new(redis.args()).await.with(change);
        let error = Gateway::start(setup.config, &setup.runtime)
            .await
            .expect_err("too short");
        assert!(error.to_string().starts_with(name), "{error}");
        setup.runtime.tasks.cancel();
    }
}

#[tokio::test]
async fn past_its_bound_it_says_so_at_once() {
    let redis = urr_testkit::redis().await;
    let begun = Arc::new(Notify::new());
    let ticket = {
        let begun = Arc::clone(&begun);
        Router::new().route(
            "/api/events",
            get(async move || {
                begun.notify_one();
                std::future::pending::<()>().await;
            }),
        )
    };
    let gateway = Setup::new(redis.args())
        .await
        .with(|config| {
            config.threads = Some(1.try_into().expect("not zero"));
            config.max_in_flight = 2.try_into().expect("not zero");
        })
        .ticket(ticket)
        .await
        .start()
        .await;
    let request = request(Method::GET, "/api/events", &[], String::new());
    let mut connection = gateway.connect().await;
    let waiting = spawn(async move { connection.send_request(request).await });
    begun.notified().await;
    // Half of the room is for one service, the rest for others.
    let answer = gateway.get("/api/events").await;
    let answer = answer.expect_refusal(503, "OVERLOADED");
    assert_eq!(answer.headers["retry-after"], "1");
    gateway.get("/api/stats/overview").await.expect(200);
    waiting.abort();
}

#[tokio::test]
async fn bytes_that_are_no_request_are_the_clients_error() {
    let (gateway, _redis) = gateway().await;
    let large = format!(
        "GET /api/events HTTP/1.1\r\nx: {}\r\n\r\n",
        "y".repeat(64 << 10)
    );
    for (bytes, status) in [
        ("nonsense\r\n\r\n", "400"),
        ("GET /api/ev\0ents HTTP/1.1\r\nhost: a\r\n\r\n", "400"),
        (
            "GET /api/events HTTP/1.1\r\nhost: a\r\nx\0y: 1\r\n\r\n",
            "400",
        ),
        (
            "POST /api/events HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
            "400",
        ),
        (
            "POST /api/events HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n",
            "400",
        ),
        (large.as_str(), "431"),
    ] {
        let mut stream = TcpStream::connect(gateway.address).await.expect("listens");
        stream.write_all(bytes.as_bytes()).await.expect("written");
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await.expect("an answer");
        let line = String::from_utf8_lossy(&answer).into_owned();
        assert_eq!(line, format!("HTTP/1.1 {status}"), "{bytes:.60}");
    }
    gateway.get("/api/events").await.expect(200);
}

/// Two lengths for one body are how requests are smuggled past a gateway.
#[tokio::test]
async fn a_body_has_one_length_for_everybody() {
    let (gateway, _redis) = gateway().await;
    for lengths in [
        "content-length: 4\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: chunked\r\ncontent-length: 4\r\n",
    ] {
        let head =
            format!("POST /api/events HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{lengths}\r\n");
        let mut stream = TcpStream::connect(gateway.address).await.expect("listens");
        stream.write_all(head.as_bytes()).await.expect("written");
        let body = b"a\r\n0123456789\r\n0\r\n\r\n";
        stream.write_all(body).await.expect("written");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        assert!(answer.contains(r#""length":10"#), "{answer}");
        assert!(!answer.contains(r#""content-length":"#), "{answer}");
    }
    assert_eq!(gateway.reached(), 2);
}

#[tokio::test]
async fn a_head_must_come_in_time_and_an_idle_connection_may_wait() {
    let redis = urr_testkit::redis().await;
    let gateway = Setup::new(redis.args())
        .await
        .with(|config| config.client_pause_ms = 50)
        .start()
        .await;
    let get = || request(Method::GET, "/api/events", &[], String::new());
    let mut idle = gateway.connect().await;
    let first = idle.send_request(get()).await.expect("an answer");
    Answer::read(first).await.expect(200);
    for _ in 0..3 {
        let mut slow = TcpStream::connect(gateway.address).await.expect("listens");
        slow.write_all(b"GET /api/ev").await.expect("written");
        let mut rest = Vec::new();
        slow.read_to_end(&mut rest).await.expect("closed");
        assert_eq!(rest, b"");
    }
    idle.ready().await.expect("still open");
    let second = idle.send_request(get()).await.expect("an answer");
    Answer::read(second).await.expect(200);
}

#[tokio::test]
async fn an_idle_connection_ends_at_last() {
    let redis = urr_testkit::redis().await;
    let gateway = Setup::new(redis.args())
        .await
        .with(|config| {
            config.client_pause_ms = 10;
            config.client_idle_ms = 50;
        })
        .start()
        .await;
    let mut silent = TcpStream::connect(gateway.address).await.expect("listens");
    let mut nothing = Vec::new();
    silent.read_to_end(&mut nothing).await.expect("closed");
    assert_eq!(nothing, b"");
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_let_go() {
    let redis = urr_testkit::redis().await;
    let given_up = Arc::new(Notify::new());
    let ticket = {
        let given_up = Arc::clone(&given_up);
        Router::new().route(
            "/api/events",
            get(async move || {
                let guard = NotifyOnDrop(given_up);
                let chunk = Bytes::from(vec![b'x'; 64 << 10]);
                Body::from_stream(stream::repeat_with(move || {
                    let _held = &guard;
                    Ok::<_, Infallible>(chunk.clone())
                }))
            }),
        )
    };
    let gateway = Setup::new(redis.args())
        .await
        .with(|config| config.client_pause_ms = 50)
        .ticket(ticket)
        .await
        .start()
        .await;
    let mut greedy = TcpStream::connect(gateway.address).await.expect("listens");
    greedy
        .write_all(b"GET /api/events HTTP/1.1\r\nhost: a\r\n\r\n")
        .await
        .expect("written");
    given_up.notified().await;
}

struct NotifyOnDrop(Arc<Notify>);

impl Drop for NotifyOnDrop {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}
