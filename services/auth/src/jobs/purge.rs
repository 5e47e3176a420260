//! Deletes what is past its end: families, refresh tokens, remembered attempts. In batches,
//! so that no statement holds many locks.

use tracing::info;

use crate::{State, store::token_families};

/// Rows a statement deletes at most.
const BATCH: i64 = 1000;

/// Deletes all there is to delete at this time.
pub async fn run(state: &State) -> anyhow::Result<()> {
    let now = state.clock.now();
    state.attempts.lock().prune(now);
    let mut deleted = 0;
    loop {
        let families = token_families::purge_families(&state.pool, now, BATCH).await?;
        let tokens = token_families::purge_tokens(&state.pool, now, BATCH).await?;
        deleted += families + tokens;
        if families + tokens == 0 {
            break;
        }
    }
    if deleted > 0 {
        info!(deleted, "deleted expired sessions");
    }
    Ok(())
}
