//! The engines of one local platform: a Postgres cluster, a Redis and, where asked for, a
//! Kafka broker, with their data in the platform's directory.

use std::{path::PathBuf, process::Command};

use rustix::process::Signal;
use urr_kit::engines::{Durability, Postgres, RedisServer};

use super::{directory::Directory, plan::PortTable};

/// Fetches and runs one broker; the text is part of this program, so that it works away
/// from the source tree.
const KAFKA_SCRIPT: &str = include_str!("../../../kit/kafka.sh");

/// The engines, prepared to be started.
#[derive(Debug)]
pub(crate) struct Engines {
    /// The cluster.
    pub(crate) postgres: Postgres,
    redis: RedisServer,
    kafka: Option<Kafka>,
}

/// How one engine is started and stopped.
pub(crate) struct Start {
    /// Its name, as in the table of ports.
    pub(crate) name: &'static str,
    /// The signal that makes it finish quickly and in order.
    pub(crate) stop: Signal,
    /// Makes the command.
    pub(crate) command: Box<dyn FnMut() -> Command + Send>,
}

impl Engines {
    /// Makes the data directories that are not there; `password` is that of the databases.
    pub(crate) fn prepare(
        directory: &Directory,
        ports: &PortTable,
        password: &str,
    ) -> anyhow::Result<Self> {
        let redis = RedisServer::new(&directory.redis(), ports["redis"], Durability::Full)?;
        redis.prepare()?;
        let data = directory.postgres()?;
        let postgres = Postgres::new(&data, ports["postgres"], password, Durability::Full)?;
        postgres.prepare()?;
        let kafka = ports.get("kafka").map(|port| Kafka {
            port: *port,
            data: directory.kafka(),
        });
        Ok(Self {
            postgres,
            redis,
            kafka,
        })
    }

    /// What is to be started.
    pub(crate) fn starts(&self) -> Vec<Start> {
        let (postgres, redis) = (self.postgres.clone(), self.redis.clone());
        let mut starts = vec![
            Start {
                name: "postgres",
                stop: Signal::INT,
                command: Box::new(move || postgres.command()),
            },
            Start {
                name: "redis",
                stop: Signal::TERM,
                command: Box::new(move || redis.command()),
            },
        ];
        starts.extend(self.kafka.clone().map(|kafka| Start {
            name: "kafka",
            stop: Signal::TERM,
            command: Box::new(move || kafka.command()),
        }));
        starts
    }
}

/// One broker.
#[derive(Clone, Debug)]
struct Kafka {
    port: u16,
    data: PathBuf,
}

impl Kafka {
    /// The broker in the foreground. It ends with this program, as the others do.
    fn command(&self) -> Command {
        let mut command = Command::new("setpriv");
        command
            .args([
                "--pdeathsig",
                "KILL",
                "--",
                "sh",
                "-c",
                KAFKA_SCRIPT,
                "kafka.sh",
            ])
            .arg(self.port.to_string())
            .arg(&self.data);
        command
    }
}
