//! Facts on their way out of a service's database.
//!
//! [`append`] writes a fact into the transaction that makes it true. One relay per
//! database publishes what is not published yet, in the order of ids, and marks it.
//! Killed in between, the next relay publishes those facts again: consumers know them by
//! their ids.
//!
//! Ids are drawn under the row lock of the fact's aggregate, and the relay looks for what
//! is unpublished rather than for what lies behind a position. So it misses no transaction
//! that commits late, and keeps the order of each aggregate.

use std::{sync::LazyLock, time::Duration};

use anyhow::Context;
use prometheus_client::metrics::{counter::Counter, gauge::Gauge};
use sqlx::{Connection, PgConnection, PgPool, Row};
use tokio::{sync::Notify, time::timeout};
use tracing::{info, warn};
use urr_contract::{FactId, facts::Fact};
use uuid::Uuid;

use crate::{
    Runtime, Tasks,
    bus::{Bus, Message},
    telemetry::chain,
};

/// Advisory lock of the relay; one a database.
const RELAY_LOCK: i64 = 0x7572_725f_6f75_7462;
/// Facts published at a time.
const BATCH: i64 = 500;
/// First pause after a fact was appended here; its transaction commits any moment.
const EAGER_PAUSE: Duration = Duration::from_millis(2);
/// Pause after a batch that was not full, in which more facts gather under load.
const GATHER_PAUSE: Duration = Duration::from_millis(10);
/// Longest pause between two looks. Facts of other processes are found by it.
const IDLE_PAUSE: Duration = Duration::from_millis(100);
/// First and longest pause after a failure.
const FAILURE_PAUSE: Duration = Duration::from_millis(100);
const FAILURE_PAUSE_MAX: Duration = Duration::from_secs(5);
/// Pause before a relay that is not the one tries to become it.
const STANDBY_PAUSE: Duration = Duration::from_millis(500);
/// Longest time one statement of the relay may take before its connection is given up.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long published facts are kept, to be looked at.
const KEEP: Duration = Duration::from_hours(24);
/// How many of the oldest facts are looked at for removal at a time.
const REMOVE_BATCH: i64 = 5000;
/// How often old facts are removed.
const REMOVE_PERIOD: Duration = Duration::from_mins(1);

/// Rings when a fact was appended in this process, which the relay is often part of.
static APPENDED: LazyLock<Notify> = LazyLock::new(Notify::new);

/// Writes a fact into the caller's transaction, under whose row lock of the fact's
/// aggregate it must run. Returns the fact's id.
#[expect(
    clippy::disallowed_methods,
    reason = "the table is the same in every database that publishes"
)]
pub async fn append(connection: &mut PgConnection, fact: &Fact) -> sqlx::Result<FactId> {
    let (Some(topic), Some(key)) = (fact.topic(), fact.key()) else {
        return Err(sqlx::Error::Encode("a fact of unknown type".into()));
    };
    let payload = serde_json::to_string(fact).map_err(|error| sqlx::Error::Encode(error.into()))?;
    let id = FactId::random();
    sqlx::query("insert into outbox (fact_id, topic, key, payload) values ($1, $2, $3, $4::json)")
        .bind(id.0)
        .bind(topic.name())
        .bind(key)
        .bind(payload)
        .execute(connection)
        .await?;
    APPENDED.notify_waiters();
    Ok(id)
}

/// Starts this process' relay for the database of `pool`. It works while no other
/// process' relay does.
pub fn spawn_relay(runtime: &Runtime, pool: PgPool, bus: Bus) {
    let metrics = &runtime.metrics;
    let relay = Relay {
        pool,
        bus,
        tasks: runtime.tasks.clone(),
        published: metrics.counter("urr_facts_published", "Facts published from the outbox"),
        failures: metrics.counter(
            "urr_facts_publish_failures",
            "Attempts to publish a batch that failed",
        ),
        waiting_seconds: metrics.gauge(
            "urr_outbox_waiting_seconds",
            "Age of the oldest fact that is not published",
        ),
    };
    runtime.tasks.spawn("outbox.relay", async move {
        let tasks = relay.tasks.clone();
        // Being dropped in the middle of a batch is what every restart may do to it.
        tokio::select! {
            () = tasks.cancelled() => {}
            () = relay.run() => {}
        }
    });
}

struct Relay {
    pool: PgPool,
    bus: Bus,
    tasks: Tasks,
    published: Counter,
    failures: Counter,
    waiting_seconds: Gauge,
}

impl Relay {
    /// Never returns.
    async fn run(&self) {
        let mut pause = FAILURE_PAUSE;
        loop {
            let started = tokio::time::Instant::now();
            if let Err(error) = self.lead().await {
                warn!(error = %chain(&*error), "the outbox relay lost its database");
            }
            if started.elapsed() > FAILURE_PAUSE_MAX {
                pause = FAILURE_PAUSE;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(FAILURE_PAUSE_MAX);
        }
    }

    /// Publishes over a connection of its own. Lock and work share that connection, so a
    /// relay that has lost the lock can mark nothing.
    async fn lead(&self) -> anyhow::Result<()> {
        let mut connection = self.connect().await?;
        while !try_lock(&mut connection).await? {
            tokio::time::sleep(STANDBY_PAUSE).await;
        }
        info!("this process publishes the outbox");
        let mut last_removal = tokio::time::Instant::now();
        let mut failures = FAILURE_PAUSE;
        let mut pause = EAGER_PAUSE;
        loop {
            let appended = APPENDED.notified();
            let batch = bounded(unpublished(&mut connection)).await?;
            self.waiting_seconds.set(batch.waiting_seconds);
            // Also while there is much to publish: that is when most has to go.
            if last_removal.elapsed() > REMOVE_PERIOD
                && !bounded(remove_published(&mut connection, KEEP)).await?
            {
                last_removal = tokio::time::Instant::now();
            }
            if batch.messages.is_empty() {
                tokio::select! {
                    () = appended => pause = EAGER_PAUSE,
                    () = tokio::time::sleep(pause) => pause = (pause * 2).min(IDLE_PAUSE),
                }
                continue;
            }
            pause = EAGER_PAUSE;
            match self.bus.publish(&batch.messages).await {
                Ok(()) => {
                    bounded(mark(&mut connection, &batch.rows)).await?;
                    self.published.inc_by(batch.rows.len() as u64);
                    failures = FAILURE_PAUSE;
                    if !batch.is_full() {
                        tokio::time::sleep(GATHER_PAUSE).await;
                    }
                }
                Err(error) => {
                    self.failures.inc();
                    warn!(error = %chain(&error), facts = batch.rows.len(), "facts cannot be published");
                    tokio::time::sleep(failures).await;
                    failures = (failures * 2).min(FAILURE_PAUSE_MAX);
                }
            }
        }
    }

    async fn connect(&self) -> anyhow::Result<PgConnection> {
        // Postgres must notice within half a minute when this machine is gone, or the
        // lock stays with the dead.
        let options = (*self.pool.connect_options()).clone().options([
            ("tcp_keepalives_idle", "10"),
            ("tcp_keepalives_interval", "5"),
            ("tcp_keepalives_count", "3"),
        ]);
        bounded(PgConnection::connect_with(&options)).await
    }
}

/// The result in time, or an error.
async fn bounded<T>(work: impl Future<Output = sqlx::Result<T>>) -> anyhow::Result<T> {
    Ok(timeout(STATEMENT_TIMEOUT, work)
        .await
        .context("the database did not answer in time")??)
}

#[expect(clippy::disallowed_methods, reason = "a statement without tables")]
async fn try_lock(connection: &mut PgConnection) -> anyhow::Result<bool> {
    let query = sqlx::query_scalar("select pg_try_advisory_lock($1)").bind(RELAY_LOCK);
    bounded(query.fetch_one(connection)).await
}

struct Batch {
    rows: Vec<i64>,
    messages: Vec<Message>,
    waiting_seconds: i64,
}

impl Batch {
    fn is_full(&self) -> bool {
        i64::try_from(self.rows.len()).is_ok_and(|rows| rows >= BATCH)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the table is the same in every database that publishes"
)]
async fn unpublished(connection: &mut PgConnection) -> sqlx::Result<Batch> {
    let rows = sqlx::query(
        "select id, fact_id, topic, key, payload::text,
                extract(epoch from clock_timestamp() - created_at)::bigint
         from outbox where published_at is null order by id limit $1",
    )
    .bind(BATCH)
    .fetch_all(connection)
    .await?;
    let mut batch = Batch {
        rows: Vec::with_capacity(rows.len()),
        messages: Vec::with_capacity(rows.len()),
        waiting_seconds: 0,
    };
    for row in rows {
        batch.rows.push(row.try_get(0)?);
        batch.messages.push(Message {
            id: FactId(row.try_get::<Uuid, _>(1)?),
            topic: row.try_get(2)?,
            key: row.try_get(3)?,
            payload: row.try_get(4)?,
        });
        batch.waiting_seconds = batch.waiting_seconds.max(row.try_get(5)?);
    }
    Ok(batch)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the table is the same in every database that publishes"
)]
async fn mark(connection: &mut PgConnection, rows: &[i64]) -> sqlx::Result<()> {
    sqlx::query("update outbox set published_at = clock_timestamp() where id = any($1)")
        .bind(rows)
        .execute(connection)
        .await?;
    Ok(())
}

/// Removes facts published at least `age` ago. Looks only at the oldest rows, so it costs the same
/// however large the table is. Returns whether there may be more.
#[expect(
    clippy::disallowed_methods,
    reason = "the table is the same in every database that publishes"
)]
pub async fn remove_published(connection: &mut PgConnection, age: Duration) -> sqlx::Result<bool> {
    let removed = sqlx::query(
        "with oldest as (select id, published_at from outbox order by id limit $1)
         delete from outbox using oldest
         where outbox.id = oldest.id and oldest.published_at < now() - make_interval(secs => $2)",
    )
    .bind(REMOVE_BATCH)
    .bind(age.as_secs_f64())
    .execute(connection)
    .await?
    .rows_affected();
    Ok(i64::try_from(removed).is_ok_and(|removed| removed >= REMOVE_BATCH))
}
