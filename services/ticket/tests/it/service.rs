//! The service as a process runs it: from settings to shutdown, with its jobs, its outbox
//! and its consumer.

use std::time::Duration;

use sqlx::PgPool;
use urr_contract::{FactId, topics::Topic};
use urr_kit::{
    Runtime,
    bus::{Bus, Message, embedded},
    engines::free_port,
};
use urr_testkit::{help, wait_for};
use urr_ticket::{Config, MIGRATIONS};

use crate::app::{App, Hold, captured, config, with_app};

#[test]
fn the_help_is_the_reference() {
    insta::assert_snapshot!(help::<Config>("urr-ticket"));
}

#[tokio::test]
async fn it_ends_holds_hears_of_payments_and_tells_of_both_until_it_is_stopped() {
    with_app(async |app| {
        let bus = urr_testkit::database(&embedded::MIGRATIONS, "bus").await;
        let port = free_port().unwrap();
        let arguments = [
            ("--port", port.to_string()),
            ("--bind-address", "127.0.0.1".to_owned()),
            ("--db-url", app.url.clone()),
            ("--redis-host", "127.0.0.1".to_owned()),
            ("--redis-port", app.redis.port().to_string()),
            ("--bus-db-url", bus.url.clone()),
            ("--reservation-cleanup-interval-ms", "50".to_owned()),
        ];
        let arguments: Vec<&str> = arguments
            .iter()
            .flat_map(|(name, value)| [*name, value.as_str()])
            .collect();
        let runtime = urr_testkit::runtime("ticket");
        let service = urr_ticket::run(config(&arguments), runtime.clone());
        let caller = async {
            let url = format!("http://127.0.0.1:{port}");
            wait_for("the service to be ready", async || {
                answers(&format!("{url}/readyz")).await.is_some()
            })
            .await;
            let (overdue, paid) = two_holds(app).await;
            app.overdue(overdue.id).await;
            tell(&bus.pool, &paid).await;
            wait_for("the hold to end and the payment to arrive", async || {
                app.stage(overdue.id).await == "expired/pending"
                    && app.stage(paid.id).await == "confirmed/completed"
            })
            .await;
            wait_for("all facts to be told", async || {
                untold(&app.pool).await == 0
            })
            .await;
            let metrics = answers(&format!("{url}/actuator/prometheus"))
                .await
                .unwrap();
            for line in [
                "business_reservation_expired_total 1",
                "business_reservation_confirmed_total 1",
            ] {
                assert!(metrics.contains(line), "{metrics}");
            }
            let health = answers(&format!("{url}/health")).await.unwrap();
            assert!(health.contains("\"kafka\":\"ok\""), "{health}");
            runtime.tasks.cancel();
        };
        let (stopped, ()) = tokio::join!(service, caller);
        stopped.unwrap();
    })
    .await;
}

async fn two_holds(app: &App) -> (Hold, Hold) {
    let (event, seats) = app.seated(2).await;
    let fan = app.fan(event);
    (fan.hold(seats[0]).await, fan.hold(seats[1]).await)
}

/// Payment tells, over the bus, that it captured the order of a hold.
async fn tell(bus: &PgPool, hold: &Hold) {
    let fact = captured(hold, "ORD-1");
    let message = Message {
        id: FactId::random(),
        topic: Topic::Payment.name().to_owned(),
        key: fact.key().unwrap(),
        payload: serde_json::to_string(&fact).unwrap(),
    };
    let runtime = Runtime::new("payment");
    Bus::embedded(&runtime, bus.clone(), Duration::from_hours(1))
        .publish(&[message])
        .await
        .unwrap();
}

async fn untold(pool: &PgPool) -> i64 {
    sqlx::query_scalar!(r#"select count(*) as "count!" from outbox where published_at is null"#)
        .fetch_one(pool)
        .await
        .unwrap()
}

/// The body of a successful answer.
async fn answers(url: &str) -> Option<String> {
    let answer = urr_kit::http_client().get(url).send().await.ok()?;
    let success = answer.status().is_success();
    answer.text().await.ok().filter(|_| success)
}

#[tokio::test]
async fn an_older_schema_is_refused_at_start() {
    let database = urr_testkit::database(&embedded::MIGRATIONS, "bus").await;
    let newest = MIGRATIONS.iter().map(|migration| migration.version).max();
    let config = config(&["--db-url", &database.url]);
    let (runtime, listen) = (urr_testkit::runtime("ticket"), config.http.listen());
    let error = config
        .database
        .connect(&MIGRATIONS, &runtime, &listen)
        .await
        .unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains(&format!("needs {}", newest.unwrap())),
        "{text}"
    );
}
