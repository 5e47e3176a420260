//! Removes what uploads of pictures left behind when they were cut off.

use crate::State;

/// Looks through the folder of pictures, where there is one.
pub async fn run(state: &State) -> anyhow::Result<()> {
    state.images.clear_up(state.clock.now()).await
}
