//! Postgres: settings, the pool, the check of the schema's version.

use std::{str::FromStr, sync::Arc, time::Duration};

use anyhow::Context;
use parking_lot::RwLock;
use sqlx::{
    PgPool,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tracing::info;

use crate::{Runtime, config::Listen, serve, telemetry::chain};

/// Pause before a schema that is too old is looked at again.
const SCHEMA_PAUSE: Duration = Duration::from_millis(500);
/// How long a request waits for a connection before it answers 503.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a service waits at start for its database to appear.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// Declares the clap group of one database: `<PREFIX>_URL`, `_USERNAME`, `_PASSWORD`, `_POOL_MAX`.
#[macro_export]
macro_rules! database_args {
    ($visibility:vis $name:ident, $prefix:literal) => {
        /// The database of this service.
        #[derive(clap::Args, Clone, Debug)]
        $visibility struct $name {
            /// Where it is: `postgres://user:password@host/database` or `jdbc:postgresql://host/database`.
            #[arg(long = "db-url", env = concat!($prefix, "_URL"), hide_env_values = true)]
            pub db_url: String,
            /// User name, where the URL has none.
            #[arg(long = "db-username", env = concat!($prefix, "_USERNAME"), hide_env_values = true)]
            pub db_username: Option<String>,
            /// Password, where the URL has none. `@/path` reads it from a file.
            #[arg(long = "db-password", env = concat!($prefix, "_PASSWORD"), hide_env_values = true,
                  value_parser = $crate::config::parse_secret)]
            pub db_password: Option<secrecy::SecretString>,
            /// Most connections.
            #[arg(long = "db-pool-max", env = concat!($prefix, "_POOL_MAX"), default_value_t = 10,
                  hide_env_values = true)]
            pub db_pool_max: u32,
            /// Waits as long as it takes for the database and its schema, alive and not ready,
            /// instead of giving up.
            #[arg(long, env = "WAIT_FOR_SCHEMA", hide_env_values = true)]
            pub wait_for_schema: bool,
        }

        impl $name {
            /// The settings in the form that connects.
            pub fn database(&self) -> anyhow::Result<$crate::database::Database> {
                $crate::database::Database::new(
                    &self.db_url,
                    self.db_username.as_deref(),
                    self.db_password.as_ref(),
                    self.db_pool_max,
                )
            }

            /// A pool, once the database answers and its schema is as new as this program.
            /// With `--wait-for-schema` the probes are answered on `listen` until then.
            pub async fn connect(
                &self,
                migrations: &sqlx::migrate::Migrator,
                runtime: &$crate::Runtime,
                listen: &$crate::config::Listen,
            ) -> anyhow::Result<sqlx::PgPool> {
                let database = self.database()?;
                if self.wait_for_schema {
                    database.connect_when_current(migrations, runtime, listen).await
                } else {
                    database.connect(migrations).await
                }
            }
        }
    };
}

/// Where a database is and how many connections may go there.
#[derive(Clone, Debug)]
pub struct Database {
    options: PgConnectOptions,
    pool_max: u32,
}

impl Database {
    /// From settings. Both URL forms of the contract are taken.
    pub fn new(
        url: &str,
        username: Option<&str>,
        password: Option<&secrecy::SecretString>,
        pool_max: u32,
    ) -> anyhow::Result<Self> {
        use secrecy::ExposeSecret;
        let url = url.strip_prefix("jdbc:").unwrap_or(url);
        anyhow::ensure!(
            url.starts_with("postgres://") || url.starts_with("postgresql://"),
            "the database URL must begin with postgres://, postgresql:// or jdbc:postgresql://"
        );
        let mut options =
            PgConnectOptions::from_str(url).context("the database URL cannot be read")?;
        if let Some(username) = username {
            options = options.username(username);
        }
        if let Some(password) = password {
            options = options.password(password.expose_secret());
        }
        Ok(Self {
            options,
            pool_max: pool_max.max(1),
        })
    }

    /// A pool that connects when it is first used.
    pub fn lazy_pool(&self) -> PgPool {
        PgPoolOptions::new()
            .max_connections(self.pool_max)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .idle_timeout(Duration::from_mins(2))
            .connect_lazy_with(self.options.clone())
    }

    /// A pool, once the database answers (at most 30 s) and its schema is as new as this program.
    pub async fn connect(&self, migrations: &Migrator) -> anyhow::Result<PgPool> {
        let pool = self.lazy_pool();
        wait_until_reachable(&pool).await?;
        ensure_schema(&pool, migrations).await?;
        Ok(pool)
    }
}

impl Database {
    /// A pool, once the database answers and its schema is as new as this program, however
    /// long that takes. Until then the probes are answered: alive, not ready.
    pub async fn connect_when_current(
        &self,
        migrations: &Migrator,
        runtime: &Runtime,
        listen: &Listen,
    ) -> anyhow::Result<PgPool> {
        let pool = self.lazy_pool();
        let lacks = Arc::new(RwLock::new("the database was not asked yet".to_owned()));
        let current = {
            let (pool, lacks) = (pool.clone(), Arc::clone(&lacks));
            async move {
                wait_until_current(&pool, migrations, |reason| *lacks.write() = reason).await;
            }
        };
        serve::while_waiting(runtime, listen, "schema", lacks, current).await?;
        Ok(pool)
    }
}

/// Waits until the database answers, at most 30 s.
pub async fn wait_until_reachable(pool: &PgPool) -> anyhow::Result<()> {
    let deadline = std::time::Instant::now() + START_TIMEOUT;
    loop {
        match pool.acquire().await {
            Ok(_) => return Ok(()),
            Err(error) if std::time::Instant::now() >= deadline => {
                return Err(error).context("the database does not answer");
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
        }
    }
}

/// Waits until the database answers and its schema is as new as this program's newest
/// migration, however long that takes. `lacks` is told each new reason why it is not.
pub async fn wait_until_current(pool: &PgPool, migrations: &Migrator, lacks: impl Fn(String)) {
    let mut before = String::new();
    while let Err(error) = ensure_schema(pool, migrations).await {
        let reason = chain(&*error);
        if reason != before {
            info!(reason, "waits for the database");
            lacks(reason.clone());
            before = reason;
        }
        tokio::time::sleep(SCHEMA_PAUSE).await;
    }
}

/// Refuses a schema older than this program's newest migration.
pub async fn ensure_schema(pool: &PgPool, migrations: &Migrator) -> anyhow::Result<()> {
    let needed = migrations
        .iter()
        .map(|migration| migration.version)
        .max()
        .unwrap_or(0);
    let present = schema_version(pool).await?;
    anyhow::ensure!(
        present >= needed,
        "the schema is at version {present}, this program needs {needed}: run `urr migrate`"
    );
    Ok(())
}

/// Version of the newest migration that was applied, 0 where none was.
#[expect(
    clippy::disallowed_methods,
    reason = "the table is the migrator's own and in no migration of ours"
)]
pub async fn schema_version(pool: &PgPool) -> anyhow::Result<i64> {
    let row: Result<(Option<i64>,), sqlx::Error> =
        sqlx::query_as("select max(version) from _sqlx_migrations where success")
            .fetch_one(pool)
            .await;
    match row {
        Ok((version,)) => Ok(version.unwrap_or(0)),
        // 42P01: no such table, so nothing was ever applied.
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("42P01") => Ok(0),
        Err(error) => Err(error).context("cannot read the schema's version"),
    }
}

/// Whether an error speaks of the server, the way to it or of concurrency, so that the same
/// statement may succeed a moment later.
pub fn is_passing(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(error) => error.code().is_some_and(|code| is_passing_code(&code)),
        _ => false,
    }
}

fn is_passing_code(code: &str) -> bool {
    // Connection failures, resources, start-up and shutdown; then a serialization failure, a
    // deadlock, a lock not granted in time, and a primary that has become a standby.
    ["08", "53", "57P"]
        .iter()
        .any(|class| code.starts_with(class))
        || ["40001", "40P01", "55P03", "25006"].contains(&code)
}

/// Name of the constraint that an error says was violated.
pub fn constraint(error: &sqlx::Error) -> Option<&str> {
    error.as_database_error()?.constraint()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_the_server_and_of_concurrency_are_passing() {
        for code in [
            "08006", "57P01", "57P03", "53300", "40001", "40P01", "55P03",
        ] {
            assert!(is_passing_code(code), "{code}");
        }
        for code in ["23505", "22003", "25P02", "57014", "42P01"] {
            assert!(!is_passing_code(code), "{code}");
        }
    }
}
