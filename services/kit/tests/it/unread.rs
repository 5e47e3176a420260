//! Bodies that handlers did not read.

use std::sync::Arc;

use axum::{Router, routing::post};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Notify,
};
use urr_kit::{ApiError, serve::layers};
use urr_testkit::{gateway_token, runtime, serve};

const HEAD: &[u8] = b"POST /refused HTTP/1.1\r\nhost: kit.test\r\ncontent-length: 2\r\n\r\n";

/// Reads until there are so many answers. `false` where the connection ends before.
async fn reads_answers(stream: &mut TcpStream, wanted: usize) -> bool {
    let mut text = String::new();
    let mut buffer = [0; 4096];
    while text.matches("AUTHENTICATION_REQUIRED").count() < wanted {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return false,
            Ok(read) => text.push_str(&String::from_utf8_lossy(&buffer[..read])),
        }
    }
    true
}

/// Gateways were told that a service is unreachable, because it closed the connection behind
/// a refusal whose request had a body.
#[tokio::test]
async fn a_connection_serves_on_after_a_refusal_that_came_before_the_body() {
    let called = Arc::new(Notify::new());
    let told = Arc::clone(&called);
    let refuse = async move || {
        told.notify_one();
        ApiError::unauthorized()
    };
    let router = Router::new().route("/refused", post(refuse));
    let url = serve(layers(router, &runtime("kit"), Some(gateway_token()))).await;
    let address = url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    for _ in 0..3 {
        stream.write_all(HEAD).await.expect("the head is taken");
        called.notified().await;
        stream.write_all(b"{}").await.expect("the body is taken");
        assert!(reads_answers(&mut stream, 1).await, "the connection ended");
    }
}
