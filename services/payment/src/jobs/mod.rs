//! Periodic work: orders in doubt are settled, money owed back is given back, also where
//! the fact that said so was lost.

pub(crate) mod owed_back;
mod refund;
mod resolve;

use std::{sync::Arc, time::Duration};

use crate::State;

/// How often work is looked for where nobody rings.
const PERIOD: Duration = Duration::from_millis(500);

/// Does all work that is due, once. How much there was.
pub async fn work_once(state: &State) -> anyhow::Result<usize> {
    let resolved = resolve::run(state).await?;
    let refunded = refund::run(state).await?;
    Ok(resolved + refunded)
}

/// Works in the background until shutdown.
pub(crate) fn spawn(state: &Arc<State>) {
    let tasks = state.runtime.tasks.clone();
    tasks.every("owed_back", owed_back::PERIOD, state, |state| async move {
        owed_back::run(&state).await.map(drop)
    });
    let state = Arc::clone(state);
    tasks.clone().spawn("jobs", async move {
        while !tasks.is_cancelled() {
            match work_once(&state).await {
                // What is claimed is not due again at once, so this comes to an end.
                Ok(done) if done > 0 => continue,
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(error = %urr_kit::telemetry::chain(&*error), "work failed");
                }
            }
            tokio::select! {
                _ = tasks.sleep(PERIOD) => {}
                () = state.work.notified() => {}
            }
        }
    });
}
