//! Deletes what is past its end: families, refresh tokens, records of erasures, remembered
//! attempts.

use crate::{
    State,
    store::{erasures, token_families},
};

/// Deletes all there is to delete at this time.
pub async fn run(state: &State) -> anyhow::Result<()> {
    let now = state.clock.now();
    let (pool, retention) = (&state.pool, &state.retention);
    state.attempts.lock().prune(now);
    retention
        .sweep("logins", |batch| {
            token_families::purge_families(pool, now, batch)
        })
        .await?;
    retention
        .sweep("refresh tokens", |batch| {
            token_families::purge_tokens(pool, now, batch)
        })
        .await?;
    retention
        .sweep("erasures", |batch| {
            erasures::purge(pool, now - state.erasures_kept, batch)
        })
        .await?;
    Ok(())
}
