//! Periodic work of auth.

use std::{sync::Arc, time::Duration};

use urr_kit::Runtime;

use crate::State;

pub mod purge;

/// How often what has expired is deleted.
const PURGE_PERIOD: Duration = Duration::from_mins(5);

/// Starts all jobs.
pub fn spawn(runtime: &Runtime, state: &Arc<State>) {
    let state = state.clone();
    runtime.tasks.every("purge", PURGE_PERIOD, move || {
        let state = state.clone();
        async move { purge::run(&state).await }
    });
}
