//! `urr migrate` on a real Postgres.

use sqlx::migrate::Migrator;
use urr_testkit::TestDatabase;

use crate::command::{Ended, run, urr};

const VARIABLES: [&str; 7] = [
    "AUTH_DB_URL",
    "TICKET_DB_URL",
    "PAYMENT_DB_URL",
    "STATS_DB_URL",
    "COMMUNITY_DB_URL",
    "QUEUE_DB_URL",
    "BUS_DB_URL",
];

async fn empty_database() -> TestDatabase {
    let nothing = Migrator::with_migrations(Vec::new());
    urr_testkit::database(&nothing, "empty").await
}

async fn migrate(arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
    let mut command = urr(&["migrate"]);
    command.args(arguments).envs(variables.iter().copied());
    tokio::task::spawn_blocking(move || run(&mut command))
        .await
        .expect("the program was run")
}

#[tokio::test]
async fn all_databases_are_migrated_once() {
    let mut databases = Vec::new();
    for _ in VARIABLES {
        databases.push(empty_database().await);
    }
    let urls: Vec<_> = VARIABLES
        .into_iter()
        .zip(databases.iter().map(|database| database.url.as_str()))
        .collect();
    let first = migrate(&["--wait"], &urls).await;
    assert_eq!(first.code, Some(0), "{}", first.errors);
    assert_eq!(first.output.lines().count(), VARIABLES.len());
    assert!(
        first
            .output
            .lines()
            .all(|line| line.contains(": from version 0 to ")),
        "{}",
        first.output
    );
    let second = migrate(&[], &urls).await;
    assert_eq!(second.code, Some(0), "{}", second.errors);
    assert!(
        second
            .output
            .lines()
            .all(|line| line.contains(": nothing to do, version ")),
        "{}",
        second.output
    );
}

#[tokio::test]
async fn of_two_runners_one_does_the_work() {
    let database = empty_database().await;
    let urls = [("TICKET_DB_URL", database.url.as_str())];
    let (left, right) = tokio::join!(migrate(&["ticket"], &urls), migrate(&["ticket"], &urls));
    let outputs = [left, right].map(|ended| {
        assert_eq!(ended.code, Some(0), "{}", ended.errors);
        ended.output
    });
    let count = |words: &str| outputs.iter().filter(|text| text.contains(words)).count();
    assert_eq!(
        (count("from version 0"), count("nothing to do")),
        (1, 1),
        "{outputs:?}"
    );
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "the table is the migrator's own")]
async fn a_schema_of_a_newer_program_stays_as_it_is() {
    let database = empty_database().await;
    let urls = [("AUTH_DB_URL", database.url.as_str())];
    migrate(&["auth"], &urls).await;
    sqlx::query(
        "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
         values (9999, 'of a later release', true, '', 0)",
    )
    .execute(&database.pool)
    .await
    .unwrap();
    let ended = migrate(&["auth"], &urls).await;
    assert_eq!(ended.code, Some(0), "{}", ended.errors);
    assert!(
        ended.output.contains("nothing to do, version 9999"),
        "{}",
        ended.output
    );
}

#[tokio::test]
async fn a_database_without_a_url_is_named() {
    let ended = migrate(&[], &[]).await;
    assert_eq!(ended.code, Some(1));
    assert_eq!(ended.errors, "urr: AUTH_DB_URL is not set\n");
}

#[tokio::test]
async fn with_kafka_there_is_no_bus_to_migrate() {
    let mut variables = vec![("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9")];
    let mut databases = Vec::new();
    for _ in 1..VARIABLES.len() {
        databases.push(empty_database().await);
    }
    let names = VARIABLES.into_iter().filter(|name| *name != "BUS_DB_URL");
    variables.extend(names.zip(databases.iter().map(|database| database.url.as_str())));
    let ended = migrate(&[], &variables).await;
    assert_eq!(ended.code, Some(0), "{}", ended.errors);
    assert!(!ended.output.contains("bus_db"), "{}", ended.output);
}

#[tokio::test]
async fn a_database_that_is_away_is_named() {
    let nowhere = [("TICKET_DB_URL", "postgres://127.0.0.1:1/nowhere")];
    let ended = migrate(&["ticket"], &nowhere).await;
    assert_eq!(ended.code, Some(1));
    let expected = "urr: ticket_db cannot be reached: ";
    assert!(ended.errors.starts_with(expected), "{}", ended.errors);
}
