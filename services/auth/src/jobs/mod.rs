//! Periodic work of auth.

use std::{sync::Arc, time::Duration};

use urr_kit::Tasks;

use crate::State;

pub mod erase;
pub mod purge;

/// How often steps of erasures are carried out that are due.
const ERASE_PERIOD: Duration = Duration::from_secs(1);
/// How often what has expired is deleted.
const PURGE_PERIOD: Duration = Duration::from_mins(5);

/// Starts all jobs.
pub fn spawn(tasks: &Tasks, state: &Arc<State>) {
    tasks.every("erase", ERASE_PERIOD, state, |state| async move {
        erase::run(&state).await
    });
    tasks.every("purge", PURGE_PERIOD, state, |state| async move {
        purge::run(&state).await
    });
}
