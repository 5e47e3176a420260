//! `urr migrate`: brings databases to the schema of this program, one runner at a time.

use std::time::Duration;

use anyhow::Context;
use sqlx::{
    Connection, PgConnection, PgPool,
    migrate::{Migration, Migrator},
};
use urr_kit::database::{schema_version, wait_until_reachable};

use crate::databases::{Databases, Name};

/// Key of the advisory lock; each database has its own lock of this key.
const LOCK: i64 = 0x7572_725f_6d69_6772;
/// Time between two tries to take it.
const LOCK_INTERVAL: Duration = Duration::from_millis(200);

/// Settings of `urr migrate`.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Args {
    /// Databases to migrate; all of them where none is named.
    #[arg(value_name = "DATABASE")]
    names: Vec<Name>,
    /// Waits up to 30 s for a database to answer instead of failing at once.
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    databases: Databases,
    /// With Kafka there is no embedded bus, so `bus` is not asked for.
    #[arg(
        long,
        env = "KAFKA_BOOTSTRAP_SERVERS",
        hide_env_values = true,
        value_name = "SERVERS"
    )]
    kafka_bootstrap_servers: Option<String>,
}

impl Args {
    /// What was named; without names everything, the bus only where it is in use.
    fn chosen(&self) -> Vec<Name> {
        if !self.names.is_empty() {
            return self.names.clone();
        }
        let kafka = self
            .kafka_bootstrap_servers
            .as_ref()
            .is_some_and(|servers| !servers.is_empty());
        Name::ALL
            .into_iter()
            .filter(|name| *name != Name::Bus || !kafka || self.databases.has(*name))
            .collect()
    }
}

/// Carries out the command; `say` is told what was done.
pub(crate) async fn run(args: &Args, say: impl Fn(&str)) -> anyhow::Result<()> {
    for name in args.chosen() {
        let pool = args.databases.pool(name)?;
        if args.wait {
            wait_until_reachable(&pool)
                .await
                .with_context(|| name.variable().to_owned())?;
        }
        say(&migrate(name, &pool).await?.to_string());
    }
    Ok(())
}

/// What was done to one database.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Report {
    name: Name,
    before: i64,
    after: i64,
    steps: Vec<String>,
}

impl Report {
    /// Whether any step was applied.
    pub(crate) fn did_something(&self) -> bool {
        !self.steps.is_empty()
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            name,
            before,
            after,
            steps,
        } = self;
        let database = name.database();
        if steps.is_empty() {
            return write!(f, "{database}: nothing to do, version {after}");
        }
        let steps = steps.join(", ");
        write!(f, "{database}: from version {before} to {after}: {steps}")
    }
}

/// Applies what is missing. A database that is newer than this program stays as it is: an
/// older program runs on a newer schema.
pub(crate) async fn migrate(name: Name, pool: &PgPool) -> anyhow::Result<Report> {
    let mut connection = pool
        .acquire()
        .await
        .with_context(|| format!("{} cannot be reached", name.database()))?
        .detach();
    lock(&mut connection).await?;
    let before = if is_new(&mut connection).await? {
        0
    } else {
        schema_version(pool).await?
    };
    let migrator = tolerant(name.migrations());
    migrator
        .run_direct(None, &mut connection, false)
        .await
        .with_context(|| format!("{} could not be migrated", name.database()))?;
    let after = schema_version(pool).await?;
    // The lock ends with the session.
    connection.close().await?;
    let steps = migrator
        .iter()
        .filter(|step| step.version > before)
        .map(title)
        .collect();
    Ok(Report {
        name,
        before,
        after,
        steps,
    })
}

fn title(step: &Migration) -> String {
    format!("{:04} {}", step.version, step.description)
}

/// The same steps, without refusing a schema that has later ones.
fn tolerant(migrations: &Migrator) -> Migrator {
    let mut migrator = Migrator::with_migrations(migrations.iter().cloned().collect());
    migrator.set_ignore_missing(true);
    migrator
}

/// Whether nothing was ever applied. Asked first, so that a new database logs no error.
#[expect(clippy::disallowed_methods, reason = "the table is the migrator's own")]
async fn is_new(connection: &mut PgConnection) -> anyhow::Result<bool> {
    sqlx::query_scalar("select to_regclass('_sqlx_migrations') is null")
        .fetch_one(connection)
        .await
        .context("cannot look for the table of migrations")
}

/// Takes the lock, asking again and again. A statement that waited for it would hold a
/// snapshot, and an index that is built concurrently waits for all of those to end: the two
/// runners would wait for each other.
#[expect(clippy::disallowed_methods, reason = "a statement without tables")]
async fn lock(connection: &mut PgConnection) -> anyhow::Result<()> {
    loop {
        let taken: bool = sqlx::query_scalar("select pg_try_advisory_lock($1)")
            .bind(LOCK)
            .fetch_one(&mut *connection)
            .await
            .context("cannot take the migration lock")?;
        if taken {
            return Ok(());
        }
        tokio::time::sleep(LOCK_INTERVAL).await;
    }
}
