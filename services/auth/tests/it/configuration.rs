//! Settings, and the service as a process runs it: from start to shutdown.

use urr_auth::{Config, MIGRATIONS, State};
use urr_kit::engines::free_port;
use urr_testkit::{help, wait_for};

use crate::app::{App, config};

#[tokio::test]
async fn a_weak_key_is_refused_at_start() {
    let database = urr_testkit::database(&MIGRATIONS, "auth").await;
    let runtime = urr_testkit::runtime("auth");
    let mut config = config(&database, &[]);
    config.sessions.jwt_secret = "short".to_owned().into();
    let error = State::new(&config, database.pool, &runtime).expect_err("refused");
    assert_eq!(
        error.to_string(),
        "JWT_SECRET: secret has 5 bytes, at least 32 are needed"
    );
}

#[tokio::test]
async fn unknown_paths_and_methods_are_json() {
    let app = App::start().await;
    let answer = app.client.get("/api/auth/nothing").await.expect(404);
    assert_eq!(answer.error(), "Not found");
    let answer = app.client.get("/api/auth/login").await.expect(405);
    assert_eq!(answer.error(), "Method not allowed");
}

#[tokio::test]
async fn health_reports_postgres() {
    let database = urr_testkit::database(&MIGRATIONS, "auth").await;
    let runtime = urr_testkit::runtime("auth");
    let health = urr_kit::health::Health::new(&runtime).postgres("postgresql", &database.pool);
    let client = urr_testkit::Client::new(health.router());
    let answer = client.get("/health").await.expect(200);
    assert_eq!(answer.body["service"], "auth-service");
    assert_eq!(answer.body["dependencies"]["postgresql"], "ok");
}

#[test]
fn the_help_is_the_reference() {
    insta::assert_snapshot!(help::<Config>("urr-auth"));
}

#[tokio::test]
async fn the_service_runs_until_it_is_told_to_stop() {
    let database = urr_testkit::database(&MIGRATIONS, "auth").await;
    let runtime = urr_testkit::runtime("auth");
    let port = free_port().expect("a free port");
    let config = config(
        &database,
        &["--port", &port.to_string(), "--bind-address", "127.0.0.1"],
    );
    let running = runtime.clone();
    let service = async move { urr_auth::run(config, running).await.expect("runs") };
    let url = format!("http://127.0.0.1:{port}");
    let get = async |path: &str| {
        urr_kit::http_client()
            .get(format!("{url}{path}"))
            .send()
            .await
    };
    let caller = async {
        wait_for("the service to be ready", async || {
            get("/readyz")
                .await
                .is_ok_and(|answer| answer.status().is_success())
        })
        .await;
        let metrics = get("/actuator/prometheus").await.expect("answers");
        let metrics = metrics.text().await.expect("text");
        assert!(metrics.contains("urr_auth_logins_total 0"), "{metrics}");
        assert_eq!(get("/api/auth/me").await.expect("answers").status(), 401);
        runtime.tasks.cancel();
    };
    tokio::join!(service, caller);
    assert!(get("/readyz").await.is_err(), "the port is closed");
}
