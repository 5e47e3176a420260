//! Keeps the status column of events true for lists.

use crate::{State, store::events};

/// Writes the statuses that time has changed; returns how many.
pub async fn run(state: &State) -> anyhow::Result<u64> {
    Ok(events::refresh_statuses(&state.pool).await?)
}
