//! Ends holds whose time is over: small batches, one transaction each. Those being paid
//! are a job of their own, so that a slow payment service delays nobody's seat.

use futures::{StreamExt, stream};
use tracing::warn;
use urr_kit::telemetry::chain;

use crate::{
    State,
    booking::expire::{expire, resolve},
    store::reservations,
};

/// Holds looked at in one batch.
const BATCH: i64 = 100;
/// Transactions at a time, so that requests keep most of the connections.
const PARALLEL: usize = 4;

/// Releases all overdue holds that nobody pays; returns how many.
pub async fn release_overdue(state: &State) -> anyhow::Result<usize> {
    let mut released = 0;
    loop {
        let due = reservations::overdue_held(&state.pool, BATCH).await?;
        let outcomes: Vec<anyhow::Result<bool>> = stream::iter(due.iter().copied())
            .map(|id| expire(state, id))
            .buffer_unordered(PARALLEL)
            .collect()
            .await;
        let mut progress = 0;
        for outcome in outcomes {
            progress += usize::from(outcome.unwrap_or_else(|error| {
                warn!(error = %chain(&*error), "a hold could not be ended");
                false
            }));
        }
        released += progress;
        // A batch without progress is in somebody else's hands; the next run looks again.
        if progress == 0 || due.len() < usize::try_from(BATCH)? {
            return Ok(released);
        }
    }
}

/// Asks payment about a batch of overdue holds that are being paid; returns how many.
pub async fn resolve_overdue(state: &State) -> anyhow::Result<usize> {
    let due = reservations::overdue_paying(&state.pool, BATCH).await?;
    let asked = due.len();
    stream::iter(due)
        .for_each_concurrent(PARALLEL, |overdue| async move {
            if let Err(error) = resolve(state, &overdue).await {
                warn!(error = %chain(&*error), reservation.id = %overdue.id, "an overdue order could not be settled");
            }
        })
        .await;
    Ok(asked)
}
