//! Carries out erasures that were promised.

use crate::{State, erasing};

/// Carries out all that is due. What is claimed is not due again at once, so this ends.
pub async fn run(state: &State) -> anyhow::Result<()> {
    while erasing::carry_out_due(state).await? > 0 {}
    Ok(())
}
