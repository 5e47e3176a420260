//! Writes down which memberships are over.

use crate::{State, store::memberships};

/// Ends memberships whose year is over; returns how many.
pub async fn run(state: &State) -> anyhow::Result<u64> {
    Ok(memberships::expire_due(&state.pool).await?)
}
