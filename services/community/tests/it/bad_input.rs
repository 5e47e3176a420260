//! Bodies and paths that no client of good will sends.

use http::Method;
use serde_json::{Value, json};
use urr_contract::UserId;

use crate::app::App;

/// Every endpoint that takes a body, for a post that exists.
fn endpoints(post: &str) -> [(Method, String); 5] {
    [
        (Method::POST, "/api/news".to_owned()),
        (Method::PUT, format!("/api/news/{}", uuid::Uuid::new_v4())),
        (Method::POST, "/api/community/posts".to_owned()),
        (Method::PUT, post.to_owned()),
        (Method::POST, format!("{post}/comments")),
    ]
}

#[tokio::test]
async fn what_is_no_json_of_the_right_types_is_400() {
    let app = App::start().await;
    let post = app.post().await;
    let admin = app.client.as_admin(UserId::random());
    let wrong_types =
        json!({"title": 1, "content": [], "author": {}, "artist_id": 7, "is_pinned": "x"})
            .to_string();
    let deep = "{\"a\":".repeat(10_000);
    for (method, path) in endpoints(&post) {
        for body in [
            "",
            "{bad",
            "\"text\"",
            "null",
            "{}",
            "{\"content\":null}",
            &wrong_types,
            &deep,
        ] {
            let answer = admin
                .send(method.clone(), &path, body.to_owned())
                .await
                .expect(400);
            assert!(answer.body["error"].is_string(), "{path} {body:.20}");
            assert_eq!(answer.body["error"], answer.body["message"]);
        }
    }
}

#[tokio::test]
async fn ten_megabytes_are_too_many() {
    let app = App::start().await;
    let post = app.post().await;
    let admin = app.client.as_admin(UserId::random());
    let body = json!({"title": "t", "content": "a".repeat(10 * 1024 * 1024)}).to_string();
    for (method, path) in endpoints(&post) {
        admin.send(method, &path, body.clone()).await.expect(413);
    }
}

#[tokio::test]
async fn sizes_are_capped_and_the_violation_is_named() {
    let app = App::start().await;
    let post = app.post().await;
    let admin = app.client.as_admin(UserId::random());
    let artist = app.ticket.artist;
    let cases: [(&str, Value, &str); 8] = [
        (
            "/api/news",
            json!({"title": "x".repeat(256), "content": "c", "author": "a"}),
            "Title must be at most 255 characters",
        ),
        (
            "/api/news",
            json!({"title": "t", "content": "c", "author": "ᄒ".repeat(300)}),
            "Author must be at most 100 characters",
        ),
        (
            "/api/news",
            json!({"title": "t", "content": "c", "author": " "}),
            "must not be blank",
        ),
        (
            "/api/community/posts",
            json!({"title": "t", "content": "x".repeat(20_001), "artist_id": artist}),
            "Content must be at most 20000 characters",
        ),
        (
            "/api/community/posts",
            json!({"title": "a\0b", "content": "c", "artist_id": artist}),
            "Title must not contain control characters",
        ),
        (
            "/api/community/posts",
            json!({"title": "t", "content": "c\0", "artist_id": artist}),
            "Content must not contain control characters",
        ),
        (
            "/api/community/posts",
            json!({"title": "t", "content": "c"}),
            "must not be null",
        ),
        (
            &format!("{post}/comments"),
            json!({"content": "x".repeat(2_001)}),
            "Comment must be at most 2000 characters",
        ),
    ];
    for (path, body, text) in cases {
        let answer = admin.post(path, body).await.expect(400);
        assert_eq!(answer.error(), text);
    }
    let titles = [
        "👩‍🚀",
        "שלום",
        "<script>alert(1)</script>",
        "=cmd|' /C calc'!A0",
        &"ᄒ".repeat(255),
    ];
    for title in titles {
        let answer = app.write_post(&admin, title).await.expect(201);
        assert_eq!(answer.body["post"]["title"], title);
    }
}

#[tokio::test]
async fn ids_that_are_none_are_400_and_unknown_paths_404() {
    let app = App::start().await;
    let post = app.post().await;
    let admin = app.client.as_admin(UserId::random());
    for path in ["/api/news/1", "/api/community/posts/abc"] {
        admin.get(path).await.expect(400);
        admin.delete(path).await.expect(400);
    }
    admin
        .get("/api/community/posts/abc/comments")
        .await
        .expect(400);
    admin
        .delete(&format!("{post}/comments/1"))
        .await
        .expect(400);
    assert_eq!(
        admin
            .get("/api/community/nothing")
            .await
            .expect(404)
            .error(),
        "Not found"
    );
    admin.patch(&post, json!({})).await.expect(405);
}

#[tokio::test]
async fn nobody_writes_without_signing_in() {
    let app = App::start().await;
    let post = app.post().await;
    for (method, path) in endpoints(&post) {
        let answer = app.client.send(method, &path, "{bad").await.expect(401);
        assert_eq!(answer.error(), "Authentication required");
    }
}

#[tokio::test]
async fn health_reports_postgres() {
    let app = App::start().await;
    let health = urr_kit::health::Health::new(&app.runtime).postgres("postgresql", &app.pool);
    let answer = urr_testkit::Client::new(health.router())
        .get("/health")
        .await
        .expect(200);
    assert_eq!(
        answer.body,
        json!({"service": "community-service", "status": "ok", "dependencies": {"postgresql": "ok"}})
    );
}
