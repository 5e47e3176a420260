//! Notes how many accounts auth has, so that a day's newcomers can be told.

use crate::{State, store::accounts};

/// Notes the counts of today. While auth is away nothing is noted.
pub async fn run(state: &State) -> anyhow::Result<()> {
    if let Some(counts) = state.accounts.counts().await {
        accounts::note(&state.pool, state.today(), &counts).await?;
    }
    Ok(())
}
