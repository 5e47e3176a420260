//! Deliveries: signed, once each, tried again on a schedule, sent again on demand; and what an
//! endpoint that fails, hangs, lies or is somewhere else does to the others: nothing.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::Bytes,
    extract::State as Shared,
    response::{IntoResponse, Response},
    routing::post,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use futures::future::join_all;
use http::{
    HeaderMap, StatusCode,
    header::{LOCATION, RETRY_AFTER},
};
use jiff::SignedDuration;
use parking_lot::Mutex;
use serde_json::{Value, json};
use urr_community::{
    domain::webhook::signature::{Secret, signature},
    jobs, store,
};
use urr_contract::{EventId, FactId, facts::PaymentType};
use urr_testkit::wait_for;

use crate::{
    app::{App, text},
    told::Sale,
};

const PATH: &str = "/api/admin/webhooks";

/// How an organiser's server answers.
#[derive(Clone, Debug)]
enum Manner {
    Status(u16),
    AskToWait(u64),
    Redirect(String),
    Flood,
    Hang,
}

/// An organiser's server.
struct Organiser {
    url: String,
    manner: Mutex<Manner>,
    received: Mutex<Vec<(HeaderMap, String)>>,
}

impl Organiser {
    async fn start() -> Arc<Self> {
        let organiser = Arc::new(Mutex::new(None::<Arc<Self>>));
        let router = Router::new()
            .route("/hook", post(answer))
            .with_state(organiser.clone());
        let url = urr_testkit::serve(router).await + "/hook";
        let started = Arc::new(Self {
            url,
            manner: Mutex::new(Manner::Status(204)),
            received: Mutex::default(),
        });
        *organiser.lock() = Some(started.clone());
        started
    }

    fn behave(&self, manner: Manner) {
        *self.manner.lock() = manner;
    }

    fn received(&self) -> Vec<(HeaderMap, String)> {
        self.received.lock().clone()
    }

    /// Types of all that was received.
    fn types(&self) -> Vec<String> {
        self.received()
            .iter()
            .map(|(_, body)| serde_json::from_str(body).expect("JSON"))
            .map(|body: Value| text(&body["type"]).to_owned())
            .collect()
    }
}

async fn answer(
    Shared(organiser): Shared<Arc<Mutex<Option<Arc<Organiser>>>>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let organiser = organiser.lock().clone().expect("started");
    let body = String::from_utf8(body.to_vec()).expect("text");
    organiser.received.lock().push((headers, body));
    let manner = organiser.manner.lock().clone();
    match manner {
        Manner::Status(status) => StatusCode::from_u16(status)
            .expect("a status")
            .into_response(),
        Manner::AskToWait(seconds) => (
            StatusCode::SERVICE_UNAVAILABLE,
            [(RETRY_AFTER, seconds.to_string())],
        )
            .into_response(),
        Manner::Redirect(to) => (StatusCode::FOUND, [(LOCATION, to)]).into_response(),
        Manner::Flood => "x".repeat(8 << 20).into_response(),
        Manner::Hang => std::future::pending().await,
    }
}

/// A webhook to an organiser's server.
struct Webhook {
    path: String,
    secret: Secret,
}

async fn webhook(app: &App, organiser: &Organiser, more: Value) -> Webhook {
    let mut body = json!({"url": organiser.url});
    for (key, value) in more.as_object().expect("fields") {
        body[key] = value.clone();
    }
    let answer = app.admin().post(PATH, body).await.expect(201);
    Webhook {
        path: format!("{PATH}/{}", text(&answer.body["webhook"]["id"])),
        secret: secret(&answer.body["secret"]),
    }
}

fn secret(shown: &Value) -> Secret {
    let shown = text(shown).strip_prefix("whsec_").expect("the prefix");
    Secret::kept(BASE64_STANDARD.decode(shown).expect("base64"))
}

impl Webhook {
    async fn show(&self, app: &App) -> Value {
        app.admin().get(&self.path).await.expect(200).body["webhook"].clone()
    }

    async fn deliveries(&self, app: &App) -> Vec<Value> {
        let answer = app
            .admin()
            .get(&format!("{}/deliveries?limit=200", self.path))
            .await;
        answer.expect(200).body["deliveries"]
            .as_array()
            .expect("a list")
            .clone()
    }

    async fn only_delivery(&self, app: &App) -> Value {
        let mut deliveries = self.deliveries(app).await;
        assert_eq!(deliveries.len(), 1);
        deliveries.remove(0)
    }

    async fn details(&self, app: &App) -> Value {
        let id = self.only_delivery(app).await["id"].clone();
        let path = format!("{}/deliveries/{}", self.path, text(&id));
        app.admin().get(&path).await.expect(200).body
    }

    async fn post(&self, app: &App, below: &str, body: Value, status: u16) -> Value {
        let answer = app
            .admin()
            .post(&format!("{}{below}", self.path), body)
            .await;
        answer.expect(status).body
    }
}

async fn sell(app: &App) -> Sale {
    let sale = Sale::new(app);
    app.hear(FactId::random(), &sale.confirmed()).await;
    jobs::compose_notices::run(&app.state)
        .await
        .expect("composed");
    sale
}

async fn deliver(app: &App) {
    jobs::deliver_webhooks::run(&app.state)
        .await
        .expect("delivered");
}

#[tokio::test]
async fn a_message_is_signed_and_says_what_happened() {
    let app = App::start().await;
    let organiser = Organiser::start().await;
    let webhook = webhook(&app, &organiser, json!({})).await;
    let sale = sell(&app).await;
    deliver(&app).await;
    let (headers, body) = organiser.received().remove(0);
    let header = |name: &str| headers[name].to_str().expect("text").to_owned();
    let now = app.runtime.clock.now();
    assert_eq!(header("webhook-timestamp"), now.as_second().to_string());
    assert_eq!(header("content-type"), "application/json");
    let signed = signature([&webhook.secret], &header("webhook-id"), now, &body);
    assert_eq!(header("webhook-signature"), signed);
    let message: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!(message["type"], "reservation.confirmed");
    assert_eq!(message["id"], header("webhook-id"));
    assert_eq!(message["data"]["reservationNumber"], "R-20260301-7");
    assert_eq!(message["data"]["userId"], json!(sale.fan));
    assert!(
        !body.contains("아나") && !body.contains("example.com"),
        "nobody's name or address"
    );

    let details = webhook.details(&app).await;
    assert_eq!(details["body"], Value::String(body));
    assert_eq!(details["delivery"]["status"], "delivered");
    assert_eq!(details["delivery"]["responseStatus"], 204);
    assert_eq!(details["attempts"][0]["responseStatus"], 204);
}

#[tokio::test]
async fn each_kind_of_news_goes_to_those_who_want_it() {
    let app = App::start().await;
    let (all, refunds, elsewhere) = (
        Organiser::start().await,
        Organiser::start().await,
        Organiser::start().await,
    );
    let sale = Sale::new(&app);
    webhook(&app, &all, json!({"eventId": sale.event})).await;
    webhook(&app, &refunds, json!({"types": ["reservation.refunded"]})).await;
    webhook(&app, &elsewhere, json!({"eventId": EventId::random()})).await;
    for fact in [
        sale.confirmed(),
        sale.transferred(),
        sale.cancelled("Event was cancelled"),
        sale.rejected(),
        sale.refunded(PaymentType::Transfer),
        sale.refunded(PaymentType::Membership),
    ] {
        app.hear(FactId::random(), &fact).await;
        app.tell().await;
    }
    assert_eq!(
        all.types(),
        [
            "reservation.confirmed",
            "reservation.transferred",
            "reservation.cancelled",
            "reservation.refunded",
        ]
    );
    assert_eq!(refunds.types(), ["reservation.refunded"]);
    assert_eq!(elsewhere.types(), [""; 0]);
}

#[tokio::test]
async fn several_processes_deliver_each_message_once() {
    let app = App::start().await;
    let organiser = Organiser::start().await;
    let webhook = webhook(&app, &organiser, json!({})).await;
    for _ in 0..40 {
        sell(&app).await;
    }
    join_all((0..4).map(|_| deliver(&app))).await;
    deliver(&app).await;
    let mut ids: Vec<_> = organiser
        .received()
        .iter()
        .map(|(headers, _)| headers["webhook-id"].to_str().expect("text").to_owned())
        .collect();
    assert_eq!(ids.len(), 40);
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 40);
    let deliveries = webhook.deliveries(&app).await;
    assert!(deliveries.iter().all(|delivery| delivery["attempts"] == 1));
}

#[tokio::test]
async fn a_failure_is_tried_again_with_the_same_bytes_until_it_arrives() {
    let app = App::start().await;
    let organiser = Organiser::start().await;
    let webhook = webhook(&app, &organiser, json!({})).await;
    organiser.behave(Manner::Status(500));
    sell(&app).await;
    deliver(&app).await;
    let delivery = webhook.only_delivery(&app).await;
    assert_eq!(delivery["status"], "pending");
    assert_eq!(delivery["error"], "status 500");
    assert!(!delivery["nextAttemptAt"].is_null());
    assert_eq!(
        webhook.show(&app).await["failingSince"],
        "2026-03-01T03:00:00Z"
    );
    app.advance(4);
    deliver(&app).await;
    assert_eq!(organiser.received().len(), 1, "the pause is kept");

    app.advance(2);
    organiser.behave(Manner::Status(200));
    deliver(&app).await;
    let received = organiser.received();
    assert_eq!(received.len(), 2);
    assert_eq!(received[0].1, received[1].1);
    assert_eq!(received[0].0["webhook-id"], received[1].0["webhook-id"]);
    assert_ne!(
        received[0].0["webhook-signature"],
        received[1].0["webhook-signature"]
    );
    let details = webhook.details(&app).await;
    assert_eq!(details["delivery"]["status"], "delivered");
    assert_eq!(details["attempts"].as_array().expect("tries").len(), 2);
    assert_eq!(webhook.show(&app).await["failingSince"], Value::Null);
}

#[tokio::test]
async fn an_endpoint_may_ask_us_to_wait() {
    let app = App::start().await;
    let organiser = Organiser::start().await;
    let webhook = webhook(&app, &organiser, json!({})).await;
    organiser.behave(Manner::AskToWait(600));
    sell(&app).await;
    deliver(&app).await;
    let delivery = webhook.only_delivery(&app).await;
    assert_eq!(delivery["nextAttemptAt"], "2026-03-01T03:10:00Z");
}

#[tokio::test]
async fn after_three_days_a_delivery_is_given_up_and_the_endpoint_switched_off() {
    let app = App::start().await;
    let organiser = Organiser::start().await;
    let webhook = webhook(&app, &organiser, json!({})).await;
    organiser.behave(Manner::Status(503));
    sell(&app).await;
    for _ in 0..10 {
        deliver(&app).await;
        app.advance(27 * 3_600);
    }
    assert_eq!(organiser.received().len(), 10);
    let delivery = webhook.only_delivery(&app).await;
    assert_eq!(delivery["status"], "failed");
    assert_eq!(delivery["attempts"], 10);
    let shown = webhook.show(&app).await;
    assert_eq!(shown["active"], false);
    assert_eq!(
        shown["disabledReason"],
        "Nothing was delivered since 2026-03-01T03:00:00Z"
    );
    let log = app
        .admin()
        .get(&format!("{}/log", webhook.path))
        .await
        .expect(200)
        .body;
    assert_eq!(log["log"][0]["action"], "DISABLE_WEBHOOK");
    assert_eq!(log["log"][0]["adminUserId"], Value::Null);

    // What comes meanwhile is kept, and nothing of it is sent.
    sell(&app).await;
    deliver(&app).await;
    assert_eq!(organiser.received().len(), 10);
    let error = app
        .admin()
        .post(&format!("{}/test", webhook.path), Value::Null)
        .await;
    assert_eq!(error.expect(409).error(), "Webhook is switched off");

    organiser.behave(Manner::Status(200));
    app.admin()
        .patch(&webhook.path, json!({"active": true}))
        .await
        .expect(200);
    assert_eq!(webhook.show(&app).await["disabledAt"], Value::Null);
    let since = json!({"since": "2026-03-01T00:00:00Z"});
    app.advance(1);
    let answer = webhook.post(&app, "/replay", since, 202).await;
    assert_eq!(answer, json!({"replayed": 2}));
    deliver(&app).await;
    assert_eq!(organiser.received().len(), 12);
    let deliveries = webhook.deliveries(&app).await;
    assert!(
        deliveries
            .iter()
            .all(|delivery| delivery["status"] == "delivered")
    );
}

#[tokio::test]
async fn an_endpoint_that_is_gone_is_switched_off_at_once() {
    let app = App::start().await;
    let organiser = Organiser::start().await;
    let webhook = webhook(&app, &organiser, json!({})).await;
    organiser.behave(Manner::Status(410));
    sell(&app).await;
    sell(&app).await;
    deliver(&app).await;
    let shown = webhook.show(&app).await;
    assert_eq!(shown["active"], false);
    assert_eq!(shown["disabledReason"], "It answered 410: it wants no more");
    let deliveries = webhook.deliveries(&app).await;
    assert!(
        deliveries
            .iter()
            .all(|delivery| delivery["nextAttemptAt"].is_null())
    );
}

#[tokio::test]
async fn an_endpoint_that_hangs_holds_nobody_up() {
    let app = App::start().await;
    let (hanging, well) = (Organiser::start().await, Organiser::start().await);
    hanging.behave(Manner::Hang);
    webhook(&app, &hanging, json!({})).await;
    webhook(&app, &well, json!({})).await;
    for _ in 0..20 {
        sell(&app).await;
    }
    let delivering = deliver(&app);
    let watching = async {
        wait_for("everything else to arrive", async || {
            well.received().len() == 20
        })
        .await;
        assert!(hanging.received().len() <= 4, "few at a time");
        // Also what comes while it hangs.
        sell(&app).await;
        wait_for("the next to arrive", async || well.received().len() == 21).await;
        app.runtime.tasks.cancel();
        hanging.behave(Manner::Status(200));
    };
    tokio::select! {
        () = async { delivering.await; std::future::pending::<()>().await } => {}
        () = watching => {}
    }
}

#[tokio::test]
async fn one_that_fails_is_left_alone_for_a_while_and_gets_one_at_a_time() {
    let app = App::start().await;
    let organiser = Organiser::start().await;
    webhook(&app, &organiser, json!({})).await;
    organiser.behave(Manner::Status(500));
    for _ in 0..20 {
        sell(&app).await;
    }
    deliver(&app).await;
    let first = organiser.received().len();
    assert!(first <= 4, "{first} although the first failed");
    deliver(&app).await;
    assert_eq!(organiser.received().len(), first, "it rests");
    app.advance(9);
    deliver(&app).await;
    assert_eq!(
        organiser.received().len(),
        first + 1,
        "one to see whether it is back"
    );
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let app = App::start().await;
    let (organiser, other) = (Organiser::start().await, Organiser::start().await);
    let webhook = webhook(&app, &organiser, json!({})).await;
    organiser.behave(Manner::Redirect(other.url.clone()));
    sell(&app).await;
    deliver(&app).await;
    assert_eq!(webhook.only_delivery(&app).await["error"], "status 302");
    assert_eq!(other.received().len(), 0);
}

#[tokio::test]
async fn of_a_flood_only_the_beginning_is_read() {
    let app = App::start().await;
    let organiser = Organiser::start().await;
    let webhook = webhook(&app, &organiser, json!({})).await;
    organiser.behave(Manner::Flood);
    sell(&app).await;
    deliver(&app).await;
    let details = webhook.details(&app).await;
    assert_eq!(details["delivery"]["status"], "delivered");
    assert_eq!(
        text(&details["attempts"][0]["responseExcerpt"]).len(),
        1_000
    );
}

#[tokio::test]
async fn a_name_that_leads_inside_is_not_called() {
    let app = App::start().await;
    let organiser = Organiser::start().await;
    // By a name, as whoever changes a record of DNS after a check would do.
    let by_name = organiser.url.replace("127.0.0.1", "localhost");
    let body = json!({"url": by_name});
    let answer = app.admin().post(PATH, body).await.expect(201);
    let webhook = Webhook {
        path: format!("{PATH}/{}", text(&answer.body["webhook"]["id"])),
        secret: secret(&answer.body["secret"]),
    };
    sell(&app).await;
    let strict = app.twin(|config| config.webhook_allow_private = false);
    jobs::deliver_webhooks::run(&strict).await.expect("ran");
    assert_eq!(organiser.received().len(), 0);
    let delivery = webhook.only_delivery(&app).await;
    assert_eq!(delivery["status"], "pending");
    assert!(delivery["responseStatus"].is_null());
    app.advance(60);
    deliver(&app).await;
    assert_eq!(
        organiser.received().len(),
        1,
        "where it is allowed it arrives"
    );
}

#[tokio::test]
async fn a_process_that_dies_while_delivering_delivers_again() {
    let app = App::start().await;
    let organiser = Organiser::start().await;
    let webhook = webhook(&app, &organiser, json!({})).await;
    sell(&app).await;
    let now = app.runtime.clock.now();
    let lease = SignedDuration::from_mins(1);
    let claimed = store::webhook_deliveries::claim(&app.pool, now, lease, 10, 4).await;
    assert_eq!(claimed.expect("claimed").len(), 1);
    deliver(&app).await;
    assert_eq!(organiser.received().len(), 0, "it is somebody else's");
    app.advance(60);
    deliver(&app).await;
    assert_eq!(organiser.received().len(), 1);
    assert_eq!(webhook.only_delivery(&app).await["attempts"], 2);
}

#[tokio::test]
async fn a_test_is_sent_and_seen_in_the_log() {
    let app = App::start().await;
    let organiser = Organiser::start().await;
    let webhook = webhook(&app, &organiser, json!({})).await;
    let answer = webhook.post(&app, "/test", Value::Null, 202).await;
    assert_eq!(answer["delivery"]["type"], "webhook.test");
    deliver(&app).await;
    assert_eq!(organiser.types(), ["webhook.test"]);
    assert_eq!(webhook.only_delivery(&app).await["status"], "delivered");
}

#[tokio::test]
async fn a_replay_sends_the_same_message_under_the_same_id() {
    let app = App::start().await;
    let organiser = Organiser::start().await;
    let webhook = webhook(&app, &organiser, json!({})).await;
    sell(&app).await;
    deliver(&app).await;
    let id = webhook.only_delivery(&app).await["id"].clone();
    let below = format!("/deliveries/{}/replay", text(&id));
    let answer = webhook.post(&app, &below, Value::Null, 202).await;
    assert_eq!(answer["delivery"]["status"], "pending");
    deliver(&app).await;
    let received = organiser.received();
    assert_eq!(received.len(), 2);
    assert_eq!(received[0].1, received[1].1);
    assert_eq!(received[0].0["webhook-id"], received[1].0["webhook-id"]);
    let details = webhook.details(&app).await;
    assert_eq!(details["attempts"].as_array().expect("tries").len(), 2);
    webhook
        .post(
            &app,
            "/deliveries/00000000-0000-0000-0000-000000000000/replay",
            Value::Null,
            404,
        )
        .await;
}

#[tokio::test]
async fn a_range_is_replayed_with_or_without_what_has_arrived() {
    let app = App::start().await;
    let organiser = Organiser::start().await;
    let webhook = webhook(&app, &organiser, json!({})).await;
    sell(&app).await;
    deliver(&app).await;
    app.advance(3_600);
    sell(&app).await;
    deliver(&app).await;
    app.advance(3_600);
    let replay =
        async |body: Value| webhook.post(&app, "/replay", body, 202).await["replayed"].clone();
    assert_eq!(replay(json!({"since": "2026-03-01T03:00:00Z"})).await, 0);
    let later = json!({"since": "2026-03-01T04:00:00Z", "includeDelivered": true});
    assert_eq!(replay(later).await, 1);
    let earlier = json!({
        "since": "2026-03-01T03:00:00Z", "until": "2026-03-01T04:00:00Z", "includeDelivered": true,
    });
    assert_eq!(replay(earlier).await, 1);
    deliver(&app).await;
    assert_eq!(organiser.received().len(), 4);
}

#[tokio::test]
async fn while_a_secret_changes_both_sign() {
    let app = App::start().await;
    let organiser = Organiser::start().await;
    let webhook = webhook(&app, &organiser, json!({})).await;
    let answer = webhook
        .post(&app, "/rotate-secret", json!({"overlapSeconds": 60}), 200)
        .await;
    let new = secret(&answer["secret"]);
    let signatures = async || {
        webhook.post(&app, "/test", Value::Null, 202).await;
        deliver(&app).await;
        let (headers, body) = organiser.received().pop().expect("a message");
        let id = headers["webhook-id"].to_str().expect("text");
        let sign = |secrets: &[&Secret]| {
            signature(secrets.iter().copied(), id, app.runtime.clock.now(), &body)
        };
        let sent = headers["webhook-signature"]
            .to_str()
            .expect("text")
            .to_owned();
        (sent, sign(&[&new, &webhook.secret]), sign(&[&new]))
    };
    let (sent, both, _) = signatures().await;
    assert_eq!(sent, both);
    app.advance(60);
    let (sent, _, alone) = signatures().await;
    assert_eq!(sent, alone);
}

#[tokio::test]
async fn switching_off_takes_what_waits_off_and_keeps_it_for_a_replay() {
    let app = App::start().await;
    let organiser = Organiser::start().await;
    let webhook = webhook(&app, &organiser, json!({})).await;
    sell(&app).await;
    app.admin()
        .patch(&webhook.path, json!({"active": false}))
        .await
        .expect(200);
    sell(&app).await;
    deliver(&app).await;
    assert_eq!(organiser.received().len(), 0);
    let deliveries = webhook.deliveries(&app).await;
    assert_eq!(deliveries.len(), 2);
    assert!(
        deliveries
            .iter()
            .all(|delivery| delivery["status"] == "skipped")
    );
    let path = format!(
        "{}/deliveries?status=skipped&type=reservation.confirmed&limit=1",
        webhook.path
    );
    let page = app.admin().get(&path).await.expect(200).body;
    assert_eq!(page["pagination"]["total"], 2);
}

#[tokio::test]
async fn deliveries_are_forgotten_after_a_month_with_their_tries() {
    let app = App::start().await;
    let organiser = Organiser::start().await;
    let webhook = webhook(&app, &organiser, json!({})).await;
    sell(&app).await;
    deliver(&app).await;
    app.advance(30 * 86_400 + 1);
    jobs::purge::run(&app.state).await.expect("purged");
    assert_eq!(webhook.deliveries(&app).await.len(), 0);
    let tries = sqlx::query_scalar!(r#"select count(*) as "count!" from webhook_attempts"#)
        .fetch_one(&app.pool)
        .await
        .expect("counted");
    assert_eq!(tries, 0);
}

#[tokio::test]
async fn nobody_there_is_a_failure_that_says_so() {
    let app = App::start().await;
    let organiser = Organiser::start().await;
    let webhook = webhook(&app, &organiser, json!({"url": "http://127.0.0.1:1/"})).await;
    sell(&app).await;
    tokio::time::timeout(Duration::from_mins(1), deliver(&app))
        .await
        .expect("it ends");
    let delivery = webhook.only_delivery(&app).await;
    assert!(text(&delivery["error"]).contains("no answer"), "{delivery}");
    assert!(delivery["responseStatus"].is_null());
}
