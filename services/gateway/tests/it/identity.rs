//! Who a service is told that asks.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::Method;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::json;
use urr_contract::{UserId, tokens::SessionTokenType};

use crate::app::{Answer, JWT_SECRET, TestGateway, gateway, session_token};

async fn ask(gateway: &TestGateway, headers: &[(&str, &str)]) -> Answer {
    gateway
        .send(Method::GET, "/api/events", headers, "")
        .await
        .expect(200)
}

#[tokio::test]
async fn header_or_cookie_name_the_person() {
    let (gateway, _redis) = gateway().await;
    let user = UserId::random();
    let token = gateway.access_token(user);
    let bearer = format!("Bearer {token}");
    let cookie = format!("a=b; access_token={token}; refresh_token=r");
    for headers in [
        [("authorization", bearer.as_str())],
        [("cookie", cookie.as_str())],
    ] {
        for _ in 0..2 {
            let answer = ask(&gateway, &headers).await;
            assert_eq!(answer.echoed("x-user-id"), user.to_string());
            assert_eq!(answer.echoed("x-user-email"), "ana@test.invalid");
            assert_eq!(answer.echoed("x-user-role"), "user");
            assert_eq!(answer.echoed("authorization"), bearer);
        }
    }
}

#[tokio::test]
async fn a_header_of_any_kind_wins_over_the_cookie() {
    let (gateway, _redis) = gateway().await;
    let cookie = format!("access_token={}", gateway.access_token(UserId::random()));
    let headers = [("authorization", "Basic eDp5"), ("cookie", &cookie)];
    let answer = ask(&gateway, &headers).await;
    assert_eq!(answer.echoed("x-user-id"), "");
    assert_eq!(answer.echoed("authorization"), "Basic eDp5");
}

#[tokio::test]
async fn what_only_the_gateway_may_say_is_not_believed_from_outside() {
    let (gateway, _redis) = gateway().await;
    let forged = UserId::random().to_string();
    let headers = [
        ("X-User-Id", forged.as_str()),
        ("x-USER-role", "admin"),
        ("x-user-EMAIL", "admin@test.invalid"),
        ("X-User-Whatever", "1"),
        ("X-Entry-Event", forged.as_str()),
        ("x-entry-USER", forged.as_str()),
        ("X-ENTRY-ADMISSION", forged.as_str()),
        ("X-Gateway-Token", "guess"),
        ("X-Client-Address", "6.6.6.6"),
        ("X-Forwarded-For", "6.6.6.6"),
        ("Forwarded", "for=6.6.6.6"),
        ("X-Real-IP", "6.6.6.6"),
        ("X-Internal-Token", "guess"),
    ];
    let answer = ask(&gateway, &headers).await;
    for name in [
        "x-user-id",
        "x-user-role",
        "x-user-email",
        "x-user-whatever",
        "x-entry-event",
        "x-entry-user",
        "x-entry-admission",
        "x-forwarded-for",
        "forwarded",
        "x-real-ip",
        "x-internal-token",
    ] {
        assert!(answer.json["headers"][name].is_null(), "{name}");
    }
    assert_eq!(
        answer.json["headers"]["x-gateway-token"],
        json!([urr_testkit::GATEWAY_TOKEN])
    );
    assert_eq!(
        answer.json["headers"]["x-client-address"],
        json!(["127.0.0.1"])
    );
}

#[tokio::test]
async fn no_other_token_is_identity() {
    let (gateway, _redis) = gateway().await;
    let user = UserId::random();
    let later = gateway.now() + 600;
    let claims = json!({
        "sub": user, "userId": user, "email": "a@b", "role": "admin",
        "type": "access", "iat": 0, "exp": later,
    });
    let unsigned = {
        let parts = [json!({"alg": "none", "typ": "JWT"}), claims.clone()];
        let [header, body] = parts.map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        format!("{header}.{body}.")
    };
    let foreign = jsonwebtoken::encode(
        &Header::new(Algorithm::HS256),
        &claims,
        &EncodingKey::from_secret(b"another secret that is long enough too"),
    )
    .expect("signed");
    let untyped = jsonwebtoken::encode(
        &Header::new(Algorithm::HS256),
        &json!({"userId": user, "exp": later}),
        &EncodingKey::from_secret(JWT_SECRET.as_bytes()),
    )
    .expect("signed");
    for (what, token) in [
        ("unsigned", unsigned),
        ("foreign", foreign),
        ("untyped", untyped),
        (
            "refresh",
            session_token(user, SessionTokenType::Refresh, later),
        ),
        (
            "ended this second",
            session_token(user, SessionTokenType::Access, gateway.now()),
        ),
        ("nonsense", "a.b.c".to_owned()),
    ] {
        let bearer = format!("Bearer {token}");
        let answer = ask(&gateway, &[("authorization", &bearer)]).await;
        assert_eq!(answer.echoed("x-user-id"), "", "{what}");
        assert_eq!(answer.echoed("authorization"), bearer, "{what}");
    }
}

#[tokio::test]
async fn old_issuers_may_leave_out_email_and_role() {
    let (gateway, _redis) = gateway().await;
    let user = UserId::random();
    let token = jsonwebtoken::encode(
        &Header::new(Algorithm::HS384),
        &json!({"userId": user, "type": "access", "exp": gateway.now() + 600}),
        &EncodingKey::from_secret(JWT_SECRET.as_bytes()),
    )
    .expect("signed");
    let answer = ask(&gateway, &[("authorization", &format!("Bearer {token}"))]).await;
    assert_eq!(answer.echoed("x-user-id"), user.to_string());
    assert_eq!(answer.echoed("x-user-role"), "user");
    assert!(answer.json["headers"]["x-user-email"].is_null());
}

#[tokio::test]
async fn the_refresh_cookie_goes_to_auth_only() {
    let (gateway, _redis) = gateway().await;
    let headers = [("cookie", "a=1; refresh_token=secret; b=2")];
    let answer = ask(&gateway, &headers).await;
    assert_eq!(answer.echoed("cookie"), "a=1; b=2");
    let answer = gateway
        .send(Method::POST, "/api/v1/auth/refresh", &headers, "")
        .await;
    assert_eq!(
        answer.expect(200).echoed("cookie"),
        "a=1; refresh_token=secret; b=2"
    );
}
