//! Carries out refunds that are due.

use futures::future::join_all;

use crate::{
    State,
    paying::refund,
    store::refunds::{self, Refund},
};

/// Refunds a run.
const BATCH: i64 = 20;

pub(super) async fn run(state: &State) -> anyhow::Result<usize> {
    let due = refunds::claim(&state.pool, None, BATCH).await?;
    join_all(due.iter().map(|owed| give_back(state, owed))).await;
    Ok(due.len())
}

async fn give_back(state: &State, owed: &Refund) {
    if let Err(error) = refund::carry_out(state, owed).await {
        let error = urr_kit::telemetry::chain(&*error);
        tracing::warn!(order.id = owed.order_id, error, "not refunded");
    }
}
