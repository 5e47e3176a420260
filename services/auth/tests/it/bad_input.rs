//! Bodies that no client of good will sends, to every endpoint that takes one.

use http::Method;
use serde_json::json;

use crate::app::App;

const ENDPOINTS: [&str; 5] = [
    "/api/auth/register",
    "/api/auth/login",
    "/api/auth/verify-token",
    "/api/auth/refresh",
    "/api/auth/google",
];

#[tokio::test]
async fn what_is_no_json_of_the_right_types_is_unreadable() {
    let app = App::start().await;
    let deep = "[".repeat(10_000);
    let wrong_types = json!({
        "email": 5, "password": [], "name": {}, "token": 1, "refreshToken": {}, "credential": false,
    })
    .to_string();
    for path in ENDPOINTS {
        for body in [
            "{bad",
            "[]",
            "\"text\"",
            "1e309",
            "{\"email\":\"\\ud800\"}",
            &deep,
            &wrong_types,
        ] {
            let answer = app.client.send(Method::POST, path, body.to_owned()).await;
            let answer = answer.expect(400);
            assert!(answer.body["message"].is_string(), "{path} {body:.20}");
            assert_eq!(answer.body["message"], answer.body["error"]);
        }
        let answer = app
            .client
            .send(Method::POST, path, "{bad")
            .await
            .expect(400);
        assert_eq!(answer.body["message"], "입력값을 확인해주세요", "{path}");
        let answer = app
            .client
            .send(Method::POST, path, wrong_types.clone())
            .await
            .expect(400);
        assert_eq!(answer.body["message"], "입력값을 확인해주세요", "{path}");
    }
}

#[tokio::test]
async fn ten_megabytes_are_too_many() {
    let app = App::start().await;
    let body = format!("{{\"email\":\"{}\"}}", "a".repeat(10 * 1024 * 1024));
    for path in ENDPOINTS {
        let answer = app
            .client
            .send(Method::POST, path, body.clone())
            .await
            .expect(413);
        assert!(answer.body["message"].is_string());
    }
}

#[tokio::test]
async fn bytes_that_are_no_text_are_refused() {
    let app = App::start().await;
    for path in ENDPOINTS {
        app.client
            .send(Method::POST, path, vec![b'"', 0xff, 0xfe, b'"'])
            .await
            .expect(400);
    }
    let token = app
        .client
        .with_header("authorization", "Bearer \u{fe}\u{ff}");
    token.get("/api/auth/me").await.expect(401);
}
