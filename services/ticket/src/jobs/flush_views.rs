//! Writes down how often the pages of events were looked at, many in one statement.

use crate::{State, store::event_views};

/// Writes all that is pending. What fails stays pending.
pub async fn run(state: &State) -> anyhow::Result<()> {
    let written = state
        .views
        .flush(async |counts| event_views::add(&state.pool, counts).await);
    Ok(written.await?)
}
