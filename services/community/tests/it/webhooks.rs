//! Setting webhooks up: who may, with what, and that every act is written down.

use http::StatusCode;
use serde_json::{Value, json};
use urr_contract::{EventId, UserId};
use uuid::Uuid;

use crate::app::{App, text};

const PATH: &str = "/api/admin/webhooks";

async fn made(app: &App, body: Value) -> (String, Value) {
    let answer = app.admin().post(PATH, body).await.expect(201);
    let path = format!("{PATH}/{}", text(&answer.body["webhook"]["id"]));
    (path, answer.body)
}

#[tokio::test]
async fn a_webhook_is_made_changed_and_deleted() {
    let app = App::start().await;
    let admin = app.admin();
    let event = EventId::random();
    let body = json!({"url": "https://hooks.example.com/urr", "description": "회계", "eventId": event,
                      "types": ["reservation.refunded"]});
    let (path, made) = made(&app, body).await;
    assert!(text(&made["secret"]).starts_with("whsec_"));
    assert_eq!(
        made["webhook"],
        json!({
            "id": made["webhook"]["id"], "url": "https://hooks.example.com/urr", "description": "회계",
            "eventId": event, "types": ["reservation.refunded"], "active": true, "failingSince": null,
            "disabledAt": null, "disabledReason": null, "previousSecretExpiresAt": null,
            "createdAt": "2026-03-01T03:00:00Z", "updatedAt": "2026-03-01T03:00:00Z",
        })
    );
    let shown = admin.get(&path).await.expect(200);
    assert_eq!(shown.body, json!({"webhook": made["webhook"]}), "no secret");

    app.advance(60);
    let change = json!({"active": false, "eventId": null});
    let changed = admin.patch(&path, change).await.expect(200).body["webhook"].clone();
    assert_eq!(changed["active"], false);
    assert_eq!(changed["eventId"], Value::Null);
    assert_eq!(
        changed["types"],
        json!(["reservation.refunded"]),
        "what is absent stays"
    );
    assert_eq!(changed["updatedAt"], "2026-03-01T03:01:00Z");

    admin.delete(&path).await.expect(200);
    for answer in [
        admin.get(&path).await,
        admin.patch(&path, json!({})).await,
        admin.delete(&path).await,
        admin.post(&format!("{path}/test"), Value::Null).await,
        admin
            .post(&format!("{path}/rotate-secret"), Value::Null)
            .await,
        admin.get(&format!("{path}/deliveries")).await,
    ] {
        assert_eq!(answer.expect(404).error(), "Webhook not found");
    }
    let log = admin.get(&format!("{path}/log")).await.expect(200);
    let acts: Vec<_> = log.body["log"]
        .as_array()
        .expect("acts")
        .iter()
        .map(|act| (text(&act["action"]), text(&act["detail"])))
        .collect();
    assert_eq!(
        acts,
        [
            ("DELETE_WEBHOOK", ""),
            ("UPDATE_WEBHOOK", "event all, active false"),
            ("CREATE_WEBHOOK", "https://hooks.example.com/urr"),
        ]
    );
}

#[tokio::test]
async fn lists_are_newest_first_in_pages_and_by_event() {
    let app = App::start().await;
    let event = EventId::random();
    for number in 0..3 {
        let event = (number == 1).then_some(event);
        made(
            &app,
            json!({"url": format!("https://a.example/{number}"), "eventId": event}),
        )
        .await;
        app.advance(1);
    }
    let page = app
        .admin()
        .get(&format!("{PATH}?limit=2&page=2"))
        .await
        .expect(200)
        .body;
    assert_eq!(page["webhooks"][0]["url"], "https://a.example/0");
    assert_eq!(
        page["pagination"],
        json!({"page": 2, "limit": 2, "total": 3, "totalPages": 2})
    );
    let page = app
        .admin()
        .get(&format!("{PATH}?eventId={event}"))
        .await
        .expect(200)
        .body;
    assert_eq!(page["pagination"]["total"], 1);
    assert_eq!(page["webhooks"][0]["url"], "https://a.example/1");
}

#[tokio::test]
async fn only_administrators_have_to_do_with_webhooks() {
    let app = App::start().await;
    let (path, _) = made(&app, json!({"url": "https://a.example/"})).await;
    let fan = app.client.as_user(UserId::random());
    let body = json!({"url": "https://b.example/"});
    fan.post(PATH, body.clone()).await.expect(403);
    app.client.post(PATH, body).await.expect(401);
    fan.get(PATH).await.expect(403);
    for below in ["", "/log", "/deliveries"] {
        fan.get(&format!("{path}{below}")).await.expect(403);
    }
    for below in ["/test", "/replay", "/rotate-secret"] {
        fan.post(
            &format!("{path}{below}"),
            json!({"since": "2026-01-01T00:00:00Z"}),
        )
        .await
        .expect(403);
    }
    fan.patch(&path, json!({"active": false})).await.expect(403);
    fan.delete(&path).await.expect(403);
}

#[tokio::test]
async fn what_is_wrong_with_a_webhook_is_said() {
    let app = App::start().await;
    let long = "a".repeat(256);
    for (body, said) in [
        (json!({}), "url must not be blank"),
        (
            json!({"url": "hooks.example.com"}),
            "url must be an absolute URL without spaces, user name or fragment",
        ),
        (
            json!({"url": "ftp://a.example/"}),
            "url must begin with https://",
        ),
        (
            json!({"url": "https://a.example/", "types": ["reservation.created"]}),
            "types: \"reservation.created\" is none of reservation.confirmed, reservation.cancelled, \
             reservation.refunded, reservation.transferred",
        ),
        (
            json!({"url": "https://a.example/", "types": []}),
            "types must not be empty",
        ),
        (
            json!({"url": "https://a.example/", "description": long}),
            "description must be one line of at most 255 characters",
        ),
    ] {
        let answer = app.admin().post(PATH, body).await.expect(400);
        assert_eq!(answer.error(), said);
    }
    let (path, _) = made(&app, json!({"url": "https://a.example/"})).await;
    app.admin()
        .patch(&path, json!({"url": ""}))
        .await
        .expect(400);
    app.admin()
        .patch(&path, json!({"eventId": "x"}))
        .await
        .expect(400);
    app.admin().get(&format!("{PATH}/x")).await.expect(400);
    let rotate = format!("{path}/rotate-secret");
    for seconds in [-1, 7 * 86_400 + 1] {
        app.admin()
            .post(&rotate, json!({"overlapSeconds": seconds}))
            .await
            .expect(400);
    }
    let replay = format!("{path}/replay");
    app.admin().post(&replay, json!({})).await.expect(400);
    let turned = json!({"since": "2026-02-01T00:00:00Z", "until": "2026-01-01T00:00:00Z"});
    app.admin().post(&replay, turned).await.expect(400);
    app.admin()
        .get(&format!("{path}/deliveries?status=lost"))
        .await
        .expect(400);
}

#[tokio::test]
async fn addresses_inside_are_refused_where_they_are_not_allowed() {
    let app = App::with(&[]).await;
    let strict = app.strict();
    let admin = strict.as_admin(UserId(Uuid::from_u128(1)));
    for (url, said) in [
        ("http://hooks.example.com/", "url must begin with https://"),
        (
            "https://127.0.0.1/",
            "url must not lead to a private address",
        ),
        (
            "https://[::1]:8443/",
            "url must not lead to a private address",
        ),
        (
            "https://169.254.169.254/latest/meta-data",
            "url must not lead to a private address",
        ),
        (
            "https://localhost/",
            "url must not lead to a private address",
        ),
    ] {
        let answer = admin.post(PATH, json!({"url": url})).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{url}");
        assert_eq!(answer.error(), said, "{url}");
    }
    admin
        .post(PATH, json!({"url": "https://hooks.example.com/"}))
        .await
        .expect(201);
}

#[tokio::test]
async fn a_new_secret_is_shown_once_and_the_old_one_has_an_end() {
    let app = App::start().await;
    let (path, made) = made(&app, json!({"url": "https://a.example/"})).await;
    let rotate = format!("{path}/rotate-secret");
    let answer = app
        .admin()
        .post(&rotate, Value::Null)
        .await
        .expect(200)
        .body;
    assert_ne!(answer["secret"], made["secret"]);
    assert_eq!(
        answer["webhook"]["previousSecretExpiresAt"],
        "2026-03-02T03:00:00Z"
    );
    app.advance(86_400);
    let shown = app.admin().get(&path).await.expect(200).body;
    assert_eq!(shown["webhook"]["previousSecretExpiresAt"], Value::Null);
}
