//! What only the embedded bus can get wrong: many writers to one log, its database lost,
//! its retention.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test that cannot go on has failed; its schema is its own"
)]

use std::{str::FromStr, time::Duration};

use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use urr_contract::{
    FactId,
    topics::{PARTITIONS, Topic},
};
use urr_kit::{
    Runtime,
    bus::{Bus, Message, embedded},
    outbox,
};
use urr_testkit::{BreakingProxy, wait_for};
use uuid::Uuid;

use crate::bus::{Bench, execute, fact, run};

const RETENTION: Duration = Duration::from_hours(1);

#[tokio::test]
async fn the_log_has_every_topic() {
    let database = urr_testkit::database(&embedded::MIGRATIONS, "bus").await;
    let found: Vec<(String, i32)> =
        sqlx::query_as("select name, partitions from topics order by name")
            .fetch_all(&database.pool)
            .await
            .unwrap();
    let mut expected: Vec<(String, i32)> = Topic::ALL
        .into_iter()
        .flat_map(|topic| [topic.name(), topic.dead_letter()])
        .map(|name| (name.to_owned(), PARTITIONS))
        .collect();
    expected.sort();
    assert_eq!(found, expected);
}

/// Appends to one partition by many services at once: ids must be visible in their order,
/// or the reader, which runs all the time, would pass over some.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_writers_to_one_log_lose_nothing() {
    const WRITERS: usize = 8;
    const BATCHES: i64 = 150;
    let bench = Bench::new(urr_testkit::bus().await)
        .await
        .with_aggregates(WRITERS)
        .await;
    let _reader = bench.consume(bench.effects());
    let writers = bench.aggregates().iter().map(|aggregate| {
        let bus = bench.bus.clone();
        async move {
            for batch in 0..BATCHES {
                let facts =
                    [batch * 2 + 1, batch * 2 + 2].map(|number| message(*aggregate, number));
                bus.publish(&facts).await.unwrap();
            }
        }
    });
    futures::future::join_all(writers).await;
    let expected = i64::try_from(WRITERS).unwrap() * BATCHES * 2;
    bench.wait_for_effects(expected).await;
    bench.assert_complete(expected).await;
}

/// A writer is held between drawing its id and its commit. Another that writes to the same
/// partition must wait for it, or a reader would see the higher id first and pass over the
/// lower one for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ids_of_a_partition_become_visible_in_their_order() {
    let database = urr_testkit::database(&embedded::MIGRATIONS, "bus").await;
    let bus = Bus::embedded(&Runtime::new("bus"), database.pool.clone(), RETENTION);
    let bench = Bench::new(bus.clone()).await.with_aggregates(1).await;
    let aggregate = bench.aggregates()[0];
    run(
        &database.pool,
        "create function hold() returns trigger language plpgsql as
             $$ begin perform pg_advisory_xact_lock(42); return null; end $$;
         create trigger hold after insert on log for each row
             when (new.payload ->> 'totalAmount' = '1') execute function hold()",
    )
    .await;
    let mut holder = database.pool.begin().await.unwrap();
    sqlx::query("select pg_advisory_xact_lock(42)")
        .execute(&mut *holder)
        .await
        .unwrap();
    let _reader = bench.consume(bench.effects());
    let (first, second) = ([message(aggregate, 1)], [message(aggregate, 2)]);
    let release = async {
        wait_for("the second writer to wait or to be done", async || {
            waiting(&database.pool).await == 2 || visible(&database.pool).await > 0
        })
        .await;
        assert_eq!(visible(&database.pool).await, 0);
        holder.commit().await.unwrap();
    };
    let second = async {
        wait_for("the first writer to be held", async || {
            waiting(&database.pool).await == 1
        })
        .await;
        bus.publish(&second).await
    };
    let (first, second, ()) = tokio::join!(bus.publish(&first), second, release);
    first.unwrap();
    second.unwrap();
    bench.wait_for_effects(2).await;
    bench.assert_complete(2).await;
}

/// How many wait for an advisory lock in that database.
async fn waiting(pool: &PgPool) -> i64 {
    sqlx::query_scalar(
        "select count(*) from pg_locks join pg_database on pg_database.oid = database
         where locktype = 'advisory' and not granted and datname = current_database()",
    )
    .fetch_one(pool)
    .await
    .unwrap()
}

async fn visible(pool: &PgPool) -> i64 {
    sqlx::query_scalar("select count(*) from log")
        .fetch_one(pool)
        .await
        .unwrap()
}

fn message(aggregate: Uuid, number: i64) -> Message {
    Message {
        id: FactId::random(),
        topic: Topic::Reservation.name().to_owned(),
        key: aggregate.to_string(),
        payload: serde_json::to_string(&fact(aggregate, number)).unwrap(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn facts_wait_while_the_bus_is_lost() {
    let database = urr_testkit::database(&embedded::MIGRATIONS, "bus").await;
    let options = PgConnectOptions::from_str(&database.url).unwrap();
    let proxy = BreakingProxy::to_port(options.get_port()).await;
    let pool = PgPoolOptions::new()
        .max_connections(6)
        .acquire_timeout(Duration::from_millis(200))
        .connect_lazy_with(options.host("127.0.0.1").port(proxy.port()));
    let bus = Bus::embedded(&Runtime::new("bus"), pool, RETENTION);
    let bench = Bench::new(bus.clone()).await.with_aggregates(3).await;
    let _relay = bench.relay();
    let _reader = bench.consume(bench.effects());
    bench.change(0).await;
    bench.wait_for_effects(1).await;

    proxy.break_off();
    // The sale goes on; its facts stay in the outbox.
    for turn in 0..9 {
        bench.change(turn % 3).await;
    }
    assert!(bus.check().await.is_err());
    assert!(bus.publish(&[message(Uuid::new_v4(), 1)]).await.is_err());
    assert_eq!(bench.effect_count().await, 1);

    proxy.mend();
    bench.wait_for_effects(10).await;
    bench.assert_complete(10).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_older_than_the_retention_is_removed_and_the_rest_read() {
    let database = urr_testkit::database(&embedded::MIGRATIONS, "bus").await;
    let bus = Bus::embedded(&Runtime::new("bus"), database.pool.clone(), RETENTION);
    let bench = Bench::new(bus.clone()).await.with_aggregates(1).await;
    let aggregate = bench.aggregates()[0];
    bus.publish(&[message(Uuid::new_v4(), 1), message(Uuid::new_v4(), 2)])
        .await
        .unwrap();
    run(
        &database.pool,
        "update log set appended_at = now() - interval '61 minutes'",
    )
    .await;
    bus.publish(&[message(aggregate, 1)]).await.unwrap();
    let Bus::Embedded(log) = &bus else {
        panic!("made as such above");
    };
    assert_eq!(log.remove_old().await.unwrap(), 2);
    assert_eq!(bus.count(Topic::Reservation.name()).await.unwrap(), 1);
    let _reader = bench.consume(bench.effects());
    bench.wait_for_effects(1).await;
}

#[tokio::test]
async fn an_unknown_topic_is_an_error() {
    let bus = urr_testkit::bus().await;
    let mut stray = message(Uuid::new_v4(), 1);
    stray.topic = "seat-events".to_owned();
    let error = bus.publish(&[stray]).await.unwrap_err();
    assert_eq!(error.to_string(), "the bus has no topic seat-events");
}

/// The oldest facts go once they were published long enough ago; what is not published
/// never does.
#[tokio::test]
async fn the_outbox_forgets_only_what_was_published() {
    let bench = Bench::new(urr_testkit::bus().await)
        .await
        .with_aggregates(1)
        .await;
    let (old, recent, waiting) = (
        bench.change(0).await,
        bench.change(0).await,
        bench.change(0).await,
    );
    let published = "update outbox set published_at = now() where fact_id = $1";
    execute(&bench.pool, published, recent.0).await;
    let long_ago = "update outbox set published_at = now() - interval '2 hours' where fact_id = $1";
    execute(&bench.pool, long_ago, old.0).await;
    let mut connection = bench.pool.acquire().await.unwrap();
    outbox::remove_published(&mut connection, Duration::from_hours(1))
        .await
        .unwrap();
    assert_eq!(kept(&bench.pool).await, [recent.0, waiting.0]);
}

async fn kept(pool: &PgPool) -> Vec<Uuid> {
    sqlx::query_scalar("select fact_id from outbox order by id")
        .fetch_all(pool)
        .await
        .unwrap()
}

/// A transaction that is rolled back says nothing to anybody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_is_undone_publishes_nothing() {
    let bench = Bench::new(urr_testkit::bus().await)
        .await
        .with_aggregates(1)
        .await;
    let _relay = bench.relay();
    let mut undone = bench.pool.begin().await.unwrap();
    outbox::append(&mut undone, &fact(bench.aggregates()[0], 99))
        .await
        .unwrap();
    undone.rollback().await.unwrap();
    bench.change(0).await;
    wait_for("the one fact", async || {
        bench.bus.count(Topic::Reservation.name()).await.unwrap() == 1
    })
    .await;
}
