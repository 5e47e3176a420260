//! A service refuses to start on a schema older than its own.

use std::borrow::Cow;

use sqlx::{
    SqlSafeStr,
    migrate::{Migration, MigrationType, Migrator},
};
use urr_kit::{
    config::Listen,
    database::{Database, ensure_schema, schema_version},
};
use urr_testkit::{database, wait_for};

fn migrator(versions: &[i64]) -> Migrator {
    let migrations = versions.iter().map(|version| {
        Migration::new(
            *version,
            Cow::Borrowed("test"),
            MigrationType::Simple,
            sqlx::AssertSqlSafe(format!("create table t{version} ()")).into_sql_str(),
            false,
        )
    });
    Migrator {
        migrations: Cow::Owned(migrations.collect()),
        ..Migrator::DEFAULT
    }
}

#[tokio::test]
async fn an_older_schema_is_refused_and_a_newer_one_accepted() {
    let database = database(&migrator(&[1, 2]), "two").await;
    assert_eq!(schema_version(&database.pool).await.ok(), Some(2));
    ensure_schema(&database.pool, &migrator(&[1]))
        .await
        .expect("newer than needed");
    ensure_schema(&database.pool, &migrator(&[1, 2]))
        .await
        .expect("as needed");
    let error = ensure_schema(&database.pool, &migrator(&[1, 2, 3]))
        .await
        .expect_err("too old");
    assert_eq!(
        error.to_string(),
        "the schema is at version 2, this program needs 3: run `urr migrate`"
    );
}

#[tokio::test]
async fn a_database_without_migrations_is_at_zero() {
    let database = database(
        &Migrator {
            no_tx: true,
            ..Migrator::DEFAULT
        },
        "empty",
    )
    .await;
    let error = ensure_schema(&database.pool, &migrator(&[1]))
        .await
        .expect_err("nothing there");
    assert!(error.to_string().contains("at version 0"), "{error}");
}

#[test]
fn both_forms_of_url_are_taken() {
    for url in [
        "postgres://tiketi_user@localhost:5434/ticket_db",
        "jdbc:postgresql://localhost:5434/ticket_db",
    ] {
        Database::new(url, None, None, 1).expect(url);
    }
    assert!(Database::new("mysql://localhost/x", None, None, 1).is_err());
    assert!(Database::new("not a url", None, None, 1).is_err());
}

#[tokio::test]
async fn whoever_waits_for_the_schema_is_alive_and_not_ready() {
    let database = database(&migrator(&[1]), "one").await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = free.local_addr().expect("an address");
    drop(free);
    let listen = Listen {
        address: address.ip(),
        port: address.port(),
        management_port: None,
    };
    let runtime = urr_testkit::runtime("waiting");
    let needed = migrator(&[1, 2]);
    let waiting = Database::new(&database.url, None, None, 2).expect("settings");
    let waiting = waiting.connect_when_current(&needed, &runtime, &listen);
    let asked = async {
        let status = async |path: &str| {
            let url = format!("http://{address}{path}");
            let answer = urr_kit::http_client().get(url).send().await.ok()?;
            Some(answer.status().as_u16())
        };
        wait_for("the probes", async || status("/livez").await == Some(200)).await;
        assert_eq!(status("/readyz").await, Some(503));
        needed.run(&database.pool).await.expect("the second step");
    };
    let (connected, ()) = tokio::join!(waiting, asked);
    connected.expect("the schema is current");
    // The port is the service's own again.
    std::net::TcpListener::bind(address).expect("a free port");
}

#[tokio::test]
async fn whoever_waits_for_the_schema_stops_when_asked() {
    let database = database(&migrator(&[1]), "one").await;
    let listen = Listen {
        address: std::net::Ipv4Addr::LOCALHOST.into(),
        port: 0,
        management_port: None,
    };
    let runtime = urr_testkit::runtime("waiting");
    runtime.tasks.cancel();
    let waiting = Database::new(&database.url, None, None, 2).expect("settings");
    let stopped = waiting
        .connect_when_current(&migrator(&[1, 2]), &runtime, &listen)
        .await;
    let error = stopped.expect_err("nobody migrates it");
    assert_eq!(error.to_string(), "stopped while waiting for the schema");
}
