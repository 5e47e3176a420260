//! Bodies of any size, services of any temper.

use std::convert::Infallible;

use axum::{
    Router,
    body::{Body, Bytes},
    response::{AppendHeaders, IntoResponse},
    routing::{get, post},
};
use futures::{StreamExt, channel::mpsc, stream};
use http::{Method, StatusCode, header::SET_COOKIE};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::app::{Answer, Setup, gateway, nowhere, request};

const MIB: usize = 1 << 20;

/// A body without announced length.
fn chunked(total: usize) -> impl hyper::body::Body<Data = Bytes, Error = Infallible> + Send {
    let chunks = total / (64 << 10);
    let chunk = Bytes::from(vec![b'x'; 64 << 10]);
    let frames = (0..chunks).map(move |_| Ok(Frame::data(chunk.clone())));
    StreamBody::new(stream::iter(frames))
}

#[tokio::test]
async fn a_body_over_the_limit_is_413_announced_or_not() {
    let (gateway, _redis) = gateway().await;
    for size in [MIB + 1, 10 * MIB] {
        let answer = gateway
            .send(Method::POST, "/api/events", &[], vec![b'x'; size])
            .await;
        answer.expect_refusal(413, "BODY_TOO_LARGE");
    }
    assert_eq!(gateway.reached(), 0);
    let request = request(Method::POST, "/api/events", &[], chunked(10 * MIB));
    let response = gateway.connect().await.send_request(request).await;
    let answer = Answer::read(response.expect("an answer")).await;
    answer.expect_refusal(413, "BODY_TOO_LARGE");
}

/// A client that reads only after it has written everything must not be cut off before.
#[tokio::test]
async fn a_client_may_send_all_of_a_body_that_is_too_large_before_it_reads() {
    let (gateway, _redis) = gateway().await;
    let mut stream = TcpStream::connect(gateway.address).await.expect("listens");
    let head = "POST /api/events HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await.expect("written");
    let chunk = ["10000\r\n", &"x".repeat(0x10000), "\r\n"].concat();
    for _ in 0..160 {
        stream.write_all(chunk.as_bytes()).await.expect("written");
    }
    stream.write_all(b"0\r\n\r\n").await.expect("written");
    let mut line = [0; 12];
    stream.read_exact(&mut line).await.expect("an answer");
    assert_eq!(&line, b"HTTP/1.1 413");
}

#[tokio::test]
async fn a_body_within_the_limit_arrives_whole() {
    let (gateway, _redis) = gateway().await;
    let answer = gateway
        .send(Method::POST, "/api/events", &[], vec![b'x'; MIB])
        .await;
    assert_eq!(answer.expect(200).json["length"], MIB);
    let request = request(Method::POST, "/api/events", &[], chunked(MIB));
    let response = gateway.connect().await.send_request(request).await;
    let answer = Answer::read(response.expect("an answer")).await;
    assert_eq!(answer.expect(200).json["length"], MIB);
}

#[tokio::test]
async fn images_may_be_larger_and_nothing_else() {
    let (gateway, _redis) = gateway().await;
    let form = [("content-type", "multipart/form-data; boundary=x")];
    let image = || vec![b'x'; 5 * MIB];
    let answer = gateway
        .send(Method::POST, "/api/v1/image/upload", &form, image())
        .await;
    assert_eq!(answer.expect(200).json["length"], 5 * MIB);
    let json = [("content-type", "application/json")];
    for (path, headers, size) in [
        ("/api/image/upload", &form, 7 * MIB),
        ("/api/image/upload", &json, 5 * MIB),
        ("/api/images", &form, 5 * MIB),
        ("/api/events", &form, 5 * MIB),
    ] {
        let answer = gateway
            .send(Method::POST, path, headers, vec![b'x'; size])
            .await;
        answer.expect_refusal(413, "BODY_TOO_LARGE");
    }
}

#[tokio::test]
async fn a_refused_request_with_a_large_body_still_reads_its_answer() {
    let (gateway, _redis) = gateway().await;
    let body = vec![b'x'; 10 * MIB];
    let answer = gateway
        .send(Method::POST, "/api/reservations", &[], body.clone())
        .await;
    answer.expect_refusal(403, "ENTRY_TOKEN_REQUIRED");
    let answer = gateway.send(Method::POST, "/api/nope", &[], body).await;
    answer.expect_refusal(404, "NOT_FOUND");
}

#[tokio::test]
async fn a_dead_service_is_503_and_the_others_live() {
    let redis = urr_testkit::redis().await;
    let gateway = Setup::new(redis.args())
        .await
        .with(|config| config.services.payment_service_url = nowhere())
        .start()
        .await;
    for _ in 0..20 {
        let answer = gateway.get("/api/payments/1").await;
        let answer = answer.expect_refusal(503, "SERVICE_UNAVAILABLE");
        assert_eq!(answer.headers["retry-after"], "1");
    }
    gateway.get("/api/events").await.expect(200);
}

#[tokio::test]
async fn a_service_that_hangs_is_504() {
    let redis = urr_testkit::redis().await;
    let hanging = Router::new()
        .route("/api/events", get(std::future::pending::<()>))
        .route("/api/events", post(std::future::pending::<()>));
    let gateway = Setup::new(redis.args())
        .await
        .with(|config| config.upstream_timeout_ms = 100)
        .ticket(hanging)
        .await
        .start()
        .await;
    for (method, body) in [(Method::GET, ""), (Method::POST, "{}")] {
        let answer = gateway.send(method, "/api/events", &[], body).await;
        answer.expect_refusal(504, "SERVICE_TOO_SLOW");
    }
}

#[tokio::test]
async fn a_service_that_hangs_up_is_503() {
    let redis = urr_testkit::redis().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let address = listener.local_addr().expect("bound");
    crate::app::spawn(async move { while listener.accept().await.is_ok() {} });
    let gateway = Setup::new(redis.args())
        .await
        .with(|config| {
            let url = format!("http://{address}");
            config.services.ticket_service_url = url.parse().expect("a URL");
        })
        .start()
        .await;
    let answer = gateway.get("/api/events").await;
    answer.expect_refusal(503, "SERVICE_UNAVAILABLE");
}

/// Defect 20: what clients do wrong blocks nobody.
#[tokio::test]
async fn mistakes_of_clients_never_count_against_a_service() {
    let redis = urr_testkit::redis().await;
    let ticket = Router::new()
        .route("/api/events/bad", get(async || StatusCode::BAD_REQUEST))
        .route(
            "/api/events/broken",
            get(async || StatusCode::INTERNAL_SERVER_ERROR),
        )
        .route("/api/events", get(async || "fine"));
    let setup = Setup::new(redis.args()).await.ticket(ticket).await;
    let gateway = setup.start().await;
    for _ in 0..50 {
        gateway.get("/api/events/bad").await.expect(400);
        gateway.get("/api/events/broken").await.expect(500);
    }
    assert_eq!(gateway.get("/api/events").await.expect(200).text, "fine");
}

#[tokio::test]
async fn an_answer_passes_unchanged_but_for_its_connection() {
    let redis = urr_testkit::redis().await;
    let ticket = Router::new().route(
        "/api/events",
        get(async || {
            let headers = AppendHeaders([
                (SET_COOKIE.as_str(), "a=1; Path=/; HttpOnly"),
                (SET_COOKIE.as_str(), "b=2; Path=/api"),
                ("x-any", "thing"),
                ("connection", "x-hop"),
                ("x-hop", "1"),
                ("keep-alive", "timeout=5"),
            ]);
            (StatusCode::IM_A_TEAPOT, headers, "tea").into_response()
        }),
    );
    let setup = Setup::new(redis.args()).await.ticket(ticket).await;
    let gateway = setup.start().await;
    let answer = gateway.get("/api/events").await.expect(418);
    let cookies: Vec<_> = answer.headers.get_all(SET_COOKIE).iter().collect();
    assert_eq!(cookies, ["a=1; Path=/; HttpOnly", "b=2; Path=/api"]);
    assert_eq!(answer.headers["x-any"], "thing");
    assert_eq!(answer.headers["content-length"], "3");
    assert_eq!(answer.text, "tea");
    for name in ["x-hop", "keep-alive", "connection"] {
        assert!(!answer.headers.contains_key(name), "{name}");
    }
}

#[tokio::test]
async fn an_answer_is_streamed_as_it_comes() {
    let redis = urr_testkit::redis().await;
    let (chunks, receiver) = mpsc::unbounded::<Bytes>();
    let receiver = std::sync::Arc::new(parking_lot::Mutex::new(Some(receiver)));
    let ticket = Router::new().route(
        "/api/events",
        get(async move || {
            let receiver = receiver.lock().take().expect("asked once");
            Body::from_stream(receiver.map(Ok::<_, Infallible>))
        }),
    );
    let setup = Setup::new(redis.args()).await.ticket(ticket).await;
    let gateway = setup.start().await;
    chunks
        .unbounded_send(Bytes::from_static(b"one"))
        .expect("open");
    let request = request(Method::GET, "/api/events", &[], String::new());
    let mut sender = gateway.connect().await;
    let response = sender.send_request(request).await.expect("an answer");
    let mut body = response.into_body();
    let mut next = async || {
        let frame = body.frame().await.expect("more").expect("whole");
        frame.into_data().expect("data")
    };
    assert_eq!(next().await, "one");
    chunks
        .unbounded_send(Bytes::from_static(b"two"))
        .expect("open");
    assert_eq!(next().await, "two");
    drop(chunks);
    assert!(body.frame().await.is_none());
}

#[tokio::test]
async fn an_answer_that_stops_halfway_is_cut_off() {
    let redis = urr_testkit::redis().await;
    let ticket = Router::new().route(
        "/api/events",
        get(async || {
            let first = stream::iter([Ok::<_, Infallible>(Bytes::from_static(b"one"))]);
            Body::from_stream(first.chain(stream::pending()))
        }),
    );
    let gateway = Setup::new(redis.args())
        .await
        .with(|config| config.upstream_timeout_ms = 100)
        .ticket(ticket)
        .await
        .start()
        .await;
    let request = request(Method::GET, "/api/events", &[], String::new());
    let mut sender = gateway.connect().await;
    let response = sender.send_request(request).await.expect("an answer");
    assert!(response.into_body().collect().await.is_err());
}

#[tokio::test]
async fn a_client_that_hangs_up_harms_nobody() {
    let (gateway, _redis) = gateway().await;
    let (sender, receiver) = mpsc::unbounded::<Result<Frame<Bytes>, std::io::Error>>();
    sender
        .unbounded_send(Ok(Frame::data(Bytes::from_static(b"half"))))
        .expect("open");
    let request = request(
        Method::POST,
        "/api/events",
        &[("content-length", "1000")],
        StreamBody::new(receiver),
    );
    let mut connection = gateway.connect().await;
    let broken = std::io::Error::other("gone");
    sender.unbounded_send(Err(broken)).expect("open");
    assert!(connection.send_request(request).await.is_err());
    for _ in 0..10 {
        gateway.get("/api/events").await.expect(200);
    }
}

#[tokio::test]
async fn connections_to_a_service_are_kept_and_replaced_when_it_restarts() {
    let redis = urr_testkit::redis().await;
    let behind = urr_testkit::serve(Router::new().route("/api/events", get(async || "fine"))).await;
    let port = behind.rsplit_once(':').expect("a port").1;
    let proxy = urr_testkit::BreakingProxy::to_port(port.parse().expect("a port")).await;
    let gateway = Setup::new(redis.args())
        .await
        .with(|config| {
            let url = format!("http://127.0.0.1:{}", proxy.port());
            config.services.ticket_service_url = url.parse().expect("a URL");
            config.threads = Some(1.try_into().expect("not zero"));
        })
        .start()
        .await;
    for _ in 0..10 {
        gateway.get("/api/events").await.expect(200);
    }
    assert_eq!(proxy.connections(), 1);
    proxy.cut();
    urr_testkit::wait_for("a new connection", || async {
        gateway.get("/api/events").await.status == 200 && proxy.connections() == 2
    })
    .await;
}

#[tokio::test]
async fn a_slow_upload_is_not_the_services_fault() {
    let redis = urr_testkit::redis().await;
    let ticket = Router::new()
        .route("/api/events", post(async |body: Bytes| body))
        .route("/api/time", get(std::future::pending::<()>));
    let gateway = Setup::new(redis.args())
        .await
        .with(|config| config.upstream_timeout_ms = 1_000)
        .ticket(ticket)
        .await
        .start()
        .await;
    let (sender, receiver) = mpsc::unbounded::<Result<Frame<Bytes>, Infallible>>();
    let send = |text| {
        let frame = Ok(Frame::data(Bytes::from_static(text)));
        sender.unbounded_send(frame).expect("open");
    };
    let request = request(Method::POST, "/api/events", &[], StreamBody::new(receiver));
    let mut connection = gateway.connect().await;
    send(b"slow");
    let answering = crate::app::spawn(connection.send_request(request));
    // A service's whole time passes while the client pauses.
    gateway.get("/api/time").await.expect(504);
    send(b"ly");
    drop(sender);
    let response = answering.await.expect("no panic");
    let answer = Answer::read(response.expect("an answer")).await;
    assert_eq!(answer.expect(200).text, "slowly");
}

#[tokio::test]
async fn a_client_that_stops_in_its_body_is_408() {
    let redis = urr_testkit::redis().await;
    let gateway = Setup::new(redis.args())
        .await
        .with(|config| {
            config.client_pause_ms = 50;
            config.upstream_timeout_ms = 1_000;
        })
        .start()
        .await;
    let (sender, receiver) = mpsc::unbounded::<Result<Frame<Bytes>, Infallible>>();
    let request = request(Method::POST, "/api/events", &[], StreamBody::new(receiver));
    let response = gateway.connect().await.send_request(request).await;
    let answer = Answer::read(response.expect("an answer")).await;
    answer.expect_refusal(408, "BODY_TOO_SLOW");
    drop(sender);
}
