//! One Postgres for the test binary, a database for each test, a Redis for each that asks.

use std::{
    collections::HashMap,
    process::{Child, Command, Stdio},
    sync::{OnceLock, mpsc},
    time::Duration,
};

use parking_lot::Mutex;
use redis::aio::ConnectionLike;
use sqlx::{
    AssertSqlSafe, Connection, PgConnection, PgPool, migrate::Migrator, postgres::PgPoolOptions,
};
use tempfile::TempDir;
use urr_kit::{
    config::RedisArgs,
    engines::{Durability, Postgres, RedisServer, free_port},
};
use uuid::Uuid;

/// How often a start is tried where somebody else took the free port in between.
const START_ATTEMPTS: usize = 5;
/// Names of directories begin so; the process id follows.
const DIRECTORY_PREFIX: &str = "urr-test-";
/// How long an engine may take to answer.
const START_PATIENCE: Duration = Duration::from_mins(1);

/// The test binary's Postgres and the templates made in it so far.
struct Shared {
    postgres: Postgres,
    templates: tokio::sync::Mutex<HashMap<String, String>>,
    // Removed with the process; the cluster's files are not kept.
    _directory: TempDir,
}

/// A database of one test's own.
#[derive(Clone, Debug)]
pub struct TestDatabase {
    /// Connections to it.
    pub pool: PgPool,
    /// Where it is.
    pub url: String,
}

/// A new database with the schema of `migrations`. `name` is that of the database's
/// folder under `migrations/`.
pub async fn database(migrations: &Migrator, name: &str) -> TestDatabase {
    let shared = shared();
    let template = template(shared, migrations, name).await;
    let database = format!("test_{}", Uuid::new_v4().simple());
    admin(
        &shared.postgres,
        &format!("create database {database} template {template}"),
    )
    .await;
    let url = shared.postgres.url(&database);
    let pool = PgPoolOptions::new()
        .max_connections(16)
        .acquire_timeout(Duration::from_secs(30))
        .connect_lazy(&url)
        .expect("a URL of our own");
    TestDatabase { pool, url }
}

/// Name of the template with that schema, made the first time it is asked for.
async fn template(shared: &Shared, migrations: &Migrator, name: &str) -> String {
    let mut templates = shared.templates.lock().await;
    if let Some(template) = templates.get(name) {
        return template.clone();
    }
    let template = format!("template_{name}");
    admin(&shared.postgres, &format!("create database {template}")).await;
    let mut connection = PgConnection::connect(&shared.postgres.url(&template))
        .await
        .expect("the template can be reached");
    migrations
        .run_direct(None, &mut connection, false)
        .await
        .expect("the migrations apply to an empty database");
    connection.close().await.expect("closes");
    templates.insert(name.to_owned(), template.clone());
    template
}

#[expect(
    clippy::disallowed_methods,
    reason = "statements about databases cannot be checked against one"
)]
async fn admin(postgres: &Postgres, statement: &str) {
    let mut connection = connect(&postgres.url("postgres")).await;
    sqlx::query(AssertSqlSafe(statement.to_owned()))
        .execute(&mut connection)
        .await
        .expect("a statement of our own");
    connection.close().await.expect("closes");
}

/// A connection, waiting while the server accepts sockets but still starts (57P03).
async fn connect(url: &str) -> PgConnection {
    loop {
        match PgConnection::connect(url).await {
            Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("57P03") => {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            result => return result.expect("Postgres answers"),
        }
    }
}

fn shared() -> &'static Shared {
    static SHARED: OnceLock<Shared> = OnceLock::new();
    SHARED.get_or_init(|| {
        remove_what_dead_runs_left();
        let directory = world_readable_directory();
        let (postgres, _) = start(|port| {
            let data = directory.path().join(format!("postgres-{port}"));
            let postgres = Postgres::new(&data, port, "test", Durability::None)?;
            postgres.prepare()?;
            let command = postgres.command();
            Ok((postgres, command))
        });
        Shared {
            postgres,
            templates: tokio::sync::Mutex::default(),
            _directory: directory,
        }
    })
}

/// Removes directories of test processes that ended: a static is never dropped, so a run
/// cannot remove its own cluster.
fn remove_what_dead_runs_left() {
    let Ok(entries) = std::fs::read_dir(std::env::temp_dir()) else {
        return;
    };
    let dead = entries.filter_map(Result::ok).filter(|entry| {
        entry
            .file_name()
            .to_str()
            .and_then(|name| name.strip_prefix(DIRECTORY_PREFIX)?.split('-').next())
            .and_then(|pid| pid.parse::<u32>().ok())
            .is_some_and(|pid| !std::path::Path::new(&format!("/proc/{pid}")).exists())
    });
    for directory in dead {
        // Another test process may be removing it too.
        drop(std::fs::remove_dir_all(directory.path()));
    }
}

/// A temporary directory that Postgres' own account can reach.
fn world_readable_directory() -> TempDir {
    use std::os::unix::fs::PermissionsExt;
    tempfile::Builder::new()
        .prefix(&format!("{DIRECTORY_PREFIX}{}-", std::process::id()))
        .permissions(std::fs::Permissions::from_mode(0o755))
        .tempdir()
        .expect("a temporary directory")
}

/// Starts an engine on a free port and waits until it accepts connections.
#[expect(clippy::panic, reason = "a test without its engine has failed")]
fn start<E>(prepare: impl Fn(u16) -> anyhow::Result<(E, Command)>) -> (E, (u16, Child)) {
    for _ in 0..START_ATTEMPTS {
        let port = free_port().expect("a free port");
        let (engine, command) = prepare(port).expect("the engine can be prepared");
        if let Some(child) = spawn_until_accepting(command, port) {
            return (engine, (port, child));
        }
    }
    panic!("the engine did not start in {START_ATTEMPTS} attempts");
}

/// The running engine, or `None` when it ended (its port was taken).
fn spawn_until_accepting(mut command: Command, port: u16) -> Option<Child> {
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = spawn_on_lasting_thread(command);
    let deadline = std::time::Instant::now() + START_PATIENCE;
    loop {
        if child.try_wait().expect("a child of ours").is_some() {
            return None;
        }
        if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return Some(child);
        }
        assert!(
            std::time::Instant::now() < deadline,
            "the engine does not answer on port {port}"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Spawns from a thread that lives until the process ends, because the kernel ends the
/// child with the *thread* that started it, and a test's thread ends with the test.
fn spawn_on_lasting_thread(command: Command) -> Child {
    type Order = (Command, mpsc::Sender<std::io::Result<Child>>);
    static SPAWNER: OnceLock<Mutex<mpsc::Sender<Order>>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (orders, inbox) = mpsc::channel::<Order>();
        std::thread::spawn(move || {
            for (mut command, reply) in inbox {
                if reply.send(command.spawn()).is_err() {
                    break;
                }
            }
        });
        Mutex::new(orders)
    });
    let (reply, answer) = mpsc::channel();
    spawner
        .lock()
        .send((command, reply))
        .expect("the spawner lives as long as the process");
    answer
        .recv()
        .expect("the spawner answers")
        .expect("the engine's program can be run")
}

/// A Redis of one test's own.
pub struct TestRedis {
    server: RedisServer,
    port: u16,
    child: Mutex<Option<Child>>,
    /// A handle with a long time-out, for looking and for `flush`.
    pub client: urr_kit::redis::Redis,
    _directory: TempDir,
}

impl std::fmt::Debug for TestRedis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TestRedis")
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

/// Starts a Redis; it ends when the value is dropped.
pub async fn redis() -> TestRedis {
    let directory = world_readable_directory();
    let (server, (port, child)) = start(|port| {
        let server = RedisServer::new(directory.path(), port, Durability::None)?;
        server.prepare()?;
        let command = server.command();
        Ok((server, command))
    });
    let client = arguments(port, 10_000)
        .connect()
        .await
        .expect("a lazy connection");
    TestRedis {
        server,
        port,
        child: Mutex::new(Some(child)),
        client,
        _directory: directory,
    }
}

fn arguments(port: u16, timeout_ms: u64) -> RedisArgs {
    RedisArgs {
        redis_host: "127.0.0.1".to_owned(),
        redis_port: port,
        redis_cluster_nodes: Vec::new(),
        redis_timeout_ms: timeout_ms,
    }
}

impl TestRedis {
    /// Settings for a service. The time-out is long, so that a busy machine is not taken
    /// for a lost Redis; a stopped server refuses connections at once all the same.
    pub fn args(&self) -> RedisArgs {
        arguments(self.port, 5_000)
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Kills it. Its data is gone.
    pub fn stop(&self) {
        if let Some(mut child) = self.child.lock().take() {
            child.kill().expect("a child of ours");
            child.wait().expect("a child of ours");
        }
    }

    /// Starts it again, empty, on the same port.
    pub fn start(&self) {
        self.stop();
        let child = spawn_until_accepting(self.server.command(), self.port)
            .expect("the port is still free");
        *self.child.lock() = Some(child);
    }

    /// Empties it.
    pub async fn flush(&self) {
        self.client
            .connection()
            .req_packed_command(&redis::cmd("FLUSHALL"))
            .await
            .expect("Redis answers");
    }
}

impl Drop for TestRedis {
    fn drop(&mut self) {
        self.stop();
    }
}
