//! Settings: what is refused at start.

use urr_auth::{MIGRATIONS, State};

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
