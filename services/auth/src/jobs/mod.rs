//! Periodic work of auth.

use std::{future::Future, sync::Arc, time::Duration};

use urr_kit::Runtime;

use crate::State;

pub mod erase;
pub mod purge;

/// How often steps of erasures are carried out that are due.
const ERASE_PERIOD: Duration = Duration::from_secs(1);
/// How often what has expired is deleted.
const PURGE_PERIOD: Duration = Duration::from_mins(5);

/// Starts all jobs.
pub fn spawn(runtime: &Runtime, state: &Arc<State>) {
    every(runtime, state, "erase", ERASE_PERIOD, |state| async move {
        erase::run(&state).await
    });
    every(runtime, state, "purge", PURGE_PERIOD, |state| async move {
        purge::run(&state).await
    });
}

fn every<F: Future<Output = anyhow::Result<()>> + Send + 'static>(
    runtime: &Runtime,
    state: &Arc<State>,
    name: &'static str,
    period: Duration,
    work: impl Fn(Arc<State>) -> F + Send + 'static,
) {
    let state = Arc::clone(state);
    runtime
        .tasks
        .every(name, period, move || work(Arc::clone(&state)));
}
