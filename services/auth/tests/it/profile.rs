//! `PATCH /api/auth/me`, and the language that an account begins with.

use serde_json::{Value, json};
use urr_testkit::Answer;

use crate::app::{App, PASSWORD, Session};

/// Registers with that `Accept-Language`; returns the profile.
async fn registered(app: &App, email: &str, accept_language: &str) -> Value {
    let client = app.client.with_header("accept-language", accept_language);
    let body = json!({"email": email, "password": PASSWORD, "name": "Ana"});
    let answer = client.post("/api/auth/register", body).await.expect(201);
    let me = app.me(&Session::of(&answer).access).await.expect(200);
    me.body["user"].clone()
}

async fn change(app: &App, session: &Session, body: Value) -> Answer {
    app.bearer(&session.access)
        .patch("/api/auth/me", body)
        .await
}

#[tokio::test]
async fn people_are_written_to_in_the_language_of_their_browser() {
    let app = App::start().await;
    for (email, accepted, language) in [
        ("a@b.kr", "en-US,en;q=0.9", "en"),
        ("b@b.kr", "ko-KR,en;q=0.5", "ko"),
        ("c@b.kr", "fr", "ko"),
    ] {
        let user = registered(&app, email, accepted).await;
        assert_eq!(user["language"], language, "{accepted}");
        let body = json!({"userIds": [user["id"]]});
        let batch = app
            .client
            .internal()
            .post("/internal/users/batch", body)
            .await
            .expect(200);
        assert_eq!(batch.body["users"][0]["language"], language);
    }
}

#[tokio::test]
async fn name_and_language_change_and_what_is_absent_stays() {
    let app = App::start().await;
    let session = app.session().await;
    let changed = change(&app, &session, json!({"language": "en"}))
        .await
        .expect(200);
    assert_eq!(changed.body["user"]["language"], "en");
    assert_eq!(changed.body["user"]["name"], "팬 000001");
    let changed = change(&app, &session, json!({"name": "  아나 ", "language": null}))
        .await
        .expect(200);
    assert_eq!(changed.body["user"]["name"], "아나");
    assert_eq!(changed.body["user"]["language"], "en");
    let unchanged = change(&app, &session, json!({})).await.expect(200);
    assert_eq!(unchanged.body, changed.body);
    assert_eq!(app.me(&session.access).await.body, changed.body);
}

#[tokio::test]
async fn what_cannot_be_is_refused_and_changes_nothing() {
    let app = App::start().await;
    let session = app.session().await;
    let long = "가".repeat(101);
    for (body, text) in [
        (
            json!({"name": "b", "language": "fr"}),
            "Language must be ko or en",
        ),
        (json!({"language": ""}), "Language must be ko or en"),
        (json!({"name": " "}), "must not be blank"),
        (json!({"name": long}), "Name must be at most 100 characters"),
        (
            json!({"name": "a\u{0}"}),
            "Name must not contain control characters",
        ),
        (json!({"name": 1}), "입력값을 확인해주세요"),
    ] {
        let answer = change(&app, &session, body).await.expect(400);
        assert_eq!(answer.error(), text);
    }
    let me = app.me(&session.access).await.expect(200);
    assert_eq!(me.body["user"]["name"], "팬 000001");
    assert_eq!(me.body["user"]["language"], "ko");
}

#[tokio::test]
async fn whoever_is_signed_out_changes_nothing() {
    let app = App::start().await;
    let session = app.session().await;
    app.client
        .patch("/api/auth/me", json!({"name": "b"}))
        .await
        .expect(401);
    app.bearer(&session.access)
        .post("/api/auth/logout", Value::Null)
        .await
        .expect(200);
    change(&app, &session, json!({"name": "b"}))
        .await
        .expect(401);
}
