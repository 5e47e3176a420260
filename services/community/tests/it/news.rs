//! `/api/news`

use serde_json::{Value, json};
use urr_contract::UserId;
use urr_testkit::Client;

use crate::app::{App, text};

async fn publish(admin: &Client, title: &str, is_pinned: bool) -> String {
    let body = json!({"title": title, "content": "c", "author": "관리자", "is_pinned": is_pinned});
    let answer = admin.post("/api/news", body).await.expect(201);
    text(&answer.body["news"]["id"]).to_owned()
}

#[tokio::test]
async fn an_empty_list_has_no_pages() {
    let app = App::start().await;
    let answer = app.client.get("/api/news?limit=2").await.expect(200);
    assert_eq!(
        answer.body,
        json!({"news": [], "pagination": {"page": 1, "limit": 2, "total": 0, "totalPages": 0}})
    );
}

#[tokio::test]
async fn an_article_lives_from_creation_to_deletion() {
    let app = App::start().await;
    let id = UserId::random();
    let admin = app.client.as_admin(id);
    let body = json!({
        "title": "t", "content": "c", "author": "관리자", "author_id": UserId::random(), "is_pinned": false,
    });
    let made = app
        .client
        .as_admin(id)
        .post("/api/news", body)
        .await
        .expect(201);
    let news = &made.body["news"];
    assert_eq!(
        *news,
        json!({
            "id": news["id"], "title": "t", "content": "c", "author": "관리자", "author_id": id,
            "views": 0, "is_pinned": false,
            "created_at": "2026-03-01T03:00:00Z", "updated_at": "2026-03-01T03:00:00Z",
        })
    );
    let path = format!("/api/news/{}", text(&news["id"]));
    for views in [1, 2] {
        let shown = app.client.get(&path).await.expect(200);
        assert_eq!(shown.body["news"]["views"], views);
    }
    app.advance(60);
    let changed = admin
        .put(
            &path,
            json!({"title": "t2", "content": "c2", "is_pinned": true}),
        )
        .await
        .expect(200);
    assert_eq!(changed.body["news"]["title"], "t2");
    assert_eq!(changed.body["news"]["is_pinned"], true);
    assert_eq!(changed.body["news"]["views"], 2);
    assert_eq!(changed.body["news"]["created_at"], "2026-03-01T03:00:00Z");
    assert_eq!(changed.body["news"]["updated_at"], "2026-03-01T03:01:00Z");
    let kept = admin
        .put(&path, json!({"title": "t3", "content": "c3"}))
        .await
        .expect(200);
    assert_eq!(kept.body["news"]["is_pinned"], true, "absent is unchanged");
    let answer = admin.delete(&path).await.expect(200);
    assert_eq!(answer.body, json!({"message": "News deleted successfully"}));
    for answer in [
        app.client.get(&path).await,
        admin.delete(&path).await,
        admin
            .put(&path, json!({"title": "t", "content": "c"}))
            .await,
    ] {
        assert_eq!(answer.expect(404).error(), "News not found");
    }
}

#[tokio::test]
async fn pinned_come_first_and_then_the_newest() {
    let app = App::start().await;
    let admin = app.client.as_admin(UserId::random());
    for (title, is_pinned) in [("1", false), ("2", true), ("3", false), ("4", true)] {
        publish(&admin, title, is_pinned).await;
        app.advance(1);
    }
    let titles = |body: &Value| -> Vec<String> {
        body["news"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|news| text(&news["title"]).to_owned())
            .collect()
    };
    let first = app.client.get("/api/news?limit=3").await.expect(200);
    assert_eq!(titles(&first.body), ["4", "2", "3"]);
    assert_eq!(
        first.body["pagination"],
        json!({"page": 1, "limit": 3, "total": 4, "totalPages": 2})
    );
    let second = app.client.get("/api/news?limit=3&page=2").await.expect(200);
    assert_eq!(titles(&second.body), ["1"]);
}

#[tokio::test]
async fn pages_are_clamped_and_wrong_types_refused() {
    let app = App::start().await;
    for (query, page, limit) in [
        ("", 1, 20),
        ("?page=0&limit=0", 1, 1),
        ("?page=-5&limit=5000", 1, 100),
        ("?page=9223372036854775807", 1_000_000_000, 20),
    ] {
        let answer = app
            .client
            .get(&format!("/api/news{query}"))
            .await
            .expect(200);
        assert_eq!(answer.body["pagination"]["page"], page, "{query}");
        assert_eq!(answer.body["pagination"]["limit"], limit, "{query}");
    }
    app.client.get("/api/news?page=abc").await.expect(400);
    app.client
        .get("/api/news?limit=99999999999999999999")
        .await
        .expect(400);
}

#[tokio::test]
async fn only_administrators_write_and_only_the_author_edits() {
    let app = App::start().await;
    let author = app.client.as_admin(UserId::random());
    let path = format!("/api/news/{}", publish(&author, "t", false).await);
    let body = json!({"title": "t", "content": "c", "author": "a"});
    let fan = app.client.as_user(UserId::random());
    for answer in [
        fan.post("/api/news", body.clone()).await,
        fan.put(&path, body.clone()).await,
        fan.delete(&path).await,
    ] {
        assert_eq!(answer.expect(403).error(), "Admin role required");
    }
    for answer in [
        app.client.post("/api/news", body.clone()).await,
        app.client.put(&path, body.clone()).await,
        app.client.delete(&path).await,
    ] {
        assert_eq!(answer.expect(401).error(), "Authentication required");
    }
    let other = app.client.as_admin(UserId::random());
    let answer = other.put(&path, body).await.expect(403);
    assert_eq!(answer.error(), "Only the author can edit this news");
    other.delete(&path).await.expect(200);
}

#[tokio::test]
async fn identity_headers_without_the_gateway_are_nobody() {
    let app = App::start().await;
    let forged = app
        .client
        .with_header("x-user-id", &UserId::random().to_string())
        .with_header("x-user-role", "admin");
    let body = json!({"title": "t", "content": "c", "author": "a"});
    forged.post("/api/news", body.clone()).await.expect(401);
    forged
        .with_header("x-gateway-token", "wrong")
        .post("/api/news", body)
        .await
        .expect(401);
}
