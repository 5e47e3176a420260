//! Redis: settings, and a connection that gives up quickly and comes back by itself.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use redis::{
    Client, Cmd, ErrorKind, FromRedisValue, Pipeline, RedisError, RedisFuture, RedisResult,
    ScriptInvocation, Value,
    aio::{ConnectionLike, ConnectionManager, ConnectionManagerConfig},
    cluster::{ClusterClient, ClusterClientBuilder},
    cluster_async::ClusterConnection,
};
use tokio::sync::OnceCell;

/// Where Redis is.
#[derive(clap::Args, Clone, Debug)]
pub struct RedisArgs {
    /// Host of a single Redis.
    #[arg(
        long,
        env = "REDIS_HOST",
        default_value = "localhost",
        hide_env_values = true
    )]
    pub redis_host: String,
    /// Port of a single Redis.
    #[arg(
        long,
        env = "REDIS_PORT",
        default_value_t = 6379,
        hide_env_values = true
    )]
    pub redis_port: u16,
    /// Nodes of a Redis cluster, `host:port` separated by commas; replaces the single one.
    #[arg(
        long,
        env = "REDIS_CLUSTER_NODES",
        value_delimiter = ',',
        hide_env_values = true
    )]
    pub redis_cluster_nodes: Vec<String>,
    /// How long one command may take before Redis counts as lost, in milliseconds.
    #[arg(
        long,
        env = "REDIS_TIMEOUT_MS",
        default_value_t = 100,
        hide_env_values = true
    )]
    pub redis_timeout_ms: u64,
}

impl RedisArgs {
    /// A handle that connects when it is first used: a lost Redis stops no start.
    #[expect(
        clippy::unused_async,
        reason = "awaited by callers like every other store's connect"
    )]
    pub async fn connect(&self) -> anyhow::Result<Redis> {
        let timeout = Duration::from_millis(self.redis_timeout_ms);
        let connection = if self.redis_cluster_nodes.is_empty() {
            let client = Client::open((self.redis_host.as_str(), self.redis_port))?;
            let config = ConnectionManagerConfig::new()
                .set_connection_timeout(Some(timeout))
                .set_response_timeout(Some(timeout))
                .set_number_of_retries(1)
                .set_min_delay(Duration::from_millis(10))
                .set_max_delay(Duration::from_millis(50));
            Link::Single(ConnectionManager::new_lazy_with_config(client, config)?)
        } else {
            let nodes = self
                .redis_cluster_nodes
                .iter()
                .map(|node| format!("redis://{node}"));
            let client = ClusterClientBuilder::new(nodes)
                .connection_timeout(timeout)
                .response_timeout(timeout)
                .retries(3)
                .build()?;
            Link::Cluster(Cluster {
                client: Arc::new(client),
                connection: Arc::default(),
            })
        };
        Ok(Redis {
            connection: Connection {
                link: connection,
                timeout,
                up: Arc::new(AtomicBool::new(true)),
            },
        })
    }
}

/// A Redis, single or cluster. Clones share one multiplexed connection.
#[derive(Clone)]
pub struct Redis {
    connection: Connection,
}

impl std::fmt::Debug for Redis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redis")
            .field("up", &self.is_up())
            .finish_non_exhaustive()
    }
}

impl Redis {
    /// A connection for commands and pipelines.
    pub fn connection(&self) -> Connection {
        self.connection.clone()
    }

    /// Runs a script by its hash, sending its text only where Redis does not know it yet.
    pub async fn eval<T: FromRedisValue>(&self, script: &ScriptInvocation<'_>) -> RedisResult<T> {
        script.invoke_async(&mut self.connection()).await
    }

    /// Whether the last command reached Redis.
    pub fn is_up(&self) -> bool {
        self.connection.up.load(Ordering::Relaxed)
    }

    /// Asks Redis for a sign of life.
    pub async fn ping(&self) -> RedisResult<()> {
        redis::cmd("PING").query_async(&mut self.connection()).await
    }
}

/// A connection whose every command ends within the time-out.
#[derive(Clone)]
pub struct Connection {
    link: Link,
    timeout: Duration,
    up: Arc<AtomicBool>,
}

#[derive(Clone)]
enum Link {
    Single(ConnectionManager),
    Cluster(Cluster),
}

/// A cluster whose nodes are asked for their slots at the first command.
#[derive(Clone)]
struct Cluster {
    client: Arc<ClusterClient>,
    connection: Arc<OnceCell<ClusterConnection>>,
}

impl Cluster {
    async fn connection(&self) -> RedisResult<ClusterConnection> {
        self.connection
            .get_or_try_init(|| self.client.get_async_connection())
            .await
            .cloned()
    }
}

impl Connection {
    async fn bounded<T>(
        timeout: Duration,
        up: &AtomicBool,
        command: impl Future<Output = RedisResult<T>>,
    ) -> RedisResult<T> {
        let result = tokio::time::timeout(timeout, command)
            .await
            .unwrap_or_else(|_| {
                Err(RedisError::from((
                    ErrorKind::Io,
                    "Redis did not answer in time",
                )))
            });
        let reached = !matches!(&result, Err(error) if is_lost(error));
        up.store(reached, Ordering::Relaxed);
        result
    }
}

/// Whether the error says that Redis could not be reached, or not in time.
pub(crate) fn is_lost(error: &RedisError) -> bool {
    error.is_io_error()
        || error.is_connection_dropped()
        || error.is_connection_refusal()
        || error.is_timeout()
}

impl ConnectionLike for Connection {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        let Self { link, timeout, up } = self;
        Box::pin(async move {
            match link {
                Link::Single(link) => {
                    Self::bounded(*timeout, up, link.req_packed_command(cmd)).await
                }
                Link::Cluster(cluster) => {
                    let command =
                        async { cluster.connection().await?.req_packed_command(cmd).await };
                    Self::bounded(*timeout, up, command).await
                }
            }
        })
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        let Self { link, timeout, up } = self;
        Box::pin(async move {
            match link {
                Link::Single(link) => {
                    Self::bounded(
                        *timeout,
                        up,
                        link.req_packed_commands(pipeline, offset, count),
                    )
                    .await
                }
                Link::Cluster(cluster) => {
                    let commands = async {
                        let mut link = cluster.connection().await?;
                        link.req_packed_commands(pipeline, offset, count).await
                    };
                    Self::bounded(*timeout, up, commands).await
                }
            }
        })
    }

    fn get_db(&self) -> i64 {
        0
    }
}
