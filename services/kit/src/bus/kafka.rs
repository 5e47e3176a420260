//! The bus on Apache Kafka.
//!
//! The producer is idempotent and waits for all replicas in sync. When one message of a
//! batch fails, all later ones fail with it and the producer is replaced, so that a key's
//! facts never arrive first in another order than they were published in. Nothing here
//! waits without an end: a broker that is away makes calls fail, and callers try again.

use std::{fmt, ops::Deref, sync::Arc, time::Duration};

use futures::future::join_all;
use parking_lot::{Mutex, RwLock};
use rdkafka::{
    ClientConfig, ClientContext, Message as _, Statistics, TopicPartitionList,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    config::RDKafkaLogLevel,
    consumer::{CommitMode, Consumer, ConsumerContext, StreamConsumer},
    error::{KafkaError, KafkaResult, RDKafkaErrorCode},
    message::{BorrowedMessage, Header, Headers, OwnedHeaders},
    producer::{FutureProducer, FutureRecord, Producer},
};
use tokio::{sync::oneshot, task::spawn_blocking, time::timeout};
use tracing::{debug, info, warn};
use urr_contract::{
    FactId,
    topics::{PARTITIONS, Topic},
};
use uuid::Uuid;

use super::{BusError, Message};
use crate::{Runtime, telemetry::chain};

/// Header that carries the fact's id.
const FACT_ID: &str = "fact-id";
/// Longest time one message may wait for its acknowledgement.
const MESSAGE_TIMEOUT_MS: &str = "10000";
/// Longest time one look at the cluster may take.
const METADATA_TIMEOUT: Duration = Duration::from_secs(1);
/// Longest time the creation of topics may take.
const ADMIN_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest time a member may take to leave its group.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(3);
/// Pause before topics are looked for again.
const TOPIC_PAUSE: Duration = Duration::from_secs(1);
/// So many messages of one partition wait in memory at most, about.
const BACKLOG_MOST: usize = 200;
/// With so few left, more are fetched.
const BACKLOG_LEAST: usize = 50;
/// How often a consumer learns how far it is behind.
const STATISTICS_INTERVAL_MS: &str = "5000";

/// Settings of the connection.
#[derive(Clone, Debug)]
pub struct Options {
    /// Brokers, `host:port` separated by commas.
    pub bootstrap_servers: String,
    /// Replicas of the topics that are created.
    pub replication_factor: i32,
    /// Whether missing topics are created.
    pub create_topics: bool,
    /// What stands before every topic's name in the cluster: nothing for a service, something
    /// of its own for each test on a shared broker.
    pub topic_prefix: String,
    /// Retention of the topics that are created.
    pub retention: Duration,
}

/// The cluster, and the producer in use.
pub struct Kafka {
    options: Options,
    producer: RwLock<FutureProducer>,
}

impl fmt::Debug for Kafka {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kafka")
            .field("bootstrap_servers", &self.options.bootstrap_servers)
            .finish_non_exhaustive()
    }
}

impl Kafka {
    /// The cluster named in `options`. Missing topics are created in the background.
    pub(super) fn start(runtime: &Runtime, options: &Options) -> anyhow::Result<Arc<Self>> {
        let bus = Arc::new(Self {
            options: options.clone(),
            producer: RwLock::new(producer(options)?),
        });
        if options.create_topics {
            let (tasks, creating) = (runtime.tasks.clone(), Arc::clone(&bus));
            runtime.tasks.spawn("bus.topics", async move {
                tokio::select! {
                    () = tasks.cancelled() => {}
                    () = creating.create_topics() => {}
                }
            });
        }
        Ok(bus)
    }

    pub(super) const fn retention(&self) -> Duration {
        self.options.retention
    }

    pub(super) async fn check(&self) -> Result<(), BusError> {
        let producer = self.producer.read().clone();
        spawn_blocking(move || producer.client().fetch_metadata(None, METADATA_TIMEOUT))
            .await
            .map_err(|_| BusError::TimedOut)??;
        Ok(())
    }

    pub(super) async fn count(&self, topic: &str) -> Result<i64, BusError> {
        let producer = self.producer.read().clone();
        let topic = self.name_of(topic);
        let count = spawn_blocking(move || {
            let client = producer.client();
            (0..PARTITIONS).try_fold(0, |count, partition| {
                let (low, high) = client.fetch_watermarks(&topic, partition, METADATA_TIMEOUT)?;
                Ok::<_, KafkaError>(count + high - low)
            })
        });
        Ok(count.await.map_err(|_| BusError::TimedOut)??)
    }

    pub(super) async fn publish(&self, messages: &[Message]) -> Result<(), BusError> {
        let producer = self.producer.read().clone();
        let published = send_all(&producer, &self.options.topic_prefix, messages).await;
        if published.is_err() {
            self.replace_producer()?;
        }
        Ok(published?)
    }

    /// Makes the next publication start afresh. The old producer's queue goes with it.
    fn replace_producer(&self) -> KafkaResult<()> {
        let fresh = producer(&self.options)?;
        let old = std::mem::replace(&mut *self.producer.write(), fresh);
        // Its end waits for a thread.
        std::thread::spawn(move || drop(old));
        Ok(())
    }

    /// Creates the topics that are missing, however long the cluster is away.
    async fn create_topics(&self) {
        loop {
            match self.try_create_topics().await {
                Ok(created) => {
                    if !created.is_empty() {
                        info!(topics = created.join(","), "created topics");
                    }
                    return;
                }
                Err(error) => debug!(error = %chain(&error), "topics cannot be created yet"),
            }
            tokio::time::sleep(TOPIC_PAUSE).await;
        }
    }

    async fn try_create_topics(&self) -> KafkaResult<Vec<String>> {
        let admin: AdminClient<DefaultClientContext> = config(&self.options).create()?;
        let retention = self.options.retention.as_millis().to_string();
        let names: Vec<String> = Topic::ALL
            .into_iter()
            .flat_map(|topic| [topic.name(), topic.dead_letter()])
            .map(|name| self.name_of(name))
            .collect();
        let topics: Vec<NewTopic<'_>> = names
            .iter()
            .map(|name| {
                let replication = TopicReplication::Fixed(self.options.replication_factor);
                NewTopic::new(name, PARTITIONS, replication).set("retention.ms", &retention)
            })
            .collect();
        let options = AdminOptions::new().operation_timeout(Some(ADMIN_TIMEOUT));
        let mut created = Vec::new();
        for result in admin.create_topics(&topics, &options).await? {
            match result {
                Ok(name) => created.push(name),
                Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((_, code)) => return Err(KafkaError::AdminOp(code)),
            }
        }
        Ok(created)
    }

    /// A member of `group` that reads `topics`, once they all exist.
    pub(crate) async fn subscribe(
        &self,
        group: &str,
        topics: &[Topic],
        on_lag: impl Fn(&str, i64) + Send + Sync + 'static,
    ) -> Result<Arc<Member>, BusError> {
        let names: Vec<String> = topics
            .iter()
            .map(|topic| self.name_of(topic.name()))
            .collect();
        while !self.have_topics(&names).await {
            tokio::time::sleep(TOPIC_PAUSE).await;
        }
        let context = MemberContext {
            topic_prefix: self.options.topic_prefix.clone(),
            on_lag: Box::new(on_lag),
        };
        let member: StreamConsumer<MemberContext> = config(&self.options)
            .set("group.id", group)
            .set("auto.offset.reset", "earliest")
            // An offset is stored by hand after the transaction of the effect; only stored
            // ones are committed.
            .set("enable.auto.offset.store", "false")
            .set("enable.auto.commit", "true")
            .set("auto.commit.interval.ms", "500")
            .set("session.timeout.ms", "10000")
            .set("heartbeat.interval.ms", "3000")
            .set("fetch.wait.max.ms", "100")
            .set("statistics.interval.ms", STATISTICS_INTERVAL_MS)
            .create_with_context(context)?;
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        member.subscribe(&names)?;
        Ok(Arc::new(Member(Some(member))))
    }

    /// The topic's name in the cluster.
    fn name_of(&self, topic: &str) -> String {
        format!("{}{topic}", self.options.topic_prefix)
    }

    async fn have_topics(&self, names: &[String]) -> bool {
        let producer = self.producer.read().clone();
        let wanted = names.to_vec();
        let look = spawn_blocking(move || {
            let metadata = producer.client().fetch_metadata(None, METADATA_TIMEOUT)?;
            Ok::<_, KafkaError>(wanted.iter().all(|name| {
                let mut topics = metadata.topics().iter();
                topics.any(|topic| topic.name() == name && !topic.partitions().is_empty())
            }))
        });
        match look.await {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => {
                debug!(error = %chain(&error), "kafka does not answer");
                false
            }
            Err(_) => false,
        }
    }
}

/// What producers, consumers and administrators have in common.
pub(super) fn config(options: &Options) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", &options.bootstrap_servers)
        .set("client.id", "urr")
        .set("socket.connection.setup.timeout.ms", "3000")
        .set("socket.keepalive.enable", "true")
        .set("reconnect.backoff.ms", "100")
        .set("reconnect.backoff.max.ms", "2000")
        .set_log_level(RDKafkaLogLevel::Error);
    config
}

fn producer(options: &Options) -> KafkaResult<FutureProducer> {
    config(options)
        .set("enable.idempotence", "true")
        .set("enable.gapless.guarantee", "true")
        .set("acks", "all")
        .set("message.timeout.ms", MESSAGE_TIMEOUT_MS)
        .set("request.timeout.ms", "5000")
        .set("linger.ms", "1")
        // The partitioner of Java clients, so that they agree with us on a key's partition.
        .set("partitioner", "murmur2_random")
        .create()
}

/// Sends all messages in order and waits for every acknowledgement.
async fn send_all(
    producer: &FutureProducer,
    topic_prefix: &str,
    messages: &[Message],
) -> KafkaResult<()> {
    let mut deliveries = Vec::with_capacity(messages.len());
    for message in messages {
        let id = message.id.to_string();
        let headers = OwnedHeaders::new().insert(Header {
            key: FACT_ID,
            value: Some(&id),
        });
        let topic = format!("{topic_prefix}{}", message.topic);
        let record = FutureRecord::to(&topic)
            .key(&message.key)
            .payload(&message.payload)
            .headers(headers);
        let delivery = producer.send_result(record).map_err(|(error, _)| error)?;
        deliveries.push(delivery);
    }
    for delivery in join_all(deliveries).await {
        delivery
            .map_err(|_| KafkaError::Canceled)?
            .map_err(|(error, _)| error)?;
    }
    Ok(())
}

/// One member of a consumer group.
pub(crate) struct Member(Option<StreamConsumer<MemberContext>>);

impl Deref for Member {
    type Target = StreamConsumer<MemberContext>;

    fn deref(&self) -> &Self::Target {
        self.0.as_ref().expect("taken only when dropped")
    }
}

impl Drop for Member {
    /// The client's own end waits for its threads, and now and then for ever. So it has a
    /// thread to itself, for which neither a task nor the end of the process waits.
    fn drop(&mut self) {
        let consumer = self.0.take();
        std::thread::spawn(move || drop(consumer));
    }
}

impl Member {
    /// Leaves the group after telling it how far this member came, so that another takes
    /// over at once.
    pub(crate) async fn leave(self: &Arc<Self>) {
        let member = Arc::clone(self);
        let (leave, left) = oneshot::channel::<()>();
        // A thread of its own: the end of the process waits for blocking tasks, and this one
        // waits for the broker.
        std::thread::spawn(move || {
            match member.commit_consumer_state(CommitMode::Sync) {
                Ok(()) | Err(KafkaError::ConsumerCommit(RDKafkaErrorCode::NoOffset)) => {}
                Err(error) => debug!(error = %chain(&error), "offsets are not committed"),
            }
            member.unsubscribe();
            drop(leave);
        });
        if timeout(LEAVE_TIMEOUT, left).await.is_err() {
            debug!("the consumer group could not be left in time");
        }
    }
}

/// Told how many messages of a topic a member has not read.
type OnLag = dyn Fn(&str, i64) + Send + Sync;

/// Hears what the client tells beside messages.
pub(crate) struct MemberContext {
    topic_prefix: String,
    on_lag: Box<OnLag>,
}

impl ClientContext for MemberContext {
    fn stats(&self, statistics: Statistics) {
        for (name, topic) in &statistics.topics {
            let behind = topic
                .partitions
                .values()
                .map(|partition| partition.consumer_lag);
            // −1 where the partition belongs to another member.
            let behind = behind.filter(|lag| *lag > 0).sum();
            (self.on_lag)(
                name.strip_prefix(&self.topic_prefix).unwrap_or(name),
                behind,
            );
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        debug!(error = %chain(&error), reason, "kafka reports an error");
    }
}

impl ConsumerContext for MemberContext {}

impl MemberContext {
    /// The topic of that name in the cluster.
    pub(crate) fn topic(&self, name: &str) -> Option<Topic> {
        Topic::from_name(name.strip_prefix(&self.topic_prefix)?)
    }
}

/// One message out of Kafka.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    /// Name of the topic in the cluster.
    pub(crate) topic: String,
    /// Number of the partition.
    pub(crate) partition: i32,
    /// Where it lies there.
    pub(crate) offset: i64,
    /// The fact it carries.
    pub(crate) id: FactId,
    /// Its key.
    pub(crate) key: String,
    /// The fact as JSON, if it is one.
    pub(crate) payload: String,
}

impl Delivery {
    pub(crate) fn new(message: &BorrowedMessage<'_>) -> Self {
        let text = |bytes: Option<&[u8]>| {
            bytes.map_or_else(String::new, |bytes| {
                String::from_utf8_lossy(bytes).into_owned()
            })
        };
        let (topic, partition, offset) = (message.topic(), message.partition(), message.offset());
        Self {
            topic: topic.to_owned(),
            partition,
            offset,
            id: fact_id(message).unwrap_or_else(|| id_of_place(topic, partition, offset)),
            key: text(message.key()),
            payload: text(message.payload()),
        }
    }

    /// Tells the group that everything up to this message is done.
    pub(crate) fn done(&self, member: &Member) {
        let mut places = TopicPartitionList::new();
        let next = rdkafka::Offset::Offset(self.offset + 1);
        let stored = places
            .add_partition_offset(&self.topic, self.partition, next)
            .and_then(|()| member.store_offsets(&places));
        // The partition went to another member meanwhile: it will see the fact again and
        // find that it was applied.
        if let Err(error) = stored {
            warn!(error = %chain(&error), topic = self.topic, "cannot store an offset");
        }
    }
}

/// How many messages of one partition wait in this process. While there are many, no more
/// of that partition are fetched.
pub(crate) struct Backlog {
    member: Arc<Member>,
    partition: TopicPartitionList,
    // Held over the client's call, so that a pause never overtakes the resumption after it.
    state: Mutex<BacklogState>,
}

#[derive(Default)]
struct BacklogState {
    waiting: usize,
    paused: bool,
}

impl Backlog {
    /// That of the partition `delivery` came from.
    pub(crate) fn new(member: &Arc<Member>, delivery: &Delivery) -> Self {
        let mut partition = TopicPartitionList::new();
        partition.add_partition(&delivery.topic, delivery.partition);
        Self {
            member: Arc::clone(member),
            partition,
            state: Mutex::default(),
        }
    }

    /// One more waits.
    pub(crate) fn arrived(&self) {
        let mut state = self.state.lock();
        state.waiting += 1;
        if state.waiting >= BACKLOG_MOST && !state.paused {
            state.paused = self.noted(&self.member.pause(&self.partition));
        }
    }

    /// One is dealt with.
    pub(crate) fn settled(&self) {
        let mut state = self.state.lock();
        state.waiting = state.waiting.saturating_sub(1);
        if state.waiting <= BACKLOG_LEAST && state.paused {
            state.paused = !self.noted(&self.member.resume(&self.partition));
        }
    }

    /// Whether the call succeeded. It fails where the partition is another member's by now,
    /// and then nothing more comes from it.
    fn noted(&self, called: &KafkaResult<()>) -> bool {
        if let Err(error) = called {
            debug!(error = %chain(error), "cannot pause or resume {:?}", self.partition);
        }
        called.is_ok()
    }
}

fn fact_id(message: &BorrowedMessage<'_>) -> Option<FactId> {
    let headers = message.headers()?;
    let header = headers.iter().find(|header| header.key == FACT_ID)?;
    std::str::from_utf8(header.value?).ok()?.parse().ok()
}

/// The id of a message that a foreign producer sent without one: its place, which is the
/// same whenever it is read.
fn id_of_place(topic: &str, partition: i32, offset: i64) -> FactId {
    let mut bytes = [0_u8; 16];
    let name = topic.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    bytes[0..4].copy_from_slice(&name.to_be_bytes());
    bytes[4..8].copy_from_slice(&partition.to_be_bytes());
    bytes[8..16].copy_from_slice(&offset.to_be_bytes());
    FactId(Uuid::from_bytes(bytes))
}
