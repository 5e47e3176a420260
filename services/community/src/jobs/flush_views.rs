//! Writes counted views down, many in one statement.

use crate::{State, store};

/// Writes all that is pending. What fails stays pending.
pub async fn run(state: &State) -> anyhow::Result<()> {
    let counts = state.views.snapshot();
    if counts.is_empty() {
        return Ok(());
    }
    let mut transaction = state.pool.begin().await?;
    store::views::add(&mut transaction, &counts).await?;
    transaction.commit().await?;
    state.views.settle(&counts);
    Ok(())
}
