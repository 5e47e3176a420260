//! Keeps what a replica answers polls from current, and writes the signs of life that it
//! collected.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tracing::warn;
use urr_kit::{Runtime, telemetry::chain};

use crate::State;

/// How often snapshots of lines in use are renewed.
const RENEW_EVERY: Duration = Duration::from_millis(500);
/// How often signs of life are written. The scripts allow for three times this.
const WRITE_EVERY: Duration = Duration::from_secs(1);
/// Pause between tries to load what was in use before the start.
const LOAD_EVERY: Duration = Duration::from_secs(1);

/// Loads the lines in use, and then keeps them current. The flag says when they are there.
pub fn spawn(runtime: &Runtime, state: &Arc<State>) -> Arc<AtomicBool> {
    let is_loaded = Arc::new(AtomicBool::new(false));
    let (loading, loaded) = (Arc::clone(state), Arc::clone(&is_loaded));
    let tasks = runtime.tasks.clone();
    runtime.tasks.spawn("load lines", async move {
        while let Err(error) = loading.lines.load_in_use().await {
            warn!(error = %chain(&*error), "cannot load the lines in use");
            if tasks.sleep(LOAD_EVERY).await {
                return;
            }
        }
        loaded.store(true, Ordering::Relaxed);
    });
    runtime
        .tasks
        .every("renew lines", RENEW_EVERY, state, |state| async move {
            state.lines.renew_used().await;
            Ok(())
        });
    runtime.tasks.every(
        "write signs of life",
        WRITE_EVERY,
        state,
        |state| async move {
            state.lines.write_signs().await;
            Ok(())
        },
    );
    is_loaded
}
