//! `GET /api/auth/me`

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use crate::app::{App, JWT_SECRET, PASSWORD, Session};

/// A token over these claims, signed with the key of the tests.
pub(crate) fn signed(algorithm: Algorithm, claims: &Value) -> String {
    let key = EncodingKey::from_secret(JWT_SECRET.as_bytes());
    jsonwebtoken::encode(&Header::new(algorithm), claims, &key).expect("signed")
}

/// Claims of an access token for the session's owner, as another issuer makes them.
pub(crate) fn claims(app: &App, session: &Session) -> Value {
    let id = &session.user["id"];
    json!({
        "sub": id, "userId": id, "email": session.user["email"], "role": "user", "type": "access",
        "iat": app.now(), "exp": app.now() + 60,
    })
}

/// Tokens that must open nothing.
pub(crate) fn worthless(app: &App, session: &Session) -> Vec<(&'static str, String)> {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
    let good = claims(app, session);
    let with = |key: &str, value: Value| {
        let mut claims = good.clone();
        claims[key] = value;
        signed(Algorithm::HS256, &claims)
    };
    let unsigned = |algorithm: &str| {
        let header = BASE64.encode(json!({"alg": algorithm, "typ": "JWT"}).to_string());
        format!("{header}.{}.", BASE64.encode(good.to_string()))
    };
    let foreign_key = EncodingKey::from_secret(b"somebody else's key of more than 32 bytes");
    let foreign = jsonwebtoken::encode(&Header::default(), &good, &foreign_key).expect("signed");
    let mut cut = session.access.clone();
    cut.pop();
    vec![
        ("refresh token", session.refresh.clone()),
        ("alg none", unsigned("none")),
        ("alg None", unsigned("None")),
        ("alg RS256", unsigned("RS256")),
        ("foreign key", foreign),
        ("expired", with("exp", json!(app.now()))),
        ("of no type", with("type", Value::Null)),
        ("of type refresh", with("type", json!("refresh"))),
        ("not a user id", with("userId", json!("1"))),
        ("cut", cut),
        ("no token", "abc".to_owned()),
        ("empty", String::new()),
    ]
}

#[tokio::test]
async fn whoever_is_signed_in_sees_the_account() {
    let app = App::start().await;
    let session = app.session().await;
    let answer = app.me(&session.access).await.expect(200);
    let user = &answer.body["user"];
    let created_at = user["createdAt"].as_str().expect("a time");
    assert!(
        created_at.parse::<jiff::Timestamp>().is_ok(),
        "{created_at}"
    );
    assert_eq!(
        *user,
        json!({
            "id": session.user["id"], "email": session.user["email"], "name": "팬 000001", "role": "user",
            "language": "ko",
            "createdAt": created_at,
        })
    );
}

#[tokio::test]
async fn identity_headers_and_cookies_are_not_identity_here() {
    let app = App::start().await;
    let session = app.session().await;
    let user = session.user["id"]
        .as_str()
        .expect("an id")
        .parse()
        .expect("an id");
    let answer = app
        .client
        .as_user(user)
        .get("/api/auth/me")
        .await
        .expect(401);
    assert_eq!(answer.error(), "Authentication required");
    let cookie = format!("access_token={}", session.access);
    app.client
        .with_header("cookie", &cookie)
        .get("/api/auth/me")
        .await
        .expect(401);
    app.client.get("/api/auth/me").await.expect(401);
}

#[tokio::test]
async fn worthless_tokens_are_refused() {
    let app = App::start().await;
    let session = app.session().await;
    for (what, token) in worthless(&app, &session) {
        let answer = app.me(&token).await;
        assert_eq!(
            (answer.status.as_u16(), answer.error()),
            (401, "Authentication required"),
            "{what}"
        );
    }
}

#[tokio::test]
async fn all_three_hmacs_are_accepted() {
    let app = App::start().await;
    let session = app.session().await;
    for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
        app.me(&signed(algorithm, &claims(&app, &session)))
            .await
            .expect(200);
    }
}

#[tokio::test]
async fn an_access_token_ends_on_the_second() {
    let app = App::start().await;
    let session = app.session().await;
    app.advance(1799);
    app.me(&session.access).await.expect(200);
    app.advance(1);
    app.me(&session.access).await.expect(401);
}

#[tokio::test]
async fn a_changed_role_shows_and_a_deleted_account_is_not_found() {
    let app = App::start().await;
    let session = app.session().await;
    sqlx::query!("update users set role = 'admin'")
        .execute(&app.pool)
        .await
        .expect("updated");
    assert_eq!(
        app.me(&session.access).await.expect(200).body["user"]["role"],
        "admin"
    );
    sqlx::query!("delete from users")
        .execute(&app.pool)
        .await
        .expect("deleted");
    assert_eq!(
        app.me(&session.access).await.expect(400).error(),
        "User not found"
    );
}

#[tokio::test]
async fn logout_ends_this_login_and_takes_the_cookies() {
    let app = App::start().await;
    let here = app.session().await;
    let elsewhere = app.session().await;
    let answer = app
        .bearer(&here.access)
        .post("/api/auth/logout", Value::Null)
        .await
        .expect(200);
    assert_eq!(answer.body, json!({"message": "Logged out successfully"}));
    assert_eq!(
        crate::app::cookies(&answer),
        [
            "access_token=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax",
            "refresh_token=; Max-Age=0; Path=/api; HttpOnly; SameSite=Lax",
        ]
    );
    app.me(&here.access).await.expect(401);
    app.refresh(&here.refresh).await.expect(400);
    app.me(&elsewhere.access).await.expect(200);
    app.refresh(&elsewhere.refresh).await.expect(200);
}

#[tokio::test]
async fn logout_by_refresh_cookie_alone_ends_the_login_too() {
    let app = App::start().await;
    let session = app.session().await;
    app.advance(1800);
    let cookie = format!("other=1; refresh_token={}", session.refresh);
    app.client
        .with_header("cookie", &cookie)
        .post("/api/auth/logout", Value::Null)
        .await
        .expect(200);
    app.refresh(&session.refresh).await.expect(400);
}

#[tokio::test]
async fn logout_with_an_access_token_of_no_login_ends_all_logins() {
    let app = App::start().await;
    let session = app.session().await;
    let token = signed(Algorithm::HS256, &claims(&app, &session));
    app.bearer(&token)
        .post("/api/auth/logout", Value::Null)
        .await
        .expect(200);
    app.refresh(&session.refresh).await.expect(400);
}

#[tokio::test]
async fn logout_of_nobody_succeeds() {
    let app = App::start().await;
    app.client
        .post("/api/auth/logout", Value::Null)
        .await
        .expect(200);
    app.bearer("abc")
        .post("/api/auth/logout", json!({"any": "body"}))
        .await
        .expect(200);
    app.log_in(app.fan().await, PASSWORD).await.expect(200);
}
