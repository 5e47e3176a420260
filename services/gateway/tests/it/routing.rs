//! Where requests go.

use http::Method;

use crate::app::{ORIGIN, Setup, gateway};

#[tokio::test]
async fn every_route_reaches_its_service_with_and_without_version() {
    let (gateway, _redis) = gateway().await;
    for (resource, service) in [
        ("auth", "auth"),
        ("payments", "payment"),
        ("stats", "stats"),
        ("events", "ticket"),
        ("tickets", "ticket"),
        ("seats", "ticket"),
        ("reservations", "ticket"),
        ("queue", "queue"),
        ("admin", "ticket"),
        ("community", "community"),
        ("news", "community"),
        ("artists", "ticket"),
        ("memberships", "ticket"),
        ("transfers", "ticket"),
        ("image", "ticket"),
        ("time", "ticket"),
        ("check-ins", "ticket"),
    ] {
        for (target, expected) in [
            (format!("/api/{resource}"), format!("/api/{resource}")),
            (
                format!("/api/v1/{resource}/a/b?c=%2F&d"),
                format!("/api/{resource}/a/b?c=%2F&d"),
            ),
        ] {
            let answer = gateway.get(&target).await.expect(200);
            assert_eq!(answer.json["service"], service, "{target}");
            assert_eq!(answer.json["target"], expected);
        }
    }
}

#[tokio::test]
async fn an_unknown_path_is_404_in_both_shapes_that_clients_know() {
    let (gateway, _redis) = gateway().await;
    for path in [
        "/api/nope",
        "/",
        "/api/v1",
        "/internal/reservations/1/validate",
        "/api/internal/reservations/1/validate",
        "/api/../internal/reservations/1/validate",
    ] {
        let answer = gateway.get(path).await.expect_refusal(404, "NOT_FOUND");
        assert_eq!(answer.json["error"], "Not Found");
        assert_eq!(answer.json["status"], 404);
        assert!(
            answer.json["path"]
                .as_str()
                .is_some_and(|path| !path.contains(".."))
        );
        let timestamp = answer.json["timestamp"].as_str().expect("a time");
        assert!(timestamp.parse::<jiff::Timestamp>().is_ok(), "{timestamp}");
    }
    assert_eq!(gateway.reached(), 0);
}

#[tokio::test]
async fn method_query_and_body_arrive_unchanged() {
    let (gateway, _redis) = gateway().await;
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
        let answer = gateway
            .send(
                method.clone(),
                "/api/v1/events?q=a%20b",
                &[("x-any", "1")],
                "hello",
            )
            .await
            .expect(200);
        assert_eq!(answer.json["method"], method.as_str());
        assert_eq!(answer.json["target"], "/api/events?q=a%20b");
        assert_eq!(answer.json["length"], 5);
        assert_eq!(answer.echoed("x-any"), "1");
        assert_eq!(answer.echoed("x-gateway-token"), urr_testkit::GATEWAY_TOKEN);
        assert_eq!(answer.echoed("x-client-address"), "127.0.0.1");
        assert_eq!(answer.echoed("traceparent").len(), 55);
    }
    let head = gateway.send(Method::HEAD, "/api/events", &[], "").await;
    assert_eq!(head.expect(200).text, "");
}

#[tokio::test]
async fn a_device_at_the_door_shows_its_token_to_ticket_alone_and_from_any_page() {
    let (gateway, _redis) = gateway().await;
    let token = [("x-check-in-token", "urr-door-x")];
    let path = "/api/v1/check-ins/merge";
    let answer = gateway.send(Method::POST, path, &token, "{}").await;
    let answer = answer.expect(200);
    assert_eq!(answer.json["service"], "ticket");
    assert_eq!(answer.echoed("x-check-in-token"), "urr-door-x");
    let preflight = [
        ("origin", ORIGIN),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "x-check-in-token"),
    ];
    let answer = gateway.send(Method::OPTIONS, path, &preflight, "").await;
    let granted = &answer.expect(200).headers["access-control-allow-headers"];
    assert_eq!(granted, "x-check-in-token");
}

#[tokio::test]
async fn a_trace_goes_on() {
    let (gateway, _redis) = gateway().await;
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let answer = gateway
        .send(Method::GET, "/api/events", &[("traceparent", parent)], "")
        .await;
    assert_eq!(answer.echoed("traceparent"), parent);
    let b3 = [
        ("x-b3-traceid", "4bf92f3577b34da6a3ce929d0e0e4736"),
        ("x-b3-spanid", "00f067aa0ba902b7"),
    ];
    let answer = gateway.send(Method::GET, "/api/events", &b3, "").await;
    assert_eq!(answer.echoed("traceparent"), parent);
}

#[tokio::test]
async fn methods_nobody_knows_are_405() {
    let (gateway, _redis) = gateway().await;
    for method in ["TRACE", "PROPFIND", "XYZ"] {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let answer = gateway.send(method, "/api/events", &[], "").await;
        let answer = answer.expect_refusal(405, "METHOD_NOT_ALLOWED");
        assert!(answer.headers.contains_key("allow"));
    }
    assert_eq!(gateway.reached(), 0);
}

#[tokio::test]
async fn own_pages_are_answered_here() {
    let (gateway, redis) = gateway().await;
    let health = gateway.get("/health").await.expect(200);
    assert_eq!(
        health.json,
        serde_json::json!({
            "service": "gateway-service",
            "status": "ok",
            "dependencies": {"redis": "ok"},
        })
    );
    for path in ["/livez", "/readyz", "/actuator/health", "/actuator/info"] {
        gateway.get(path).await.expect(200);
    }
    gateway.get("/api/v1/events").await.expect(200);
    let metrics = gateway.get("/actuator/prometheus").await.expect(200).text;
    let counted =
        r#"http_server_requests_seconds_count{method="GET",route="/api/events/**",status="200"} 1"#;
    assert!(metrics.contains(counted), "{metrics}");

    redis.stop();
    let health = gateway.get("/health").await.expect(503);
    assert_eq!(health.json["status"], "degraded");
    gateway.get("/readyz").await.expect(200);
}

#[tokio::test]
async fn the_actuator_can_have_a_port_of_its_own() {
    let redis = urr_testkit::redis().await;
    let port = urr_kit::engines::free_port().expect("a free port");
    let mut gateway = Setup::new(redis.args())
        .await
        .with(|config| config.http.management_port = Some(port))
        .start()
        .await;
    gateway.get("/actuator/info").await.expect(404);
    gateway.get("/health").await.expect(200);
    gateway.address.set_port(port);
    urr_testkit::wait_for("the management port", || async {
        tokio::net::TcpStream::connect(gateway.address)
            .await
            .is_ok()
    })
    .await;
    gateway.get("/actuator/prometheus").await.expect(200);
}
