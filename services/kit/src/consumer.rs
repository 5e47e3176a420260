//! Facts on their way into a service's database, each taking effect once.
//!
//! A fact is applied in one transaction: its id is recorded for the consumer, the
//! [`Handler`] does its work, the position moves. A fact seen before changes nothing. One
//! that cannot be applied is tried again with growing pauses and then put aside: as a row
//! of `dead_letters` and on the topic's dead-letter topic, so that it holds nobody up.
//! While the consumer's own database is away nothing is a fault of the fact, so the
//! consumer waits.

use std::{collections::HashMap, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use anyhow::{Context, anyhow};
use futures::FutureExt;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
};
use rdkafka::{consumer::Consumer as _, error::KafkaError};
use sqlx::{Connection, PgConnection, PgPool};
use tokio::{
    sync::{mpsc, watch},
    time::timeout,
};
use tracing::{debug, error, info, warn};
use urr_contract::{FactId, facts::Fact, topics::Topic};

use crate::{
    Runtime, Tasks,
    bus::{
        Bus, Message,
        embedded::{Embedded, Partition},
        kafka::{Backlog, Delivery, Kafka, Member},
    },
    telemetry::chain,
};

/// Facts read from the embedded bus at a time.
const BATCH: i64 = 100;
/// How often the embedded bus is looked at although nothing was announced.
const POLL_PERIOD: Duration = Duration::from_secs(1);
/// Pause after something around the facts failed.
const FAILURE_PAUSE: Duration = Duration::from_millis(500);
/// How often the process looks for partitions that nobody reads, and whether it still has its own.
const LEASE_PERIOD: Duration = Duration::from_millis(500);
/// Longest time one statement about leases may take.
const LEASE_TIMEOUT: Duration = Duration::from_secs(5);
/// How often the lag on the embedded bus is measured.
const LAG_PERIOD: Duration = Duration::from_secs(10);
/// How often records of applied facts are removed that no bus can repeat any more.
const FORGET_PERIOD: Duration = Duration::from_hours(6);

/// A fact as it came in.
#[derive(Clone, Debug, PartialEq)]
pub struct Received {
    /// Its id, the same in every repetition.
    pub id: FactId,
    /// Where it came from.
    pub topic: Topic,
    /// Its key.
    pub key: String,
    /// The fact.
    pub fact: Fact,
}

/// What a service does about facts.
pub trait Handler: Send + Sync + 'static {
    /// Makes one fact take effect, in the transaction of `connection`. An error undoes all
    /// of it, and the same fact comes again.
    fn apply(
        &self,
        connection: &mut PgConnection,
        fact: &Received,
    ) -> impl Future<Output = anyhow::Result<()>> + Send;
}

/// Who reads what, and where it takes effect.
#[derive(Clone, Debug)]
pub struct Consumer {
    /// The group. Each group sees every fact; the processes of one group share them.
    pub group: &'static str,
    /// The topics.
    pub topics: &'static [Topic],
    /// The database of the effects.
    pub pool: PgPool,
    /// The bus.
    pub bus: Bus,
}

/// How often a fact is tried, and how far apart.
#[derive(Clone, Copy, Debug)]
pub struct Retries {
    /// Tries in all.
    pub tries: u32,
    /// Pause after the first; doubles each time.
    pub first_pause: Duration,
    /// Longest pause.
    pub longest_pause: Duration,
}

impl Default for Retries {
    /// Eight tries within about eleven seconds: longer than it takes a peer to restart.
    fn default() -> Self {
        Self {
            tries: 8,
            first_pause: Duration::from_millis(100),
            longest_pause: Duration::from_secs(5),
        }
    }
}

impl Retries {
    /// The pause after that many tries.
    fn pause(&self, tries: u32) -> Duration {
        let doublings = tries.saturating_sub(1).min(16);
        (self.first_pause * (1 << doublings)).min(self.longest_pause)
    }
}

/// Whether a fact took effect now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It did.
    Now,
    /// It had before; nothing was done.
    Before,
}

/// Starts reading in the background, until shutdown.
pub fn spawn<H: Handler>(runtime: &Runtime, consumer: Consumer, handler: H) {
    spawn_with(runtime, consumer, Retries::default(), handler);
}

/// [`spawn`] with retries of one's own.
pub fn spawn_with<H: Handler>(runtime: &Runtime, consumer: Consumer, retries: Retries, handler: H) {
    let reader = Arc::new(Reader {
        consumer,
        retries,
        handler,
        tasks: runtime.tasks.clone(),
        counts: Counts::new(runtime),
    });
    reader.spawn_forgetting();
    match reader.consumer.bus.clone() {
        Bus::Embedded(bus) => Arc::clone(&reader).spawn_embedded(&bus),
        Bus::Kafka(bus) => {
            let tasks = reader.tasks.clone();
            tasks.spawn("consumer", async move { reader.read_kafka(&bus).await });
        }
    }
}

/// Applies one fact for a group, once.
pub async fn apply_once<H: Handler>(
    pool: &PgPool,
    group: &str,
    fact: &Received,
    handler: &H,
) -> anyhow::Result<Applied> {
    match apply(pool, group, None, fact, handler).await? {
        Outcome::Applied(applied) => Ok(applied),
        Outcome::Overtaken => Err(anyhow!("a fact without a position was overtaken")),
    }
}

/// Where a fact lies on the embedded bus.
#[derive(Clone, Copy)]
struct Place<'a> {
    partition: &'a Partition,
    offset: i64,
}

/// A fact before it was understood.
struct Raw {
    id: FactId,
    topic: Topic,
    key: String,
    payload: String,
}

enum Outcome {
    Applied(Applied),
    /// Another process of the group has gone past this fact. Nothing was done.
    Overtaken,
}

/// Record, effect and position in one transaction.
async fn apply<H: Handler>(
    pool: &PgPool,
    group: &str,
    place: Option<Place<'_>>,
    fact: &Received,
    handler: &H,
) -> anyhow::Result<Outcome> {
    let mut transaction = pool.begin().await?;
    let applied = if record(&mut transaction, group, fact.id).await? {
        AssertUnwindSafe(handler.apply(&mut transaction, fact))
            .catch_unwind()
            .await
            .unwrap_or_else(|panic| {
                Err(anyhow!("the handler panicked: {}", panic_text(&*panic)))
            })?;
        Applied::Now
    } else {
        Applied::Before
    };
    // Last, because a statement fails in a transaction that a swallowed error has doomed,
    // whereas its commit would quietly do nothing.
    match place {
        Some(place) => {
            if !advance(&mut transaction, group, place).await? {
                transaction.rollback().await?;
                return Ok(Outcome::Overtaken);
            }
        }
        None => ensure_alive(&mut transaction).await?,
    }
    transaction.commit().await?;
    Ok(Outcome::Applied(applied))
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message")
}

/// Whether an error is about a store that is away rather than about the fact, so that the
/// same fact will succeed once the store is back.
fn is_passing(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<sqlx::Error>()
            .is_some_and(crate::database::is_passing)
            || cause
                .downcast_ref::<redis::RedisError>()
                .is_some_and(crate::redis::is_lost)
    })
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct LagLabels {
    group: &'static str,
    topic: &'static str,
}

struct Counts {
    applied: Counter,
    repeated: Counter,
    skipped: Counter,
    failures: Counter,
    dead_lettered: Counter,
    lag: Family<LagLabels, Gauge>,
}

impl Counts {
    fn new(runtime: &Runtime) -> Self {
        let metrics = &runtime.metrics;
        Self {
            applied: metrics.counter("urr_facts_applied", "Facts that took effect"),
            repeated: metrics.counter("urr_facts_repeated", "Facts that had taken effect before"),
            skipped: metrics.counter("urr_facts_skipped", "Facts of an unknown type"),
            failures: metrics.counter(
                "urr_facts_failures",
                "Attempts to make a fact take effect that failed",
            ),
            dead_lettered: metrics.counter(
                "urr_facts_dead_lettered",
                "Facts put aside after all attempts failed",
            ),
            lag: metrics.register(
                "urr_consumer_lag_facts",
                "Facts on the bus that the group has not read",
                Family::default(),
            ),
        }
    }
}

/// What became of one fact in the loop.
enum Settled {
    /// It is dealt with; go on with the next.
    Done,
    /// Another process of the group has gone past it; ask where the group stands.
    Overtaken,
    /// Shutdown came first.
    Stopped,
}

/// One group's reading in this process.
struct Reader<H> {
    consumer: Consumer,
    retries: Retries,
    handler: H,
    tasks: Tasks,
    counts: Counts,
}

impl<H: Handler> Reader<H> {
    /// Deals with one fact, however long that takes.
    async fn settle(&self, raw: &Raw, place: Option<Place<'_>>) -> Settled {
        match serde_json::from_str(&raw.payload) {
            Ok(Fact::Unknown) => {
                self.counts.skipped.inc();
                debug!(fact.id = %raw.id, topic = raw.topic.name(), "a fact of unknown type");
                self.pass(place, None).await
            }
            Ok(fact) => {
                let received = Received {
                    id: raw.id,
                    topic: raw.topic,
                    key: raw.key.clone(),
                    fact,
                };
                self.try_all(raw, &received, place).await
            }
            Err(error) => {
                let error = anyhow::Error::new(error).context("the fact cannot be read");
                self.put_aside(raw, place, &error).await
            }
        }
    }

    /// Tries to apply a fact until it succeeds or has failed often enough.
    async fn try_all(&self, raw: &Raw, fact: &Received, place: Option<Place<'_>>) -> Settled {
        let (mut tries, mut waits) = (0, 0);
        loop {
            let Consumer { pool, group, .. } = &self.consumer;
            let error = match apply(pool, group, place, fact, &self.handler).await {
                Ok(Outcome::Applied(applied)) => {
                    match applied {
                        Applied::Now => self.counts.applied.inc(),
                        Applied::Before => self.counts.repeated.inc(),
                    };
                    return Settled::Done;
                }
                Ok(Outcome::Overtaken) => return Settled::Overtaken,
                Err(error) => error,
            };
            self.counts.failures.inc();
            warn!(
                error = %chain(&*error), fact.id = %raw.id, topic = raw.topic.name(), tries,
                "a fact could not be applied"
            );
            let pause = if is_passing(&error) {
                waits += 1;
                self.retries.pause(waits)
            } else {
                tries += 1;
                if tries >= self.retries.tries {
                    return self.put_aside(raw, place, &error).await;
                }
                self.retries.pause(tries)
            };
            if self.tasks.sleep(pause).await {
                return Settled::Stopped;
            }
        }
    }

    /// Puts a fact aside: on the dead-letter topic, then, for certain, into `dead_letters`.
    async fn put_aside(
        &self,
        raw: &Raw,
        place: Option<Place<'_>>,
        cause: &anyhow::Error,
    ) -> Settled {
        let cause = chain(&**cause);
        error!(
            error = cause, fact.id = %raw.id, topic = raw.topic.name(),
            "a fact is put aside as a dead letter"
        );
        self.publish_dead_letter(raw).await;
        let settled = self.pass(place, Some((raw, &cause))).await;
        self.counts.dead_lettered.inc();
        settled
    }

    /// Gives up after as many failures as a fact is allowed: the row is kept in any case.
    async fn publish_dead_letter(&self, raw: &Raw) {
        let message = Message {
            id: raw.id,
            topic: raw.topic.dead_letter().to_owned(),
            key: raw.key.clone(),
            payload: raw.payload.clone(),
        };
        for tries in 1..=self.retries.tries {
            match self
                .consumer
                .bus
                .publish(std::slice::from_ref(&message))
                .await
            {
                Ok(()) => return,
                Err(error) => warn!(error = %chain(&error), "a dead letter cannot be published"),
            }
            if self.tasks.sleep(self.retries.pause(tries)).await {
                return;
            }
        }
    }

    /// Moves past a fact without any effect, keeping it if it is a dead letter. Waits for
    /// the database as long as it takes.
    async fn pass(&self, place: Option<Place<'_>>, dead: Option<(&Raw, &str)>) -> Settled {
        loop {
            match self.try_pass(place, dead).await {
                Ok(true) => return Settled::Done,
                Ok(false) => return Settled::Overtaken,
                Err(error) => warn!(error = %chain(&*error), "cannot move past a fact yet"),
            }
            if self.tasks.sleep(FAILURE_PAUSE).await {
                return Settled::Stopped;
            }
        }
    }

    /// Returns whether the position could be moved.
    async fn try_pass(
        &self,
        place: Option<Place<'_>>,
        dead: Option<(&Raw, &str)>,
    ) -> anyhow::Result<bool> {
        let mut transaction = self.consumer.pool.begin().await?;
        if let Some((raw, cause)) = dead {
            keep_dead_letter(&mut transaction, self.consumer.group, raw, cause).await?;
        }
        let moved = match place {
            Some(place) => advance(&mut transaction, self.consumer.group, place).await?,
            None => true,
        };
        transaction.commit().await?;
        Ok(moved)
    }

    fn set_lag(&self, topic: &str, lag: i64) {
        if let Some(topic) = Topic::from_name(topic) {
            let labels = LagLabels {
                group: self.consumer.group,
                topic: topic.name(),
            };
            self.counts.lag.get_or_create(&labels).set(lag);
        }
    }

    /// Forgets, now and then, applied facts that are twice as old as anything on the bus.
    fn spawn_forgetting(&self) {
        let Consumer {
            pool, group, bus, ..
        } = self.consumer.clone();
        let age = bus.retention() * 2;
        self.tasks.every(
            "consumer.forget",
            FORGET_PERIOD,
            &pool,
            move |pool| async move { Ok(forget(&pool, group, age).await?) },
        );
    }
}

// === the embedded bus ===

impl<H: Handler> Reader<H> {
    fn spawn_embedded(self: Arc<Self>, bus: &Arc<Embedded>) {
        let bus = Arc::clone(bus);
        let tasks = self.tasks.clone();
        self.tasks.clone().spawn("consumer", async move {
            tokio::select! {
                () = tasks.cancelled() => {}
                () = self.start_embedded(&bus) => {}
            }
        });
    }

    /// Starts a task for each partition, then holds their leases. Never returns.
    async fn start_embedded(self: Arc<Self>, bus: &Arc<Embedded>) {
        let partitions = self.partitions(bus).await;
        let mut leases = Vec::with_capacity(partitions.len());
        for (topic, partition) in partitions {
            let (lease, held) = watch::channel(false);
            leases.push((partition.clone(), lease));
            let (reader, bus) = (Arc::clone(&self), Arc::clone(bus));
            self.tasks.spawn("consumer.partition", async move {
                reader.read_partition(&bus, topic, &partition, held).await;
            });
        }
        let measured = (Arc::clone(&self), Arc::clone(bus));
        self.tasks.every(
            "consumer.lag",
            LAG_PERIOD,
            &measured,
            |(reader, bus)| async move { reader.measure_lag(&bus).await },
        );
        self.hold_leases(&leases).await;
    }

    /// All partitions of all topics, once the bus answers.
    async fn partitions(&self, bus: &Embedded) -> Vec<(Topic, Partition)> {
        loop {
            match self.try_partitions(bus).await {
                Ok(partitions) => return partitions,
                Err(error) => debug!(error = %chain(&*error), "the bus does not answer"),
            }
            tokio::time::sleep(FAILURE_PAUSE).await;
        }
    }

    async fn try_partitions(&self, bus: &Embedded) -> anyhow::Result<Vec<(Topic, Partition)>> {
        let mut partitions = Vec::new();
        for topic in self.consumer.topics {
            let found = bus.partitions(topic.name()).await?;
            partitions.extend(found.into_iter().map(|partition| (*topic, partition)));
        }
        Ok(partitions)
    }

    /// Keeps each partition to one process of the group. The locks belong to one
    /// connection: when it or the process dies, another process takes over. Two that
    /// believe to have a lease do no harm, the transaction decides; they only do work twice.
    async fn hold_leases(&self, leases: &[(Partition, watch::Sender<bool>)]) {
        loop {
            if let Err(error) = self.hold_leases_once(leases).await {
                warn!(error = %chain(&*error), group = self.consumer.group, "lost the leases on partitions");
            }
            for (_, lease) in leases {
                lease.send_replace(false);
            }
            tokio::time::sleep(FAILURE_PAUSE).await;
        }
    }

    async fn hold_leases_once(
        &self,
        leases: &[(Partition, watch::Sender<bool>)],
    ) -> anyhow::Result<()> {
        let options = (*self.consumer.pool.connect_options()).clone().options([
            ("tcp_keepalives_idle", "10"),
            ("tcp_keepalives_interval", "5"),
            ("tcp_keepalives_count", "3"),
        ]);
        let mut connection = timeout(LEASE_TIMEOUT, PgConnection::connect_with(&options))
            .await
            .context("the database did not answer in time")??;
        loop {
            let mut taken = 0;
            for (partition, lease) in leases {
                if *lease.borrow() {
                    continue;
                }
                let lock = try_lease(&mut connection, self.consumer.group, partition);
                if timeout(LEASE_TIMEOUT, lock)
                    .await
                    .context("no answer about a lease")??
                {
                    lease.send_replace(true);
                    taken += 1;
                }
            }
            if taken > 0 {
                info!(
                    group = self.consumer.group,
                    partitions = taken,
                    "reading partitions"
                );
            }
            tokio::time::sleep(LEASE_PERIOD).await;
            timeout(LEASE_TIMEOUT, connection.ping())
                .await
                .context("no answer about leases")??;
        }
    }

    /// Reads one partition whenever its lease is held, until shutdown.
    async fn read_partition(
        &self,
        bus: &Embedded,
        topic: Topic,
        partition: &Partition,
        mut held: watch::Receiver<bool>,
    ) {
        let mut grown = bus.subscribe(partition);
        // Where the group stands; `None` where that must be asked first.
        let mut position = None;
        loop {
            if !*held.borrow_and_update() {
                position = None;
                tokio::select! {
                    () = self.tasks.cancelled() => return,
                    _ = held.changed() => continue,
                }
            }
            grown.mark_unchanged();
            match self.read_batch(bus, topic, partition, &mut position).await {
                Ok(Read::More) => {}
                Ok(Read::Stopped) => return,
                Ok(Read::Empty) => tokio::select! {
                    () = self.tasks.cancelled() => return,
                    _ = held.changed() => {}
                    _ = grown.changed() => {}
                    () = tokio::time::sleep(POLL_PERIOD) => {}
                },
                Err(error) => {
                    debug!(error = %chain(&*error), %partition, "the partition cannot be read");
                    if self.tasks.sleep(FAILURE_PAUSE).await {
                        return;
                    }
                }
            }
            if self.tasks.is_cancelled() {
                return;
            }
        }
    }

    async fn read_batch(
        &self,
        bus: &Embedded,
        topic: Topic,
        partition: &Partition,
        position: &mut Option<i64>,
    ) -> anyhow::Result<Read> {
        let from = match *position {
            Some(from) => from,
            None => stand(&self.consumer.pool, self.consumer.group, partition).await?,
        };
        *position = Some(from);
        let entries = bus.read(partition, from, BATCH).await?;
        if entries.is_empty() {
            return Ok(Read::Empty);
        }
        for entry in entries {
            let offset = entry.offset;
            let raw = Raw {
                id: entry.id,
                topic,
                key: entry.key,
                payload: entry.payload,
            };
            match self.settle(&raw, Some(Place { partition, offset })).await {
                Settled::Done => *position = Some(offset + 1),
                Settled::Overtaken => {
                    *position = None;
                    break;
                }
                Settled::Stopped => return Ok(Read::Stopped),
            }
            if self.tasks.is_cancelled() {
                return Ok(Read::Stopped);
            }
        }
        Ok(Read::More)
    }

    async fn measure_lag(&self, bus: &Embedded) -> anyhow::Result<()> {
        for topic in self.consumer.topics {
            let mut lag = 0;
            for partition in bus.partitions(topic.name()).await? {
                let from = stand(&self.consumer.pool, self.consumer.group, &partition).await?;
                lag += bus.lag(&partition, from).await?;
            }
            self.set_lag(topic.name(), lag);
        }
        Ok(())
    }
}

/// What reading a batch brought.
enum Read {
    /// Facts; there may be more.
    More,
    /// Nothing.
    Empty,
    /// Shutdown.
    Stopped,
}

// === Kafka ===

/// The way to a partition's task.
struct Worker {
    inbox: mpsc::UnboundedSender<Delivery>,
    backlog: Arc<Backlog>,
}

impl<H: Handler> Reader<H> {
    /// Reads as a member of the group until shutdown, joining again when thrown out.
    async fn read_kafka(self: Arc<Self>, bus: &Kafka) {
        while !self.tasks.is_cancelled() {
            let lag = {
                let reader = Arc::clone(&self);
                move |topic: &str, lag| reader.set_lag(topic, lag)
            };
            let subscribed = tokio::select! {
                () = self.tasks.cancelled() => return,
                subscribed = bus.subscribe(self.consumer.group, self.consumer.topics, lag) => subscribed,
            };
            match subscribed {
                Ok(member) => {
                    Arc::clone(&self).read_member(&member).await;
                    member.leave().await;
                }
                Err(error) => warn!(error = %chain(&error), "cannot join the consumer group"),
            }
            if self.tasks.sleep(FAILURE_PAUSE).await {
                return;
            }
        }
    }

    /// Hands each message to its partition's worker, so that one slow fact does not hold
    /// up other partitions. Returns on shutdown, or when the client is of no more use.
    async fn read_member(self: Arc<Self>, member: &Arc<Member>) {
        let mut workers: HashMap<(String, i32), Worker> = HashMap::new();
        loop {
            let delivery = tokio::select! {
                () = self.tasks.cancelled() => return,
                message = member.recv() => match message {
                    Ok(message) => Delivery::new(&message),
                    Err(error @ KafkaError::MessageConsumptionFatal(_)) => {
                        warn!(error = %chain(&error), "the consumer must start afresh");
                        return;
                    }
                    Err(error) => {
                        debug!(error = %chain(&error), "kafka cannot be read");
                        if self.tasks.sleep(FAILURE_PAUSE).await {
                            return;
                        }
                        continue;
                    }
                },
            };
            let worker = workers
                .entry((delivery.topic.clone(), delivery.partition))
                .or_insert_with(|| Arc::clone(&self).spawn_worker(member, &delivery));
            worker.backlog.arrived();
            if worker.inbox.send(delivery).is_err() {
                // It ends only at shutdown.
                return;
            }
        }
    }

    /// A task that deals with one partition's messages in order. After a rebalance it may
    /// still hold some that are another member's by now: both deal with them in order, and
    /// whoever comes second finds them applied.
    fn spawn_worker(self: Arc<Self>, member: &Arc<Member>, first: &Delivery) -> Worker {
        // Bounded by the backlog, which stops the flow instead of blocking the other partitions.
        let (inbox, mut deliveries) = mpsc::unbounded_channel::<Delivery>();
        let backlog = Arc::new(Backlog::new(member, first));
        let worker = Worker {
            inbox,
            backlog: Arc::clone(&backlog),
        };
        let member = Arc::clone(member);
        self.tasks.clone().spawn("consumer.partition", async move {
            loop {
                let delivery = tokio::select! {
                    () = self.tasks.cancelled() => return,
                    delivery = deliveries.recv() => delivery,
                };
                let Some(delivery) = delivery else { return };
                let topic = member.context().topic(&delivery.topic);
                if self.settle_delivery(topic, &delivery).await {
                    delivery.done(&member);
                }
                backlog.settled();
            }
        });
        worker
    }

    /// Whether the message is dealt with.
    async fn settle_delivery(&self, topic: Option<Topic>, delivery: &Delivery) -> bool {
        let Some(topic) = topic else {
            return true;
        };
        let raw = Raw {
            id: delivery.id,
            topic,
            key: delivery.key.clone(),
            payload: delivery.payload.clone(),
        };
        !matches!(self.settle(&raw, None).await, Settled::Stopped)
    }
}

// === statements ===

/// Records that the fact takes effect; false where it had before.
#[expect(
    clippy::disallowed_methods,
    reason = "the tables are the same in every database that consumes"
)]
async fn record(connection: &mut PgConnection, group: &str, id: FactId) -> sqlx::Result<bool> {
    let inserted = sqlx::query(
        "insert into applied_facts (consumer, fact_id) values ($1, $2) on conflict do nothing",
    )
    .bind(group)
    .bind(id.0)
    .execute(connection)
    .await?
    .rows_affected();
    Ok(inserted == 1)
}

/// Moves the group's position past a fact; false where it is past it already.
#[expect(
    clippy::disallowed_methods,
    reason = "the tables are the same in every database that consumes"
)]
async fn advance(
    connection: &mut PgConnection,
    group: &str,
    place: Place<'_>,
) -> sqlx::Result<bool> {
    let moved = sqlx::query(
        "insert into consumer_offsets as stand (consumer, topic, partition, next_offset)
         values ($1, $2, $3, $4 + 1)
         on conflict (consumer, topic, partition) do update
             set next_offset = excluded.next_offset where stand.next_offset <= $4",
    )
    .bind(group)
    .bind(&place.partition.topic)
    .bind(place.partition.number)
    .bind(place.offset)
    .execute(connection)
    .await?
    .rows_affected();
    Ok(moved == 1)
}

/// Where the group stands in a partition: what it reads next.
#[expect(
    clippy::disallowed_methods,
    reason = "the tables are the same in every database that consumes"
)]
async fn stand(pool: &PgPool, group: &str, partition: &Partition) -> sqlx::Result<i64> {
    let next: Option<i64> = sqlx::query_scalar(
        "select next_offset from consumer_offsets
         where consumer = $1 and topic = $2 and partition = $3",
    )
    .bind(group)
    .bind(&partition.topic)
    .bind(partition.number)
    .fetch_optional(pool)
    .await?;
    Ok(next.unwrap_or(0))
}

#[expect(
    clippy::disallowed_methods,
    reason = "the tables are the same in every database that consumes"
)]
async fn keep_dead_letter(
    connection: &mut PgConnection,
    group: &str,
    raw: &Raw,
    cause: &str,
) -> anyhow::Result<()> {
    // What is not JSON is kept as a JSON text.
    let payload = match serde_json::from_str::<&serde_json::value::RawValue>(&raw.payload) {
        Ok(_) => raw.payload.clone(),
        Err(_) => serde_json::to_string(&raw.payload)?,
    };
    sqlx::query(
        "insert into dead_letters (consumer, fact_id, topic, key, payload, error)
         values ($1, $2, $3, $4, $5::json, $6)
         on conflict (consumer, fact_id) do update
             set error = excluded.error, failed_at = clock_timestamp()",
    )
    .bind(group)
    .bind(raw.id.0)
    .bind(raw.topic.name())
    .bind(&raw.key)
    .bind(payload)
    .bind(cause)
    .execute(connection)
    .await?;
    Ok(())
}

/// Fails in a transaction that can only be rolled back.
#[expect(clippy::disallowed_methods, reason = "a statement without tables")]
async fn ensure_alive(connection: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query("select 1").execute(connection).await?;
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a statement without tables")]
async fn try_lease(
    connection: &mut PgConnection,
    group: &str,
    partition: &Partition,
) -> sqlx::Result<bool> {
    sqlx::query_scalar("select pg_try_advisory_lock(hashtext($1), hashtext($2))")
        .bind(group)
        .bind(partition.to_string())
        .fetch_one(connection)
        .await
}

#[expect(
    clippy::disallowed_methods,
    reason = "the tables are the same in every database that consumes"
)]
async fn forget(pool: &PgPool, group: &str, age: Duration) -> sqlx::Result<()> {
    sqlx::query(
        "delete from applied_facts
         where consumer = $1 and applied_at < now() - make_interval(secs => $2)",
    )
    .bind(group)
    .bind(age.as_secs_f64())
    .execute(pool)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_the_longest() {
        let retries = Retries::default();
        let pauses: Vec<u128> = (1..=8)
            .map(|tries| retries.pause(tries).as_millis())
            .collect();
        assert_eq!(pauses, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
        assert_eq!(retries.pause(u32::MAX), retries.longest_pause);
    }

    #[test]
    fn a_lost_store_is_no_fault_of_the_fact() {
        let lost = anyhow::Error::new(sqlx::Error::PoolTimedOut).context("while adding up");
        assert!(is_passing(&lost));
        let fault = anyhow::Error::new(sqlx::Error::RowNotFound);
        assert!(!is_passing(&fault));
        assert!(!is_passing(&anyhow!("no such seat")));
        let redis = redis::RedisError::from((redis::ErrorKind::Io, "no answer in time"));
        assert!(is_passing(&anyhow::Error::new(redis)));
        let script = redis::RedisError::from((redis::ErrorKind::UnexpectedReturnType, "odd"));
        assert!(!is_passing(&anyhow::Error::new(script)));
    }
}
