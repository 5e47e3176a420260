//! The bus as a log in Postgres.
//!
//! Messages of one partition are appended under an advisory lock that lasts until the
//! commit, so their ids are in commit order and a reader that asks for what lies behind its
//! position misses nothing. `NOTIFY` wakes readers at once; they also look by themselves
//! now and then, so a lost notification costs a moment and no fact.
//!
//! Where a group stands is not kept here but in the consumer's own database, in the
//! transaction of the effect.

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use sqlx::{PgPool, migrate::Migrator, postgres::PgListener};
use tokio::{
    sync::{OnceCell, watch},
    time::timeout,
};
use tracing::debug;
use urr_contract::FactId;
use uuid::Uuid;

use super::{BusError, Message};
use crate::{Runtime, telemetry::chain};

/// The schema of the bus database.
pub static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/bus");

/// Channel on which appends are announced; the payload names the partition.
const CHANNEL: &str = "log";
/// Longest time one publication may take.
const PUBLISH_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest time the check of health may take.
const CHECK_TIMEOUT: Duration = Duration::from_secs(1);
/// Pause before a lost listener connects again.
const LISTENER_PAUSE: Duration = Duration::from_secs(1);
/// How often old messages are removed.
const RETENTION_PERIOD: Duration = Duration::from_mins(10);
/// Most rows removed in one statement, so that none takes long.
const RETENTION_BATCH: i64 = 10_000;
/// Beyond this the messages of a partition are not counted further.
const LAG_LIMIT: i64 = 1_000_000;

/// One partition of one topic.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Partition {
    /// Name of the topic.
    pub(crate) topic: String,
    /// Number of the partition.
    pub(crate) number: i32,
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.topic, self.number)
    }
}

/// One message in the log.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// Where it lies in its partition.
    pub(crate) offset: i64,
    /// The fact it carries.
    pub(crate) id: FactId,
    /// Its key.
    pub(crate) key: String,
    /// The fact as JSON.
    pub(crate) payload: String,
}

/// The log and those who wait for it to grow.
pub struct Embedded {
    pool: PgPool,
    retention: Duration,
    /// Partitions of each topic. They never change, so they are read once.
    partitions: OnceCell<HashMap<String, i32>>,
    /// Readers waiting, by the partition's name on [`CHANNEL`].
    readers: Mutex<HashMap<String, watch::Sender<()>>>,
}

impl fmt::Debug for Embedded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Embedded").finish_non_exhaustive()
    }
}

impl Embedded {
    /// The log in `pool`'s database, with its listener and its retention at work.
    pub(super) fn start(runtime: &Runtime, pool: PgPool, retention: Duration) -> Arc<Self> {
        let bus = Arc::new(Self {
            pool,
            retention,
            partitions: OnceCell::new(),
            readers: Mutex::default(),
        });
        let tasks = runtime.tasks.clone();
        let listening = Arc::clone(&bus);
        runtime.tasks.spawn("bus.listener", async move {
            tokio::select! {
                () = tasks.cancelled() => {}
                () = listening.listen() => {}
            }
        });
        runtime
            .tasks
            .every("bus.retention", RETENTION_PERIOD, &bus, |bus| async move {
                bus.remove_old().await?;
                Ok(())
            });
        bus
    }

    pub(super) const fn retention(&self) -> Duration {
        self.retention
    }

    pub(super) async fn check(&self) -> Result<(), BusError> {
        timeout(CHECK_TIMEOUT, self.read_partitions())
            .await
            .map_err(|_| BusError::TimedOut)??;
        Ok(())
    }

    pub(super) async fn count(&self, topic: &str) -> Result<i64, BusError> {
        let mut count = 0;
        for partition in self.partitions(topic).await? {
            count += self.lag(&partition, 0).await?;
        }
        Ok(count)
    }

    pub(super) async fn publish(&self, messages: &[Message]) -> Result<(), BusError> {
        timeout(PUBLISH_TIMEOUT, self.append(messages))
            .await
            .map_err(|_| BusError::TimedOut)?
    }

    /// Appends all messages in one transaction.
    #[expect(
        clippy::disallowed_methods,
        reason = "the bus database is not the one this crate's users are checked against"
    )]
    async fn append(&self, messages: &[Message]) -> Result<(), BusError> {
        // In the order of the partitions, so that two writers lock in the same order.
        let mut locks = BTreeSet::new();
        let mut numbers = Vec::with_capacity(messages.len());
        for message in messages {
            let number = self.partition_of(&message.topic, &message.key).await?;
            numbers.push(number);
            locks.insert(Partition {
                topic: message.topic.clone(),
                number,
            });
        }
        let mut transaction = self.pool.begin().await?;
        for partition in &locks {
            sqlx::query("select pg_advisory_xact_lock(hashtext($1), $2)")
                .bind(&partition.topic)
                .bind(partition.number)
                .execute(&mut *transaction)
                .await?;
        }
        let topics: Vec<&str> = messages.iter().map(|m| m.topic.as_str()).collect();
        let ids: Vec<Uuid> = messages.iter().map(|m| m.id.0).collect();
        let keys: Vec<&str> = messages.iter().map(|m| m.key.as_str()).collect();
        let payloads: Vec<&str> = messages.iter().map(|m| m.payload.as_str()).collect();
        sqlx::query(
            "insert into log (topic, partition, fact_id, key, payload)
             select topic, partition, fact_id, key, payload::json
             from unnest($1::text[], $2::int[], $3::uuid[], $4::text[], $5::text[])
                  with ordinality as new (topic, partition, fact_id, key, payload, position)
             order by position",
        )
        .bind(topics)
        .bind(numbers)
        .bind(ids)
        .bind(keys)
        .bind(payloads)
        .execute(&mut *transaction)
        .await?;
        let grown: Vec<String> = locks.iter().map(ToString::to_string).collect();
        sqlx::query("select pg_notify($1, name) from unnest($2::text[]) as grown (name)")
            .bind(CHANNEL)
            .bind(grown)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(())
    }

    async fn partition_of(&self, topic: &str, key: &str) -> Result<i32, BusError> {
        let count = self.partition_count(topic).await?;
        Ok(partition_of(key, count))
    }

    async fn partition_count(&self, topic: &str) -> Result<i32, BusError> {
        let known = self
            .partitions
            .get_or_try_init(|| self.read_partitions())
            .await?;
        known
            .get(topic)
            .copied()
            .ok_or_else(|| BusError::UnknownTopic(topic.to_owned()))
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the bus database is not the one this crate's users are checked against"
    )]
    async fn read_partitions(&self) -> Result<HashMap<String, i32>, BusError> {
        let rows: Vec<(String, i32)> = sqlx::query_as("select name, partitions from topics")
            .fetch_all(&self.pool)
            .await?;
        Ok(rows.into_iter().collect())
    }

    /// All partitions of a topic.
    pub(crate) async fn partitions(&self, topic: &str) -> Result<Vec<Partition>, BusError> {
        let count = self.partition_count(topic).await?;
        Ok((0..count)
            .map(|number| Partition {
                topic: topic.to_owned(),
                number,
            })
            .collect())
    }

    /// The messages of a partition from `offset` on, at most `limit`.
    #[expect(
        clippy::disallowed_methods,
        reason = "the bus database is not the one this crate's users are checked against"
    )]
    pub(crate) async fn read(
        &self,
        partition: &Partition,
        offset: i64,
        limit: i64,
    ) -> Result<Vec<Entry>, BusError> {
        let rows: Vec<(i64, Uuid, String, String)> = sqlx::query_as(
            "select id, fact_id, key, payload::text from log
             where topic = $1 and partition = $2 and id >= $3
             order by id limit $4",
        )
        .bind(&partition.topic)
        .bind(partition.number)
        .bind(offset)
        .bind(limit)
        .fetch_all(&self.pool)
        .await?;
        Ok(rows
            .into_iter()
            .map(|(offset, id, key, payload)| Entry {
                offset,
                id: FactId(id),
                key,
                payload,
            })
            .collect())
    }

    /// How many messages lie in a partition from `offset` on.
    #[expect(
        clippy::disallowed_methods,
        reason = "the bus database is not the one this crate's users are checked against"
    )]
    pub(crate) async fn lag(&self, partition: &Partition, offset: i64) -> Result<i64, BusError> {
        let lag = sqlx::query_scalar(
            "select count(*) from (
                 select 1 from log where topic = $1 and partition = $2 and id >= $3 limit $4
             ) as behind",
        )
        .bind(&partition.topic)
        .bind(partition.number)
        .bind(offset)
        .bind(LAG_LIMIT)
        .fetch_one(&self.pool)
        .await?;
        Ok(lag)
    }

    /// Something that changes whenever the partition has grown.
    pub(crate) fn subscribe(&self, partition: &Partition) -> watch::Receiver<()> {
        self.readers
            .lock()
            .entry(partition.to_string())
            .or_insert_with(|| watch::channel(()).0)
            .subscribe()
    }

    /// Wakes readers as notifications come in. Never returns.
    async fn listen(&self) {
        loop {
            if let Err(error) = self.listen_once().await {
                debug!(error = %chain(&error), "the bus listener lost its connection");
            }
            // What was announced meanwhile was announced to nobody.
            self.wake_all();
            tokio::time::sleep(LISTENER_PAUSE).await;
        }
    }

    async fn listen_once(&self) -> Result<(), sqlx::Error> {
        let mut listener = PgListener::connect_with(&self.pool).await?;
        listener.listen(CHANNEL).await?;
        self.wake_all();
        // `None`: the connection was lost.
        while let Some(notification) = listener.try_recv().await? {
            if let Some(readers) = self.readers.lock().get(notification.payload()) {
                readers.send_replace(());
            }
        }
        Ok(())
    }

    fn wake_all(&self) {
        for readers in self.readers.lock().values() {
            readers.send_replace(());
        }
    }

    /// Removes messages that are older than the retention, read or not.
    #[expect(
        clippy::disallowed_methods,
        reason = "the bus database is not the one this crate's users are checked against"
    )]
    pub async fn remove_old(&self) -> Result<u64, BusError> {
        let mut removed = 0;
        loop {
            let batch = sqlx::query(
                "delete from log where (topic, partition, id) in (
                     select topic, partition, id from log
                     where appended_at < now() - make_interval(secs => $1) limit $2
                 )",
            )
            .bind(self.retention.as_secs_f64())
            .bind(RETENTION_BATCH)
            .execute(&self.pool)
            .await?
            .rows_affected();
            removed += batch;
            if batch == 0 {
                break;
            }
        }
        if removed > 0 {
            debug!(removed, "removed old messages from the bus");
        }
        Ok(removed)
    }
}

/// The partition of a key: FNV-1a, which is the same in every build and on every machine.
fn partition_of(key: &str, count: i32) -> i32 {
    let hash = key.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    i32::try_from(hash % count.unsigned_abs().max(1)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_one_partition_for_ever() {
        // Facts already in a log lie where these say: the function must never change.
        assert_eq!(partition_of("", 3), 1);
        assert_eq!(partition_of("a", 3), 1);
        assert_eq!(partition_of("00000000-0000-0000-0000-000000000001", 3), 1);
    }

    #[test]
    fn keys_spread_over_all_partitions() {
        let mut counts = [0_usize; 3];
        for number in 0..3000 {
            let partition = partition_of(&FactId(Uuid::from_u128(number)).to_string(), 3);
            counts[usize::try_from(partition).unwrap()] += 1;
        }
        assert!(counts.iter().all(|count| *count > 800), "{counts:?}");
    }
}
