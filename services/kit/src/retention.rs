//! Deletes what has been kept long enough: in batches, so that no statement holds many locks,
//! and counted, so that a sweep that stopped working is seen.

use std::future::Future;

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
};
use tracing::info;

use crate::Metrics;

/// Rows a statement deletes at most.
pub const BATCH: i64 = 1_000;

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
