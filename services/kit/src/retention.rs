//! Deletes what has been kept long enough: in batches, so that no statement holds many locks,
//! and counted, so that a sweep that stopped working is seen.

use std::{future::Future, time::Duration};

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
};
use sqlx::PgPool;
use tracing::info;

use crate::{Metrics, Runtime};

/// Rows a statement deletes at most.
pub const BATCH: i64 = 1_000;
/// How often a service that has nothing else to sweep looks for dead letters.
const PERIOD: Duration = Duration::from_hours(1);

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Kind {
    what: &'static str,
}

/// The sweeps of one service.
#[derive(Clone, Debug)]
pub struct Retention {
    removed: Family<Kind, Counter>,
}

impl Retention {
    /// Sweeps that are counted as `urr_retention_removed_rows_total` by what they remove.
    pub fn new(metrics: &Metrics) -> Self {
        let removed = metrics.register(
            "urr_retention_removed_rows",
            "Rows that were deleted or emptied because they had been kept long enough",
            Family::default(),
        );
        Self { removed }
    }

    /// Repeats `remove`, which takes the most rows of a batch ([`BATCH`]) and returns how many
    /// it removed, until a batch is not full. Returns how many rows that were in all.
    pub async fn sweep<F>(
        &self,
        what: &'static str,
        mut remove: impl FnMut(i64) -> F,
    ) -> sqlx::Result<u64>
    where
        F: Future<Output = sqlx::Result<u64>>,
    {
        let counter = self.removed.get_or_create_owned(&Kind { what });
        let mut all = 0;
        loop {
            let removed = remove(BATCH).await?;
            counter.inc_by(removed);
            all += removed;
            if i64::try_from(removed).is_ok_and(|removed| removed < BATCH) {
                break;
            }
        }
        if all > 0 {
            info!(what, rows = all, "removed what was kept long enough");
        }
        Ok(all)
    }
}

/// How long dead letters are kept. They name people by their ids.
#[derive(clap::Args, Clone, Copy, Debug)]
pub struct DeadLetterArgs {
    /// Days for which facts that could not be applied are kept for somebody to look at.
    #[arg(long, env = "RETENTION_DEAD_LETTERS_DAYS", default_value_t = 90, hide_env_values = true,
          value_parser = clap::value_parser!(u16).range(1..=3650))]
    pub retention_dead_letters_days: u16,
}

impl DeadLetterArgs {
    /// Deletes the dead letters of that database that are older.
    pub async fn sweep(self, pool: &PgPool, retention: &Retention) -> sqlx::Result<u64> {
        let days = i32::from(self.retention_dead_letters_days);
        retention
            .sweep("dead letters", |batch| {
                delete_dead_letters(pool, days, batch)
            })
            .await
    }

    /// Does so every hour in the background.
    pub fn spawn(self, runtime: &Runtime, pool: &PgPool) {
        let swept = (Retention::new(&runtime.metrics), pool.clone());
        runtime.tasks.every(
            "retention",
            PERIOD,
            &swept,
            move |(retention, pool)| async move {
                self.sweep(&pool, &retention).await?;
                Ok(())
            },
        );
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the table is the same in every database that consumes"
)]
async fn delete_dead_letters(pool: &PgPool, days: i32, batch: i64) -> sqlx::Result<u64> {
    let deleted = sqlx::query(
        "with old as materialized (
             select consumer, fact_id from dead_letters
             where failed_at < now() - make_interval(days => $1) limit $2 for update skip locked
         )
         delete from dead_letters d using old where (d.consumer, d.fact_id) = (old.consumer, old.fact_id)",
    )
    .bind(days)
    .bind(batch)
    .execute(pool)
    .await?;
    Ok(deleted.rows_affected())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn batches_follow_until_one_is_not_full() {
        let metrics = Metrics::new();
        let retention = Retention::new(&metrics);
        let mut left = 2_500_u64;
        let removed = retention
            .sweep("old things", |batch| {
                let now = left.min(batch.unsigned_abs());
                left -= now;
                async move { Ok(now) }
            })
            .await
            .expect("swept");
        assert_eq!((removed, left), (2_500, 0));
        let text = metrics.render().expect("text");
        assert!(
            text.contains("urr_retention_removed_rows_total{what=\"old things\"} 2500"),
            "{text}"
        );
    }
}
