//! The service as a process would run it: from settings to shutdown.

use serde_json::{Value, json};
use urr_community::{Config, MIGRATIONS};
use urr_contract::UserId;
use urr_kit::engines::free_port;
use urr_testkit::{GATEWAY_TOKEN, INTERNAL_TOKEN, TestDatabase, help, settings, wait_for};

use crate::app::text;

/// Settings of a service without peers on that port.
fn config(database: &TestDatabase, bus: &TestDatabase, port: u16) -> Config {
    let nowhere = "http://127.0.0.1:1";
    settings([
        "community",
        "--port",
        &port.to_string(),
        "--bind-address",
        "127.0.0.1",
        "--db-url",
        &database.url,
        "--bus-db-url",
        &bus.url,
        "--internal-api-token",
        INTERNAL_TOKEN,
        "--gateway-token",
        GATEWAY_TOKEN,
        "--auth-service-url",
        nowhere,
        "--ticket-service-url",
        nowhere,
    ])
}

async fn publish(url: &str) -> String {
    let answer: Value = urr_kit::http_client()
        .post(format!("{url}/api/news"))
        .header("x-gateway-token", GATEWAY_TOKEN)
        .header("x-user-id", UserId::random().to_string())
        .header("x-user-role", "admin")
        .json(&json!({"title": "t", "content": "c", "author": "a"}))
        .send()
        .await
        .expect("answers")
        .json()
        .await
        .expect("JSON");
    format!("{url}/api/news/{}", text(&answer["news"]["id"]))
}

#[tokio::test]
async fn a_shutdown_writes_the_views_down() {
    let database = urr_testkit::database(&MIGRATIONS, "community").await;
    let bus = urr_testkit::database(&urr_kit::bus::embedded::MIGRATIONS, "bus").await;
    let runtime = urr_testkit::runtime("community");
    let port = free_port().expect("a free port");
    let service = urr_community::run(config(&database, &bus, port), runtime.clone());
    let url = format!("http://127.0.0.1:{port}");
    let get = async |url: &str| urr_kit::http_client().get(url).send().await;
    let reader = async {
        let ready = format!("{url}/readyz");
        wait_for("the service to be ready", async || {
            get(&ready)
                .await
                .is_ok_and(|answer| answer.status().is_success())
        })
        .await;
        let article = publish(&url).await;
        assert_eq!(get(&article).await.expect("answers").status(), 200);
        runtime.tasks.cancel();
    };
    let (stopped, ()) = tokio::join!(service, reader);
    stopped.expect("runs to its end");
    let views = sqlx::query_scalar!("select views from news")
        .fetch_one(&database.pool)
        .await
        .expect("one article");
    assert_eq!(views, 1);
    assert!(get(&url).await.is_err(), "the port is closed");
}

#[test]
fn the_help_is_the_reference() {
    insta::assert_snapshot!(help::<Config>("urr-community"));
}
