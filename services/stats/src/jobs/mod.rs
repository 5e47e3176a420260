//! Work that nobody asks for.

use std::{sync::Arc, time::Duration};

use urr_kit::Runtime;

use crate::State;

pub mod count_accounts;

/// How often accounts are counted.
const COUNT_PERIOD: Duration = Duration::from_mins(5);

/// Starts all jobs.
pub(crate) fn spawn(runtime: &Runtime, state: &Arc<State>) {
    let state = Arc::clone(state);
    runtime
        .tasks
        .every("stats.count_accounts", COUNT_PERIOD, move || {
            let state = Arc::clone(&state);
            async move { count_accounts::run(&state).await }
        });
}
