//! Looks again at orders that are due: in doubt, hinted at by a webhook, or past their time.

use futures::future::join_all;

use crate::{
    State,
    domain::settlement::Ask,
    paying::settle,
    store::payments::{self, Due},
};

/// Orders a run.
const BATCH: i64 = 20;

pub(super) async fn run(state: &State) -> anyhow::Result<usize> {
    let due = payments::claim_due(&state.pool, BATCH).await?;
    // Side by side, so that a provider that does not answer costs its time once.
    join_all(due.iter().map(|order| look_at(state, order))).await;
    let in_doubt = payments::in_doubt(&state.pool).await?;
    state.metrics.in_doubt.set(in_doubt);
    Ok(due.len())
}

async fn look_at(state: &State, order: &Due) {
    let ask = if order.over { Ask::End } else { Ask::Hint };
    if let Err(error) = settle::settle_due(state, &order.order_id, ask).await {
        let error = urr_kit::telemetry::chain(&*error);
        tracing::warn!(order.id = order.order_id, error, "not settled");
    }
}
