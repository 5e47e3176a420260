//! Keeps what a replica answers polls from current, and writes the signs of life that it
//! collected.

use std::{sync::Arc, time::Duration};

use urr_kit::Runtime;

use crate::State;

/// How often snapshots of lines in use are renewed.
const RENEW_EVERY: Duration = Duration::from_millis(500);
/// How often signs of life are written. The scripts allow for three times this.
const WRITE_EVERY: Duration = Duration::from_secs(1);

/// Starts both.
pub fn spawn(runtime: &Runtime, state: &Arc<State>) {
    let renewing = Arc::clone(state);
    runtime.tasks.every("renew lines", RENEW_EVERY, move || {
        let state = Arc::clone(&renewing);
        async move {
            state.lines.renew_used().await;
            Ok(())
        }
    });
    let writing = Arc::clone(state);
    runtime
        .tasks
        .every("write signs of life", WRITE_EVERY, move || {
            let state = Arc::clone(&writing);
            async move {
                state.lines.write_signs().await;
                Ok(())
            }
        });
}
