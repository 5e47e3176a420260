//! Defect 15: no spelling of a path gets around a filter.

use http::Method;
use urr_contract::{EventId, UserId};

use crate::app::gateway;

#[tokio::test]
async fn a_disguised_booking_path_is_refused_or_recognised() {
    let (gateway, _redis) = gateway().await;
    for path in [
        "/api/%73eats/reserve",
        "/api//seats/reserve",
        "//api/seats/reserve",
        "/api/seats/reserve/",
        "/api/seats/./reserve",
        "/api/seats/%2e/reserve",
        "/api/events/../seats/reserve",
        "/api/events/%2e%2e/seats/reserve",
        "/api/v1/seats/reserve",
        "/api/v1/%73eats//reserve",
        "/%61pi/%76%31/seats/reserve",
        "/api/reservations/",
        "/api/v1/reservations",
        "/api/r%65servations",
    ] {
        for method in [Method::POST, Method::PUT, Method::PATCH] {
            gateway
                .send(method, path, &[], "{}")
                .await
                .expect_refusal(403, "ENTRY_TOKEN_REQUIRED");
        }
    }
    for path in [
        "/api/seats;x/reserve",
        "/api/seats/reserve;jsessionid=1",
        "/api/seats%3bx/reserve",
        "/api/seats%2freserve",
        "/api/seats%2Freserve",
        "/api/seats%5creserve",
        "/api/seats/reserve%00",
        "/api/seats/reserve%0a",
        "/api/%2573eats/reserve",
        "/api/seats%252freserve",
        "/api/seats%c0%afreserve",
        "/api/%c1%b3eats/reserve",
        "/api/seats/%zz",
        "/api/seats/%",
        "/../api/seats/reserve",
        "/api/seats/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    ] {
        gateway
            .send(Method::POST, path, &[], "{}")
            .await
            .expect_refusal(400, "PATH_NOT_VALID");
    }
    assert_eq!(gateway.reached(), 0);
}

#[tokio::test]
async fn what_is_forwarded_is_what_was_checked() {
    let (gateway, _redis) = gateway().await;
    let user = UserId::random();
    let (entry, _) = gateway.entry_token(EventId::random(), user);
    let bearer = format!("Bearer {}", gateway.access_token(user));
    let headers = [
        ("authorization", bearer.as_str()),
        ("x-queue-entry-token", entry.as_str()),
    ];
    for path in [
        "/api/%73eats//x/../reserve?a=%2e%2e",
        "/api/v1/seats/reserve?a=%2e%2e",
    ] {
        let answer = gateway.send(Method::POST, path, &headers, "{}").await;
        assert_eq!(
            answer.expect(200).json["target"],
            "/api/seats/reserve?a=%2e%2e"
        );
    }
    let answer = gateway.get("/api/artists/%EC%9D%B4%20%3F?q=%ec").await;
    assert_eq!(
        answer.expect(200).json["target"],
        "/api/artists/%EC%9D%B4%20%3F?q=%ec"
    );
}

#[tokio::test]
async fn the_whole_target_may_be_given_as_a_url() {
    let (gateway, _redis) = gateway().await;
    let answer = gateway
        .send(
            Method::POST,
            "http://elsewhere.test/api/%73eats/reserve",
            &[],
            "{}",
        )
        .await;
    answer.expect_refusal(403, "ENTRY_TOKEN_REQUIRED");
    let answer = gateway.get("http://elsewhere.test/api/events?a=b").await;
    assert_eq!(answer.expect(200).json["target"], "/api/events?a=b");
}

/// Escaping triples what a browser may leave as it is.
#[tokio::test]
async fn a_path_that_grows_too_long_is_refused() {
    let (gateway, _redis) = gateway().await;
    let paths = ["|".repeat(22_000), "|".repeat(2_800), "a".repeat(10_000)];
    for path in paths {
        for query in ["", "?a=b"] {
            gateway
                .get(&format!("/api/events/{path}{query}"))
                .await
                .expect_refusal(414, "PATH_NOT_VALID");
        }
    }
    let (path, query) = ("|".repeat(2_700), "q".repeat(28_000));
    let answer = gateway.get(&format!("/api/events/{path}?{query}")).await;
    let target = format!("/api/events/{}?{query}", "%7C".repeat(2_700));
    assert_eq!(answer.expect(200).json["target"], target);
}
