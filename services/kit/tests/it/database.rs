//! A service refuses to start on a schema older than its own.

use std::borrow::Cow;

use sqlx::{
    SqlSafeStr,
    migrate::{Migration, MigrationType, Migrator},
};
use urr_kit::database::{Database, ensure_schema, schema_version};
use urr_testkit::database;

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
