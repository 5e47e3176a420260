//! Writes counted views down, many in one statement.

use crate::{State, domain::views::ViewCounts, store::views};

/// Writes all that is pending. What fails stays pending.
pub async fn run(state: &State) -> anyhow::Result<()> {
    let written = state.views.flush(async |counts| write(state, counts).await);
    Ok(written.await?)
}

async fn write(state: &State, counts: &ViewCounts) -> sqlx::Result<()> {
    let mut transaction = state.pool.begin().await?;
    views::add(&mut transaction, counts).await?;
    transaction.commit().await
}
