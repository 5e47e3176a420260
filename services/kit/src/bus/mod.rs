//! The bus: topics of facts, kept in order per key and read by groups.
//!
//! Two transports behind one handle: a log in Postgres (`BUS_DB_URL`), and Apache Kafka
//! (`KAFKA_BOOTSTRAP_SERVERS`). Topics, keys and payloads are the same on both, and so is
//! the promise: every fact at least once, in the order in which it was published per key.
//! That a fact takes effect once is the consumer's part ([`crate::consumer`]); that it is
//! published at all is the outbox's ([`crate::outbox`]).

use std::{sync::Arc, time::Duration};

use anyhow::{Context, bail};
use clap::ArgAction;
use secrecy::SecretString;
use sqlx::PgPool;
use urr_contract::FactId;

use crate::{Runtime, config::parse_secret, database::Database};

pub mod embedded;
pub mod kafka;
pub mod topics;

use embedded::Embedded;
use kafka::Kafka;

/// Most connections of one service to the embedded bus.
const EMBEDDED_POOL_MAX: u32 = 6;

/// Which bus, and where.
#[derive(clap::Args, Clone, Debug)]
pub struct BusArgs {
    /// Brokers of Apache Kafka, `host:port` separated by commas. Excludes `BUS_DB_URL`.
    #[arg(long, env = "KAFKA_BOOTSTRAP_SERVERS", hide_env_values = true)]
    pub kafka_bootstrap_servers: Option<String>,
    /// Replicas of each topic this program creates in Kafka.
    #[arg(long, env = "KAFKA_TOPIC_REPLICATION_FACTOR", default_value_t = 1, hide_env_values = true,
          value_parser = clap::value_parser!(i32).range(1..=9))]
    pub kafka_topic_replication_factor: i32,
    /// Whether topics missing in Kafka are created.
    #[arg(long, env = "KAFKA_CREATE_TOPICS", default_value_t = true, action = ArgAction::Set,
          hide_env_values = true)]
    pub kafka_create_topics: bool,
    /// Database of the embedded bus. Excludes `KAFKA_BOOTSTRAP_SERVERS`.
    #[arg(long, env = "BUS_DB_URL", hide_env_values = true)]
    pub bus_db_url: Option<String>,
    /// Its user name, where the URL has none.
    #[arg(long, env = "BUS_DB_USERNAME", hide_env_values = true)]
    pub bus_db_username: Option<String>,
    /// Its password, where the URL has none. `@/path` reads it from a file.
    #[arg(long, env = "BUS_DB_PASSWORD", hide_env_values = true, value_parser = parse_secret)]
    pub bus_db_password: Option<SecretString>,
    /// How long facts stay on the bus, in hours. A consumer that was away for longer has
    /// lost what it did not read.
    #[arg(long, env = "BUS_RETENTION_HOURS", default_value_t = 168, hide_env_values = true,
          value_parser = clap::value_parser!(u32).range(1..))]
    pub bus_retention_hours: u32,
}

impl BusArgs {
    /// A handle on the bus. Connects when it is first used: a bus that is away stops no start.
    #[expect(
        clippy::unused_async,
        reason = "awaited by callers like every other store's connect"
    )]
    pub async fn connect(&self, runtime: &Runtime) -> anyhow::Result<Bus> {
        match self.transport()? {
            Transport::Kafka(servers) => Bus::kafka(runtime, &self.options(servers)),
            Transport::Embedded(url) => {
                let database = Database::new(
                    url,
                    self.bus_db_username.as_deref(),
                    self.bus_db_password.as_ref(),
                    EMBEDDED_POOL_MAX,
                )
                .context("BUS_DB_URL")?;
                Ok(Bus::embedded(
                    runtime,
                    database.lazy_pool(),
                    self.retention(),
                ))
            }
        }
    }

    /// How Kafka is reached; `None` with the embedded bus, which needs no topics made.
    pub fn kafka(&self) -> anyhow::Result<Option<kafka::Options>> {
        Ok(match self.transport()? {
            Transport::Kafka(servers) => Some(self.options(servers)),
            Transport::Embedded(_) => None,
        })
    }

    fn options(&self, servers: &str) -> kafka::Options {
        kafka::Options {
            bootstrap_servers: servers.to_owned(),
            replication_factor: self.kafka_topic_replication_factor,
            create_topics: self.kafka_create_topics,
            topic_prefix: String::new(),
            retention: self.retention(),
        }
    }

    /// Which of the two was set. Neither and both are refused.
    fn transport(&self) -> anyhow::Result<Transport<'_>> {
        match (
            set(self.kafka_bootstrap_servers.as_ref()),
            set(self.bus_db_url.as_ref()),
        ) {
            (Some(servers), None) => Ok(Transport::Kafka(servers)),
            (None, Some(url)) => Ok(Transport::Embedded(url)),
            (Some(_), Some(_)) => bail!(
                "both KAFKA_BOOTSTRAP_SERVERS and BUS_DB_URL are set: facts go either to Kafka \
                 or to the embedded bus, unset one of them"
            ),
            (None, None) => bail!(
                "no bus is configured: set KAFKA_BOOTSTRAP_SERVERS for Apache Kafka, or \
                 BUS_DB_URL for the bus embedded in Postgres"
            ),
        }
    }

    fn retention(&self) -> Duration {
        Duration::from_secs(u64::from(self.bus_retention_hours) * 3600)
    }
}

/// The value, unless it is empty, as variables are that somebody meant to unset.
fn set(value: Option<&String>) -> Option<&str> {
    value.map(String::as_str).filter(|text| !text.is_empty())
}

#[derive(Debug, PartialEq, Eq)]
enum Transport<'a> {
    Kafka(&'a str),
    Embedded(&'a str),
}

/// One message on its way to the bus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The fact it carries; what consumers tell a repetition by.
    pub id: FactId,
    /// Name of the topic.
    pub topic: String,
    /// Messages of one key stay in order.
    pub key: String,
    /// The fact as JSON.
    pub payload: String,
}

/// Why the bus did not do it. Nothing here is final: the same may succeed later.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// The embedded bus' database.
    #[error("the embedded bus failed")]
    Database(#[from] sqlx::Error),
    /// Kafka, or the way there.
    #[error("kafka failed")]
    Kafka(#[from] rdkafka::error::KafkaError),
    /// The topic does not exist.
    #[error("the bus has no topic {0}")]
    UnknownTopic(String),
    /// No answer within the time allowed.
    #[error("the bus did not answer in time")]
    TimedOut,
}

/// A handle on the bus. Clones share connections.
#[derive(Clone, Debug)]
pub enum Bus {
    /// The log in Postgres.
    Embedded(Arc<Embedded>),
    /// Apache Kafka.
    Kafka(Arc<Kafka>),
}

impl Bus {
    /// The bus in the database of `pool`, which must have [`embedded::MIGRATIONS`].
    pub fn embedded(runtime: &Runtime, pool: PgPool, retention: Duration) -> Self {
        Self::Embedded(Embedded::start(runtime, pool, retention))
    }

    /// The bus on Apache Kafka.
    pub fn kafka(runtime: &Runtime, options: &kafka::Options) -> anyhow::Result<Self> {
        Ok(Self::Kafka(Kafka::start(runtime, options)?))
    }

    /// Puts the messages on the bus, those of one key in the order given. After an error
    /// some may be there nevertheless; publishing all of them again is right.
    pub async fn publish(&self, messages: &[Message]) -> Result<(), BusError> {
        if messages.is_empty() {
            return Ok(());
        }
        match self {
            Self::Embedded(bus) => bus.publish(messages).await,
            Self::Kafka(bus) => bus.publish(messages).await,
        }
    }

    /// Whether the bus answers.
    pub async fn check(&self) -> Result<(), BusError> {
        match self {
            Self::Embedded(bus) => bus.check().await,
            Self::Kafka(bus) => bus.check().await,
        }
    }

    /// How many messages a topic holds.
    pub async fn count(&self, topic: &str) -> Result<i64, BusError> {
        match self {
            Self::Embedded(bus) => bus.count(topic).await,
            Self::Kafka(bus) => bus.count(topic).await,
        }
    }

    /// How long a fact stays on the bus. What a consumer remembers must outlive that.
    pub fn retention(&self) -> Duration {
        match self {
            Self::Embedded(bus) => bus.retention(),
            Self::Kafka(bus) => bus.retention(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(kafka: Option<&str>, database: Option<&str>) -> BusArgs {
        BusArgs {
            kafka_bootstrap_servers: kafka.map(str::to_owned),
            kafka_topic_replication_factor: 1,
            kafka_create_topics: true,
            bus_db_url: database.map(str::to_owned),
            bus_db_username: None,
            bus_db_password: None,
            bus_retention_hours: 168,
        }
    }

    #[test]
    fn exactly_one_bus_must_be_named() {
        let transport = |kafka, database| {
            args(kafka, database)
                .transport()
                .map(|found| format!("{found:?}"))
                .map_err(|error| error.to_string())
        };
        assert_eq!(
            transport(Some("a:9092"), None),
            Ok("Kafka(\"a:9092\")".to_owned())
        );
        assert_eq!(
            transport(None, Some("postgres://b")),
            Ok("Embedded(\"postgres://b\")".to_owned())
        );
        // An empty variable is one that was not set.
        assert_eq!(
            transport(Some(""), Some("postgres://b")),
            Ok("Embedded(\"postgres://b\")".to_owned())
        );
        let neither = transport(None, None).expect_err("no bus");
        assert!(neither.starts_with("no bus is configured"), "{neither}");
        let both = transport(Some("a:9092"), Some("postgres://b")).expect_err("two");
        assert!(both.starts_with("both KAFKA_BOOTSTRAP_SERVERS"), "{both}");
    }
}
