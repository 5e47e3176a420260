//! `POST /api/auth/verify-token`

use serde_json::{Value, json};
use urr_testkit::Answer;

use crate::{app::App, me::worthless};

async fn verify(app: &App, token: &str) -> Answer {
    app.client
        .post("/api/auth/verify-token", json!({"token": token}))
        .await
}

#[tokio::test]
async fn a_valid_token_names_its_owner() {
    let app = App::start().await;
    let session = app.session().await;
    let answer = verify(&app, &session.access).await.expect(200);
    assert_eq!(
        answer.body,
        json!({"valid": true, "user": {
            "userId": session.user["id"], "email": session.user["email"], "name": "팬 000001", "role": "user",
        }})
    );
}

#[tokio::test]
async fn worthless_tokens_are_refused() {
    let app = App::start().await;
    let session = app.session().await;
    for (what, token) in worthless(&app, &session) {
        let text = if token.is_empty() {
            "must not be blank"
        } else {
            "Invalid or expired token"
        };
        assert_eq!(
            verify(&app, &token).await.expect(400).error(),
            text,
            "{what}"
        );
    }
    app.bearer(&session.access)
        .post("/api/auth/logout", Value::Null)
        .await
        .expect(200);
    assert_eq!(
        verify(&app, &session.access).await.expect(400).error(),
        "Invalid or expired token"
    );
}

#[tokio::test]
async fn a_token_of_a_deleted_account_is_not_found() {
    let app = App::start().await;
    let session = app.session().await;
    sqlx::query!("delete from users")
        .execute(&app.pool)
        .await
        .expect("deleted");
    assert_eq!(
        verify(&app, &session.access).await.expect(400).error(),
        "User not found"
    );
}
