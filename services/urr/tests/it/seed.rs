//! `urr seed` on a real Postgres.

use sqlx::migrate::Migrator;

use crate::command::{Ended, run, urr};

async fn command(arguments: &'static [&str], url: &str) -> Ended {
    let mut command = urr(arguments);
    command
        .env("AUTH_DB_URL", url)
        .env("ADMIN_PASSWORD", "a-password-of-the-tests");
    tokio::task::spawn_blocking(move || run(&mut command))
        .await
        .expect("the program was run")
}

#[tokio::test]
#[expect(
    clippy::disallowed_methods,
    reason = "the view is Postgres' own and in no migration of ours"
)]
async fn it_gives_up_on_a_schema_that_is_not_there_unless_told_to_wait() {
    let nothing = Migrator::with_migrations(Vec::new());
    let database = urr_testkit::database(&nothing, "empty").await;
    let impatient = command(&["seed"], &database.url).await;
    assert_ne!(impatient.code, Some(0), "{}", impatient.output);

    let waiting = tokio::spawn({
        let url = database.url.clone();
        async move { command(&["seed", "--wait-for-schema"], &url).await }
    });
    let asks = || async {
        sqlx::query_scalar::<_, bool>(
            "select exists (select from pg_stat_activity
                            where datname = current_database() and query like '%_sqlx_migrations%'
                                and pid <> pg_backend_pid())",
        )
        .fetch_one(&database.pool)
        .await
        .expect("Postgres tells who is there")
    };
    urr_testkit::wait_for("the seed to ask for the schema", asks).await;
    assert!(!waiting.is_finished(), "there is no schema yet");
    let migrated = command(&["migrate", "auth"], &database.url).await;
    assert_eq!(migrated.code, Some(0), "{}", migrated.errors);
    let patient = waiting.await.expect("it was run");
    assert_eq!(patient.code, Some(0), "{}", patient.errors);
    assert!(
        patient.output.contains("administrator admin@urr.com: made"),
        "{}",
        patient.output
    );
}
