//! The HTTP surface that all services share: errors, identity, health, limits.

use axum::{
    Json, Router,
    extract::State,
    routing::{get, post},
};
use http::{Method, header};
use serde::Deserialize;
use serde_json::{Value, json};
use urr_contract::{EventId, UserId, headers};
use urr_kit::{
    ApiError, ApiResult, Runtime,
    extract::{AppJson, AppPath, AppQuery},
    health::Health,
    identity::{Admin, Entry, MaybeUser, User},
    internal::{HasInternalToken, InternalCaller, InternalToken},
    page::{Page, PageQuery},
    serve::layers,
};
use urr_testkit::{Client, gateway_token, internal_token, redis, runtime};

#[derive(Clone)]
struct App(InternalToken);

impl HasInternalToken for App {
    fn internal_token(&self) -> &InternalToken {
        &self.0
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Order {
    event_id: EventId,
    quantity: i32,
}

async fn order(AppJson(order): AppJson<Order>) -> Json<Value> {
    Json(json!({"eventId": order.event_id, "quantity": order.quantity}))
}

async fn optional(order: Option<AppJson<Order>>) -> Json<Value> {
    Json(json!({"given": order.is_some()}))
}

async fn whoami(MaybeUser(user): MaybeUser, Entry(pass): Entry) -> Json<Value> {
    Json(json!({"user": user.map(|user| user.id), "entry": pass.map(|pass| pass.event)}))
}

async fn broken(State(_): State<App>) -> ApiResult<()> {
    Err(ApiError::internal(anyhow::anyhow!("a secret detail")))
}

#[expect(clippy::panic, reason = "what happens then is what is tested")]
async fn panics() {
    panic!("on purpose");
}

fn client(runtime: &Runtime) -> Client {
    let router = Router::new()
        .route("/order", post(order))
        .route("/optional", post(optional))
        .route(
            "/event/{id}",
            get(async |AppPath(id): AppPath<EventId>| id.to_string()),
        )
        .route(
            "/list",
            get(async |AppQuery(query): AppQuery<PageQuery>| {
                Page::new(query, 10, 100).limit().to_string()
            }),
        )
        .route("/whoami", get(whoami))
        .route("/me", get(async |user: User| user.id.to_string()))
        .route("/admin", get(async |_: Admin| "welcome"))
        .route("/internal/x", get(async |_: InternalCaller| "welcome"))
        .route("/broken", get(broken))
        .route("/panics", get(panics))
        .with_state(App(internal_token()));
    Client::new(layers(router, runtime, Some(gateway_token())))
}

#[tokio::test]
async fn every_refusal_has_the_one_shape() {
    let client = client(&runtime("kit"));
    let cases = [
        (
            Method::POST,
            "/order",
            "{",
            400,
            "MALFORMED_JSON",
            "Request body is not valid JSON",
        ),
        (
            Method::POST,
            "/order",
            "{}",
            400,
            "INVALID_FIELD",
            "eventId: must not be null",
        ),
        (
            Method::POST,
            "/order",
            "",
            400,
            "MALFORMED_JSON",
            "Request body is not valid JSON",
        ),
        (Method::GET, "/nowhere", "", 404, "NOT_FOUND", "Not found"),
        (
            Method::DELETE,
            "/order",
            "",
            405,
            "METHOD_NOT_ALLOWED",
            "Method not allowed",
        ),
        (
            Method::GET,
            "/me",
            "",
            401,
            "AUTHENTICATION_REQUIRED",
            "Authentication required",
        ),
        (
            Method::GET,
            "/internal/x",
            "",
            401,
            "INTERNAL_TOKEN_REQUIRED",
            "Internal token required",
        ),
        (
            Method::GET,
            "/broken",
            "",
            500,
            "INTERNAL_ERROR",
            "Internal server error",
        ),
        (
            Method::GET,
            "/panics",
            "",
            500,
            "INTERNAL_ERROR",
            "Internal server error",
        ),
    ];
    for (method, path, body, status, code, text) in cases {
        let answer = client.send(method, path, body).await.expect(status);
        assert_eq!(
            answer.body,
            json!({"error": text, "message": text, "code": code}),
            "{path}"
        );
    }
}

#[tokio::test]
async fn wrong_types_are_the_clients_mistake() {
    let client = client(&runtime("kit"));
    let event = EventId::random();
    for body in [
        json!({"eventId": "x", "quantity": 1}),
        json!({"eventId": event, "quantity": "1"}),
        json!({"eventId": event, "quantity": 2_147_483_648_i64}),
        json!({"eventId": event, "quantity": 1.5}),
        json!([1, 2]),
    ] {
        client.post("/order", body.clone()).await.expect(400);
    }
    client
        .send(
            Method::POST,
            "/order",
            format!(r#"{{"eventId":"{event}","quantity":1e309}}"#),
        )
        .await
        .expect(400);
    let deep = "[".repeat(10_000) + &"]".repeat(10_000);
    client.send(Method::POST, "/order", deep).await.expect(400);
    client.get("/event/not-a-uuid").await.expect(400);
    client.get("/list?limit=many").await.expect(400);
    client
        .send(Method::POST, "/order", "x".repeat(10 << 20))
        .await
        .expect(413);
}

#[tokio::test]
async fn an_optional_body_may_be_absent_but_not_broken() {
    let client = client(&runtime("kit"));
    let absent = client.post("/optional", Value::Null).await.expect(200);
    assert_eq!(absent.body, json!({"given": false}));
    client
        .send(Method::POST, "/optional", "{")
        .await
        .expect(400);
    let body = json!({"eventId": EventId::random(), "quantity": 1});
    let given = client.post("/optional", body).await.expect(200);
    assert_eq!(given.body, json!({"given": true}));
}

#[tokio::test]
async fn identity_is_believed_from_the_gateway_only() {
    let client = client(&runtime("kit"));
    let (user, event) = (UserId::random(), EventId::random());
    let nobody = json!({"user": null, "entry": null});
    let forged = client
        .with_header(headers::USER_ID, &user.to_string())
        .with_header(headers::USER_ROLE, "admin");
    assert_eq!(forged.get("/whoami").await.body, nobody);
    forged.get("/admin").await.expect(401);
    let wrong = client
        .as_admin(user)
        .with_header(headers::GATEWAY_TOKEN, "guess");
    assert_eq!(wrong.get("/whoami").await.body, nobody);
    let real = client.as_user(user).with_entry(event, user);
    assert_eq!(
        real.get("/whoami").await.body,
        json!({"user": user, "entry": event})
    );
    let refused = real.get("/admin").await.expect(403);
    assert_eq!(refused.error(), "Admin role required");
    client
        .as_user(user)
        .with_header(headers::USER_ROLE, "ADMIN")
        .get("/admin")
        .await
        .expect(200);
}

#[tokio::test]
async fn a_service_without_a_gateway_believes_nobody() {
    let router = Router::new().route("/whoami", get(whoami));
    let client = Client::new(layers(router, &runtime("kit"), None));
    let answer = client.as_user(UserId::random()).get("/whoami").await;
    assert_eq!(answer.body["user"], Value::Null);
}

#[tokio::test]
async fn internal_calls_need_the_internal_token_and_not_the_gateways() {
    let client = client(&runtime("kit"));
    client.internal().get("/internal/x").await.expect(200);
    let wrong = client.with_header(header::AUTHORIZATION.as_str(), "Bearer nope");
    let answer = wrong.get("/internal/x").await.expect(403);
    assert_eq!(answer.error(), "Invalid internal token");
    client
        .through_gateway()
        .get("/internal/x")
        .await
        .expect(401);
}

#[tokio::test]
async fn metrics_name_the_route_and_never_the_path() {
    let runtime = runtime("kit");
    let client = client(&runtime);
    let id = EventId::random();
    client.get(&format!("/event/{id}")).await.expect(200);
    client.get("/nowhere").await.expect(404);
    let text = runtime.metrics.render().expect("renders");
    assert!(
        text.contains(r#"route="/event/{id}",status="200""#),
        "{text}"
    );
    assert!(text.contains(r#"route="unmatched",status="404""#), "{text}");
    assert!(!text.contains(&id.to_string()), "{text}");
}

#[tokio::test]
async fn a_lost_redis_shows_on_health_and_restarts_nothing() {
    let redis = redis().await;
    let health =
        Health::new(&runtime("queue")).redis("redis", &redis.args().connect().await.expect("lazy"));
    let client = Client::new(health.router().merge(health.actuator()));
    let well = client.get("/health").await.expect(200);
    assert_eq!(
        well.body,
        json!({"service": "queue-service", "status": "ok", "dependencies": {"redis": "ok"}})
    );
    redis.stop();
    let ill = client.get("/health").await.expect(503);
    assert_eq!(ill.body["status"], "degraded");
    assert!(
        ill.body["dependencies"]["redis"]
            .as_str()
            .is_some_and(|text| text.starts_with("error: "))
    );
    let down = client.get("/actuator/health").await.expect(503);
    assert_eq!(down.body["status"], "DOWN");
    client.get("/livez").await.expect(200);
    client.get("/readyz").await.expect(200);
}
