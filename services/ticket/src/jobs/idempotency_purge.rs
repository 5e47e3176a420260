//! Forgets idempotency keys that nobody will repeat any more.

use crate::{State, store::idempotency};

/// Deletes old keys; returns how many.
pub async fn run(state: &State) -> anyhow::Result<u64> {
    Ok(idempotency::purge(&state.pool).await?)
}
