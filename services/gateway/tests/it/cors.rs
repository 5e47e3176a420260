//! What a browser on another origin sees.

use http::Method;

use crate::app::{Answer, ORIGIN, Setup, gateway, nowhere};

#[track_caller]
fn is_readable(answer: &Answer) {
    assert_eq!(answer.headers["access-control-allow-origin"], ORIGIN);
    assert_eq!(answer.headers["access-control-allow-credentials"], "true");
    varies(answer);
}

#[track_caller]
fn varies(answer: &Answer) {
    let by = answer.headers.get_all("vary").iter();
    assert!(
        by.filter_map(|value| value.to_str().ok())
            .any(|value| value.contains("Origin"))
    );
}

#[tokio::test]
async fn a_preflight_is_answered_before_anything_is_counted() {
    let redis = urr_testkit::redis().await;
    let gateway = Setup::new(redis.args())
        .await
        .with(|config| config.limits.rate_limit_general_rpm = 1)
        .start()
        .await;
    for _ in 0..5 {
        let answer = gateway
            .send(
                Method::OPTIONS,
                "/api/v1/events",
                &[
                    ("origin", ORIGIN),
                    ("access-control-request-method", "GET"),
                    ("access-control-request-headers", "authorization"),
                ],
                "",
            )
            .await
            .expect(200);
        is_readable(&answer);
        assert_eq!(
            answer.headers["access-control-allow-methods"],
            "GET,POST,PUT,DELETE,PATCH,OPTIONS"
        );
        assert_eq!(
            answer.headers["access-control-allow-headers"],
            "authorization"
        );
        assert_eq!(answer.headers["access-control-max-age"], "3600");
        let plain = gateway.send(Method::OPTIONS, "/api/events", &[], "").await;
        plain.expect(200);
    }
    assert_eq!(gateway.reached(), 0);
    gateway.get("/api/events").await.expect(200);
    gateway.get("/api/events").await.expect(429);
}

#[tokio::test]
async fn another_origin_is_refused_on_every_path() {
    let (gateway, _redis) = gateway().await;
    for (method, path) in [
        (Method::GET, "/api/events"),
        (Method::POST, "/api/reservations"),
        (Method::OPTIONS, "/api/events"),
        (Method::GET, "/health"),
    ] {
        for origin in [
            "http://evil.test",
            "null",
            "http://shop.test:3000.evil.test",
        ] {
            let headers = [("origin", origin), ("access-control-request-method", "GET")];
            let answer = gateway.send(method.clone(), path, &headers, "").await;
            let answer = answer.expect(403);
            assert_eq!(answer.text, "Invalid CORS request");
            assert!(!answer.headers.contains_key("access-control-allow-origin"));
            varies(&answer);
        }
    }
    assert_eq!(gateway.reached(), 0);
}

#[tokio::test]
async fn a_page_of_the_same_host_needs_no_permission() {
    let (gateway, _redis) = gateway().await;
    let headers = [("origin", "http://gateway.test")];
    let answer = gateway.send(Method::GET, "/api/events", &headers, "").await;
    let answer = answer.expect(200);
    assert!(!answer.headers.contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn every_kind_of_answer_can_be_read() {
    let redis = urr_testkit::redis().await;
    let gateway = Setup::new(redis.args())
        .await
        .with(|config| {
            config.limits.rate_limit_auth_rpm = 1;
            config.services.stats_service_url = nowhere();
        })
        .start()
        .await;
    for (method, path, status) in [
        (Method::GET, "/api/events", 200),
        (Method::GET, "/health", 200),
        (Method::GET, "/api/nope", 404),
        (Method::GET, "/api/a;b", 400),
        (Method::TRACE, "/api/events", 405),
        (Method::POST, "/api/reservations", 403),
        (Method::GET, "/api/stats/overview", 503),
        (Method::POST, "/api/auth/login", 200),
        (Method::POST, "/api/auth/login", 429),
    ] {
        let answer = gateway.send(method, path, &[("origin", ORIGIN)], "").await;
        is_readable(&answer.expect(status));
    }
    let large = vec![b'x'; 2 << 20];
    let answer = gateway
        .send(Method::POST, "/api/events", &[("origin", ORIGIN)], large)
        .await;
    is_readable(&answer.expect(413));
}
