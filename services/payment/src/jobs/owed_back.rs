//! The net below the facts that end what was paid for: asks ticket which captured orders it
//! has been telling us of in vain, and gives their money back, once.

use std::time::Duration;

use crate::{State, paying::refund};

/// How often ticket is asked.
pub(super) const PERIOD: Duration = Duration::from_mins(1);

/// Asks once, for all there are. How many refunds nobody had asked for before.
pub async fn run(state: &State) -> anyhow::Result<usize> {
    let mut found = 0;
    let mut after = String::new();
    loop {
        let owed = state.ticket.owed_back(&after).await?.orders;
        let Some(last) = owed.last() else { break };
        after.clone_from(&last.order_id);
        for order in &owed {
            if refund::owe(state, &order.order_id, &order.reason).await? {
                found += 1;
                state.metrics.lost_refunds.inc();
                tracing::error!(
                    order.id = order.order_id,
                    "the fact that its money is owed back was lost"
                );
            }
        }
    }
    if found > 0 {
        state.work.notify_one();
    }
    Ok(found)
}
