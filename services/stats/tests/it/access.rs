//! Who may look, and what parameters may say.

use serde_json::json;
use urr_contract::UserId;
use uuid::Uuid;

use crate::app::{App, Story};

const PATHS: [&str; 14] = [
    "/api/stats/overview",
    "/api/stats/daily",
    "/api/stats/events",
    "/api/stats/events/00000000-0000-0000-0000-00000000000a",
    "/api/stats/payments",
    "/api/stats/revenue",
    "/api/stats/users",
    "/api/stats/hourly-traffic",
    "/api/stats/conversion",
    "/api/stats/cancellations",
    "/api/stats/realtime",
    "/api/stats/seat-preferences",
    "/api/stats/user-behavior",
    "/api/stats/performance",
];

#[tokio::test]
async fn only_an_administrator_may_look() {
    let app = App::alone().await;
    app.hear(Story::of(1, 10, 1000, 1).created("2026-11-23T00:00:00Z"))
        .await;
    for path in PATHS {
        let nobody = app.anybody.get(path).await.expect(401);
        assert_eq!(nobody.error(), "Authentication required", "{path}");
        let fan = app.anybody.as_user(UserId::random()).get(path).await;
        let fan = fan.expect(403);
        assert_eq!(fan.error(), "Admin role required", "{path}");
        assert_eq!(fan.body["message"], "Admin role required", "{path}");
        // Places are known to ticket only, which is away here.
        let is_known = !path.ends_with("seat-preferences");
        let answer = app.admin.get(path).await;
        answer.expect(if is_known { 200 } else { 503 });
    }
}

#[tokio::test]
async fn an_identity_without_the_gateways_word_is_nobodys() {
    let app = App::alone().await;
    let forged = app
        .admin
        .with_header("x-gateway-token", "a guess")
        .get("/api/stats/overview")
        .await;
    forged.expect(401);
}

#[tokio::test]
async fn days_are_clamped_and_nonsense_is_refused() {
    let app = App::alone().await;
    // 365 days up to 2026-11-23 begin on 2025-11-24.
    for day in [
        "2025-11-23",
        "2025-11-24",
        "2026-10-24",
        "2026-10-25",
        "2026-11-23",
    ] {
        let fact = Story::of(1, 10, 1000, 1).created(&format!("{day}T03:00:00Z"));
        app.hear(fact).await;
    }
    let days = async |query: &str| {
        let data = app.data(&format!("/api/stats/daily{query}")).await;
        data.as_array().unwrap().len()
    };
    assert_eq!(days("?days=1").await, 1);
    assert_eq!(days("").await, 2);
    for default in ["?days=0", "?days=-1"] {
        assert_eq!(days(default).await, 2, "{default}");
    }
    for most in ["?days=365", "?days=366", "?days=9223372036854775807"] {
        assert_eq!(days(most).await, 4, "{most}");
    }
    for path in [
        "daily",
        "revenue",
        "users",
        "hourly-traffic",
        "conversion",
        "cancellations",
        "user-behavior",
    ] {
        for nonsense in ["many", "1e3", "9223372036854775808"] {
            let path = format!("/api/stats/{path}?days={nonsense}");
            app.admin.get(&path).await.expect(400);
        }
    }
}

#[tokio::test]
async fn the_list_of_events_is_clamped() {
    let app = App::alone().await;
    for event in 1..=120_u32 {
        let story = Story::of(1, event.into(), 1000, 1);
        app.hear(story.created("2026-11-23T00:00:00Z")).await;
    }
    for (query, expected) in [
        ("", 10),
        ("?limit=3", 3),
        ("?limit=0", 10),
        ("?limit=5000", 100),
    ] {
        let data = app.data(&format!("/api/stats/events{query}")).await;
        assert_eq!(data.as_array().unwrap().len(), expected, "{query}");
    }
}

#[tokio::test]
async fn an_event_must_be_a_uuid_that_somebody_knows() {
    let app = App::alone().await;
    let unknown = app
        .admin
        .get(&format!("/api/stats/events/{}", Uuid::new_v4()))
        .await
        .expect(404);
    assert_eq!(unknown.error(), "Event not found");
    app.admin.get("/api/stats/events/7").await.expect(400);
    app.admin
        .get("/api/stats/seat-preferences?eventId=7")
        .await
        .expect(400);
    app.admin.get("/api/stats/nothing").await.expect(404);
    app.admin
        .post("/api/stats/overview", json!({}))
        .await
        .expect(405);
}
