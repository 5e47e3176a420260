//! Outbox, bus and consumers together, on real engines. Every test here holds on both
//! transports: on the embedded bus always, on Kafka where a broker is named by
//! `KAFKA_BOOTSTRAP_SERVERS` (`cargo test -p urr-kit --test it kafka -- --ignored`).

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::panic,
    reason = "a test that cannot go on has failed; its schema is its own"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use sqlx::{PgConnection, PgPool, migrate::Migrator};
use tokio::sync::watch;
use urr_contract::{
    EventId, Fact, FactId, ReservationId, UserId, Won, facts::ReservationCreatedV1, topics::Topic,
};
use urr_kit::{
    Runtime,
    bus::{Bus, Message, kafka, topics},
    consumer::{self, Applied, Consumer, Handler, Received, Retries},
    outbox,
};
use urr_testkit::wait_for;
use uuid::Uuid;

static SCHEMA: Migrator = sqlx::migrate!("tests/it/bus_schema");

/// Retries that do not make a test wait.
const QUICK: Retries = Retries {
    tries: 3,
    first_pause: Duration::from_millis(1),
    longest_pause: Duration::from_millis(5),
};

/// A service's database on a bus.
pub(crate) struct Bench {
    pub(crate) pool: PgPool,
    pub(crate) bus: Bus,
    /// Unlike any other test's on the same broker.
    pub(crate) group: &'static str,
    aggregates: Vec<Uuid>,
}

impl Bench {
    pub(crate) async fn new(bus: Bus) -> Self {
        let database = urr_testkit::database(&SCHEMA, "bus_schema").await;
        Self {
            pool: database.pool,
            bus,
            group: unique_group(),
            aggregates: Vec::new(),
        }
    }

    async fn embedded() -> Self {
        Self::new(urr_testkit::bus().await).await
    }

    async fn kafka() -> Self {
        Self::new(kafka_bus()).await
    }

    pub(crate) async fn with_aggregates(mut self, count: usize) -> Self {
        for _ in 0..count {
            let id = Uuid::new_v4();
            execute(&self.pool, "insert into aggregates (id) values ($1)", id).await;
            self.aggregates.push(id);
        }
        self
    }

    pub(crate) fn aggregates(&self) -> &[Uuid] {
        &self.aggregates
    }

    /// Changes an aggregate, publishing its number; returns the fact's id.
    pub(crate) async fn change(&self, aggregate: usize) -> FactId {
        change(&self.pool, self.aggregates[aggregate], 0.0).await
    }

    pub(crate) fn relay(&self) -> Runtime {
        let runtime = Runtime::new("test");
        outbox::spawn_relay(&runtime, self.pool.clone(), self.bus.clone());
        runtime
    }

    pub(crate) fn consume(&self, handler: impl Handler) -> Runtime {
        self.consume_as(self.group, handler)
    }

    fn consume_as(&self, group: &'static str, handler: impl Handler) -> Runtime {
        let runtime = Runtime::new("test");
        let consumer = Consumer {
            group,
            topics: &[Topic::Reservation],
            pool: self.pool.clone(),
            bus: self.bus.clone(),
        };
        consumer::spawn_with(&runtime, consumer, QUICK, handler);
        runtime
    }

    pub(crate) fn effects(&self) -> Effects {
        self.effects_of(self.group)
    }

    /// The handler whose effects are looked at. Facts of other tests on the same broker
    /// are none of its business.
    fn effects_of(&self, group: &'static str) -> Effects {
        Effects {
            group,
            aggregates: self.aggregates.iter().copied().collect(),
        }
    }

    pub(crate) async fn effect_count(&self) -> i64 {
        self.effect_count_of(self.group).await
    }

    async fn effect_count_of(&self, group: &str) -> i64 {
        sqlx::query_scalar("select count(*) from effects where consumer = $1")
            .bind(group)
            .fetch_one(&self.pool)
            .await
            .unwrap()
    }

    pub(crate) async fn wait_for_effects(&self, count: i64) {
        wait_for("all facts to take effect", async || {
            self.effect_count().await >= count
        })
        .await;
    }

    /// Those of this test's aggregates.
    pub(crate) async fn dead_letters(&self) -> Vec<(Uuid, String)> {
        sqlx::query_as(
            "select fact_id, error from dead_letters where consumer = $1 and key = any($2)",
        )
        .bind(self.group)
        .bind(
            self.aggregates
                .iter()
                .map(Uuid::to_string)
                .collect::<Vec<_>>(),
        )
        .fetch_all(&self.pool)
        .await
        .unwrap()
    }

    /// Every aggregate's numbers took effect, each once, in order.
    pub(crate) async fn assert_complete(&self, expected: i64) {
        self.assert_complete_for(self.group, expected).await;
    }

    async fn assert_complete_for(&self, group: &str, expected: i64) {
        let rows: Vec<(Uuid, i64)> =
            sqlx::query_as("select aggregate, number from effects where consumer = $1 order by id")
                .bind(group)
                .fetch_all(&self.pool)
                .await
                .unwrap();
        assert_eq!(i64::try_from(rows.len()).unwrap(), expected);
        let mut last: BTreeMap<Uuid, i64> = BTreeMap::new();
        for (aggregate, number) in rows {
            let before = last.insert(aggregate, number).unwrap_or(0);
            assert_eq!(number, before + 1, "out of order in {aggregate}");
        }
    }
}

pub(crate) fn unique_group() -> &'static str {
    Box::leak(format!("test-{}", Uuid::new_v4()).into_boxed_str())
}

fn kafka_bus() -> Bus {
    Bus::kafka(&Runtime::new("bus"), &kafka_options()).expect("settings of our own")
}

fn kafka_options() -> kafka::Options {
    let servers = std::env::var("KAFKA_BOOTSTRAP_SERVERS").expect("names the broker of the tests");
    kafka::Options {
        bootstrap_servers: servers,
        replication_factor: 1,
        create_topics: true,
        topic_prefix: format!("{}-", unique_group()),
        retention: Duration::from_hours(1),
    }
}

#[tokio::test]
#[ignore = "needs KAFKA_BOOTSTRAP_SERVERS"]
async fn kafka_topics_grow_to_what_is_needed_and_never_shrink() {
    let options = kafka_options();
    let needs = |partitions, hours| topics::Needs {
        name: format!("{}topic", options.topic_prefix),
        partitions,
        retention: Duration::from_hours(hours),
    };
    let mut said = Vec::new();
    for (partitions, hours) in [(2, 2), (2, 2), (1, 1), (4, 3), (4, 3)] {
        let done = topics::ensure(&options, &[needs(partitions, hours)])
            .await
            .unwrap();
        let prefix = format!("{}: ", needs(1, 1).name);
        said.push(done.join(", ").replace(&prefix, ""));
    }
    let expected = [
        "made with 2 partitions",
        "",
        "",
        "from 2 to 4 partitions, messages stay 3 hours",
        "",
    ];
    assert_eq!(said, expected);
}

pub(crate) async fn execute(pool: &PgPool, statement: &'static str, id: Uuid) {
    sqlx::query(statement).bind(id).execute(pool).await.unwrap();
}

pub(crate) async fn run(pool: &PgPool, script: &'static str) {
    sqlx::raw_sql(script).execute(pool).await.unwrap();
}

/// One transaction of a service, which takes `seconds` before its commit.
async fn change(pool: &PgPool, aggregate: Uuid, seconds: f64) -> FactId {
    let mut transaction = pool.begin().await.unwrap();
    let number: i64 = sqlx::query_scalar(
        "update aggregates set number = number + 1 where id = $1 returning number",
    )
    .bind(aggregate)
    .fetch_one(&mut *transaction)
    .await
    .unwrap();
    let id = outbox::append(&mut transaction, &fact(aggregate, number))
        .await
        .unwrap();
    sqlx::query("select pg_sleep($1)")
        .bind(seconds)
        .execute(&mut *transaction)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    id
}

pub(crate) fn fact(aggregate: Uuid, number: i64) -> Fact {
    Fact::ReservationCreated(ReservationCreatedV1 {
        saga_id: None,
        reservation_id: ReservationId(aggregate),
        user_id: UserId(Uuid::from_u128(1)),
        event_id: Some(EventId(Uuid::from_u128(2))),
        total_amount: Won(number),
        quantity: 1,
        timestamp: Timestamp::UNIX_EPOCH,
    })
}

fn message(id: FactId, aggregate: Uuid, payload: String) -> Message {
    Message {
        id,
        topic: Topic::Reservation.name().to_owned(),
        key: aggregate.to_string(),
        payload,
    }
}

/// Writes down what it sees of some aggregates.
#[derive(Clone)]
pub(crate) struct Effects {
    group: &'static str,
    aggregates: BTreeSet<Uuid>,
}

impl Effects {
    /// The aggregate and its number, where the fact is one of this test's.
    fn of_interest(&self, fact: &Received) -> Option<(Uuid, i64)> {
        let Fact::ReservationCreated(created) = &fact.fact else {
            return None;
        };
        let aggregate = created.reservation_id.0;
        self.aggregates
            .contains(&aggregate)
            .then_some((aggregate, created.total_amount.0))
    }
}

impl Handler for Effects {
    async fn apply(&self, connection: &mut PgConnection, fact: &Received) -> anyhow::Result<()> {
        if let Some((aggregate, number)) = self.of_interest(fact) {
            sqlx::query("insert into effects (consumer, aggregate, number) values ($1, $2, $3)")
                .bind(self.group)
                .bind(aggregate)
                .bind(number)
                .execute(connection)
                .await?;
        }
        Ok(())
    }
}

/// What a [`Faulty`] handler does after its work.
#[derive(Clone, Copy)]
enum Fault {
    Fails,
    Panics,
    LosesItsConnection,
    SwallowsAnError,
}

/// Has a fault in the first `times` attempts at one number.
struct Faulty {
    effects: Effects,
    fault: Fault,
    number: i64,
    times: u32,
    attempts: Arc<AtomicU32>,
}

impl Handler for Faulty {
    async fn apply(&self, connection: &mut PgConnection, fact: &Received) -> anyhow::Result<()> {
        self.effects.apply(connection, fact).await?;
        let Some((_, number)) = self.effects.of_interest(fact) else {
            return Ok(());
        };
        if number != self.number || self.attempts.fetch_add(1, Ordering::SeqCst) >= self.times {
            return Ok(());
        }
        match self.fault {
            Fault::Fails => anyhow::bail!("a fault of the test"),
            Fault::Panics => panic!("a fault of the test"),
            Fault::LosesItsConnection => {
                sqlx::query("select pg_terminate_backend(pg_backend_pid())")
                    .execute(connection)
                    .await?;
            }
            Fault::SwallowsAnError => {
                let result = sqlx::query("select 1 / 0").execute(connection).await;
                assert!(result.is_err());
            }
        }
        Ok(())
    }
}

/// The same test on both transports.
macro_rules! on_both {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn embedded() {
                super::$name(super::Bench::embedded().await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            #[ignore = "needs KAFKA_BOOTSTRAP_SERVERS"]
            async fn kafka() {
                super::$name(super::Bench::kafka().await).await;
            }
        }
    )+};
}

on_both! {
    every_fact_takes_effect_once_and_in_order;
    a_late_commit_is_not_missed;
    a_relay_that_dies_before_marking_repeats_without_effect;
    a_second_relay_takes_over;
    a_handler_that_fails_is_tried_again;
    a_poisonous_fact_is_put_aside_and_the_next_goes_on;
    a_panic_is_a_failure_like_any_other;
    an_unreadable_fact_is_put_aside_and_an_unknown_one_skipped;
    a_connection_lost_within_the_transaction_costs_nothing;
    an_error_swallowed_by_the_handler_is_not_committed;
    two_processes_share_a_group;
    two_groups_see_every_fact;
    a_restarted_consumer_goes_on_where_it_stood;
    a_partition_that_stands_still_holds_up_no_other;
}

/// Eight writers over few aggregates, with commits that come late by chance: ids of the
/// outbox become visible out of order all the time.
async fn every_fact_takes_effect_once_and_in_order(bench: Bench) {
    const WRITERS: usize = 8;
    const FACTS: usize = 1000;
    let bench = bench.with_aggregates(24).await;
    let relay = bench.relay();
    let reader = bench.consume(bench.effects());
    let writers = (0..WRITERS).map(|writer| {
        let (pool, aggregates) = (bench.pool.clone(), bench.aggregates.clone());
        async move {
            for turn in 0..FACTS {
                // Neighbours in time are different aggregates, so that they overlap.
                let aggregate = aggregates[(writer * 3 + turn) % aggregates.len()];
                let late = f64::from(rand::random_range(0..3_u32)) / 1000.0;
                change(&pool, aggregate, late).await;
            }
        }
    });
    futures::future::join_all(writers).await;
    let expected = i64::try_from(WRITERS * FACTS).unwrap();
    bench.wait_for_effects(expected).await;
    bench.assert_complete(expected).await;
    relay.tasks.shutdown().await;
    reader.tasks.shutdown().await;
}

async fn a_late_commit_is_not_missed(bench: Bench) {
    let bench = bench.with_aggregates(2).await;
    let _relay = bench.relay();
    let _reader = bench.consume(bench.effects());
    let mut late = bench.pool.begin().await.unwrap();
    outbox::append(&mut late, &fact(bench.aggregates[0], 1))
        .await
        .unwrap();
    // A higher id is committed, published and read before the lower one is committed.
    bench.change(1).await;
    bench.wait_for_effects(1).await;
    late.commit().await.unwrap();
    bench.wait_for_effects(2).await;
    bench.assert_complete(2).await;
}

async fn a_relay_that_dies_before_marking_repeats_without_effect(bench: Bench) {
    let bench = bench.with_aggregates(1).await;
    // To the relay this is a database that is lost between publication and mark.
    run(
        &bench.pool,
        "create function refuse() returns trigger language plpgsql as
             $$ begin perform pg_terminate_backend(pg_backend_pid()); return new; end $$;
         create trigger refuse before update on outbox for each row execute function refuse()",
    )
    .await;
    let _relay = bench.relay();
    let reader = bench.consume(bench.effects());
    bench.change(0).await;
    bench.wait_for_effects(1).await;
    // It has come at least once more.
    wait_for("a repetition", async || repeated(&reader) > 0).await;
    run(&bench.pool, "drop trigger refuse on outbox").await;
    bench.change(0).await;
    bench.wait_for_effects(2).await;
    bench.assert_complete(2).await;
    wait_for("an empty outbox", async || {
        unpublished(&bench.pool).await == 0
    })
    .await;
}

async fn a_second_relay_takes_over(bench: Bench) {
    let bench = bench.with_aggregates(1).await;
    let _reader = bench.consume(bench.effects());
    let (first, second) = (bench.relay(), bench.relay());
    bench.change(0).await;
    bench.wait_for_effects(1).await;
    first.tasks.shutdown().await;
    bench.change(0).await;
    bench.wait_for_effects(2).await;
    second.tasks.shutdown().await;
    bench.assert_complete(2).await;
}

async fn a_handler_that_fails_is_tried_again(bench: Bench) {
    faulty(bench, Fault::Fails, QUICK.tries - 1).await;
}

async fn a_connection_lost_within_the_transaction_costs_nothing(bench: Bench) {
    // More often than a fact is tried: the database's absence is not the fact's fault.
    faulty(bench, Fault::LosesItsConnection, QUICK.tries + 2).await;
}

async fn an_error_swallowed_by_the_handler_is_not_committed(bench: Bench) {
    faulty(bench, Fault::SwallowsAnError, 1).await;
}

/// The second of three facts fails for a while; in the end all have taken effect once.
async fn faulty(bench: Bench, fault: Fault, times: u32) {
    let bench = bench.with_aggregates(1).await;
    let _relay = bench.relay();
    let attempts = Arc::new(AtomicU32::new(0));
    let _reader = bench.consume(Faulty {
        effects: bench.effects(),
        fault,
        number: 2,
        times,
        attempts: Arc::clone(&attempts),
    });
    for _ in 0..3 {
        bench.change(0).await;
    }
    bench.wait_for_effects(3).await;
    bench.assert_complete(3).await;
    assert_eq!(attempts.load(Ordering::SeqCst), times + 1);
    assert_eq!(bench.dead_letters().await, []);
}

async fn a_poisonous_fact_is_put_aside_and_the_next_goes_on(bench: Bench) {
    poisoned(bench, Fault::Fails, "a fault of the test").await;
}

async fn a_panic_is_a_failure_like_any_other(bench: Bench) {
    poisoned(
        bench,
        Fault::Panics,
        "the handler panicked: a fault of the test",
    )
    .await;
}

async fn poisoned(bench: Bench, fault: Fault, error: &str) {
    let bench = bench.with_aggregates(1).await;
    let before = dead_letter_count(&bench.bus).await;
    let _relay = bench.relay();
    let _reader = bench.consume(Faulty {
        effects: bench.effects(),
        fault,
        number: 2,
        times: u32::MAX,
        attempts: Arc::default(),
    });
    let first = bench.change(0).await;
    let poison = bench.change(0).await;
    let last = bench.change(0).await;
    bench.wait_for_effects(2).await;
    assert_eq!(bench.effect_count().await, 2, "{first} and {last}");
    assert_eq!(bench.dead_letters().await, [(poison.0, error.to_owned())]);
    assert!(dead_letter_count(&bench.bus).await > before);
}

async fn an_unreadable_fact_is_put_aside_and_an_unknown_one_skipped(bench: Bench) {
    let bench = bench.with_aggregates(1).await;
    let _reader = bench.consume(bench.effects());
    let aggregate = bench.aggregates[0];
    let (unreadable, unknown, good) = (FactId::random(), FactId::random(), FactId::random());
    publish_patiently(
        &bench.bus,
        &[
            message(
                unreadable,
                aggregate,
                r#"{"type":"RESERVATION_CREATED"}"#.to_owned(),
            ),
            message(
                unknown,
                aggregate,
                r#"{"type":"SEAT_PAINTED","colour":"red"}"#.to_owned(),
            ),
            message(
                good,
                aggregate,
                serde_json::to_string(&fact(aggregate, 1)).unwrap(),
            ),
        ],
    )
    .await;
    bench.wait_for_effects(1).await;
    let letters = bench.dead_letters().await;
    assert_eq!(letters.len(), 1, "{letters:?}");
    let (id, error) = &letters[0];
    assert_eq!(*id, unreadable.0);
    assert!(
        error.starts_with("the fact cannot be read: missing field"),
        "{error}"
    );
}

async fn two_processes_share_a_group(bench: Bench) {
    let bench = bench.with_aggregates(12).await;
    let _relay = bench.relay();
    let first = bench.consume(bench.effects());
    let second = bench.consume(bench.effects());
    for turn in 0..120 {
        bench.change(turn % 12).await;
    }
    bench.wait_for_effects(120).await;
    // One dies; the other goes on with everything.
    first.tasks.shutdown().await;
    for turn in 0..120 {
        bench.change(turn % 12).await;
    }
    bench.wait_for_effects(240).await;
    bench.assert_complete(240).await;
    second.tasks.shutdown().await;
}

async fn two_groups_see_every_fact(bench: Bench) {
    let bench = bench.with_aggregates(3).await;
    let other = unique_group();
    let _relay = bench.relay();
    let _one = bench.consume(bench.effects());
    let _two = bench.consume_as(other, bench.effects_of(other));
    for turn in 0..30 {
        bench.change(turn % 3).await;
    }
    bench.wait_for_effects(30).await;
    wait_for("the other group", async || {
        bench.effect_count_of(other).await >= 30
    })
    .await;
    bench.assert_complete(30).await;
    bench.assert_complete_for(other, 30).await;
}

async fn a_restarted_consumer_goes_on_where_it_stood(bench: Bench) {
    let bench = bench.with_aggregates(3).await;
    let _relay = bench.relay();
    let reader = bench.consume(bench.effects());
    for turn in 0..30 {
        bench.change(turn % 3).await;
    }
    bench.wait_for_effects(30).await;
    reader.tasks.shutdown().await;
    for turn in 0..30 {
        bench.change(turn % 3).await;
    }
    let _reader = bench.consume(bench.effects());
    bench.wait_for_effects(60).await;
    bench.assert_complete(60).await;
}

/// Waits at one aggregate until it is released.
struct Stuck {
    effects: Effects,
    at: Uuid,
    released: watch::Receiver<bool>,
}

impl Handler for Stuck {
    async fn apply(&self, connection: &mut PgConnection, fact: &Received) -> anyhow::Result<()> {
        if fact.key == self.at.to_string() {
            let mut released = self.released.clone();
            released.wait_for(|released| *released).await?;
        }
        self.effects.apply(connection, fact).await
    }
}

async fn a_partition_that_stands_still_holds_up_no_other(bench: Bench) {
    // Enough aggregates that some lie in other partitions, more facts than are kept in memory.
    const OTHERS: usize = 12;
    const BEHIND: usize = 300;
    let bench = bench.with_aggregates(1 + OTHERS).await;
    let _relay = bench.relay();
    let (release, released) = watch::channel(false);
    let _reader = bench.consume(Stuck {
        effects: bench.effects(),
        at: bench.aggregates[0],
        released,
    });
    for _ in 0..BEHIND {
        bench.change(0).await;
    }
    for other in 1..=OTHERS {
        bench.change(other).await;
    }
    wait_for("facts of other partitions", async || {
        bench.effect_count().await > 0
    })
    .await;
    release.send_replace(true);
    let all = i64::try_from(BEHIND + OTHERS).unwrap();
    bench.wait_for_effects(all).await;
    bench.assert_complete(all).await;
}

#[tokio::test]
async fn a_fact_applied_twice_by_hand_takes_effect_once() {
    let bench = Bench::embedded().await.with_aggregates(1).await;
    let aggregate = bench.aggregates[0];
    let received = Received {
        id: FactId::random(),
        topic: Topic::Reservation,
        key: aggregate.to_string(),
        fact: fact(aggregate, 1),
    };
    let effects = bench.effects();
    let mut results = Vec::new();
    for _ in 0..2 {
        let applied = consumer::apply_once(&bench.pool, bench.group, &received, &effects).await;
        results.push(applied.unwrap());
    }
    assert_eq!(results, [Applied::Now, Applied::Before]);
    assert_eq!(bench.effect_count().await, 1);
}

/// Nothing listens there: every call says so soon, and shutdown does not wait for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_is_away_blocks_nothing() {
    let runtime = Runtime::new("test");
    let options = kafka::Options {
        bootstrap_servers: "127.0.0.1:1".to_owned(),
        replication_factor: 1,
        create_topics: true,
        topic_prefix: format!("{}-", unique_group()),
        retention: Duration::from_hours(1),
    };
    let bus = Bus::kafka(&runtime, &options).unwrap();
    assert!(bus.check().await.is_err());
    let bench = Bench::new(bus).await.with_aggregates(1).await;
    let relay = bench.relay();
    let reader = bench.consume(bench.effects());
    bench.change(0).await;
    assert_eq!(unpublished(&bench.pool).await, 1);
    let ended = async {
        relay.tasks.shutdown().await;
        reader.tasks.shutdown().await;
        runtime.tasks.shutdown().await;
    };
    // Far below what shutdown gives a task that does not end.
    tokio::time::timeout(Duration::from_secs(10), ended)
        .await
        .unwrap();
}

/// Publishes as the relay does: again until the bus takes it.
async fn publish_patiently(bus: &Bus, messages: &[Message]) {
    wait_for("the bus", async || bus.publish(messages).await.is_ok()).await;
}

fn repeated(reader: &Runtime) -> u64 {
    let text = reader.metrics.render().unwrap();
    let line = text
        .lines()
        .find(|line| line.starts_with("urr_facts_repeated_total"))
        .expect("the metric is there");
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

async fn unpublished(pool: &PgPool) -> i64 {
    sqlx::query_scalar("select count(*) from outbox where published_at is null")
        .fetch_one(pool)
        .await
        .unwrap()
}

/// Messages ever put on the dead-letter topic.
async fn dead_letter_count(bus: &Bus) -> i64 {
    let topic = Topic::Reservation.dead_letter();
    // With Kafka the topic is being created.
    wait_for("the topic", async || bus.count(topic).await.is_ok()).await;
    bus.count(topic).await.unwrap()
}
