//! Removes what was kept long enough: stored answers, addresses in the audit log, its rows,
//! scans at doors, dead letters.

use crate::{
    State,
    store::{audit_logs, idempotency, scans},
};

/// Removes all there is to remove now.
pub async fn run(state: &State) -> anyhow::Result<()> {
    let (pool, kept, retention) = (&state.pool, &state.kept, &state.retention);
    retention
        .sweep("stored answers", |batch| {
            idempotency::purge(pool, kept.retention_stored_answers_days, batch)
        })
        .await?;
    retention
        .sweep("audit addresses", |batch| {
            audit_logs::forget_addresses(pool, kept.retention_audit_addresses_days, batch)
        })
        .await?;
    retention
        .sweep("audit logs", |batch| {
            audit_logs::purge(pool, kept.retention_audit_days, batch)
        })
        .await?;
    retention
        .sweep("scans", |batch| {
            scans::purge(pool, kept.retention_scans_days, batch)
        })
        .await?;
    kept.dead_letters.sweep(pool, retention).await?;
    Ok(())
}
