//! Measures what waits to be told, so that a mail server or an endpoint that is away is seen.

use crate::{
    State,
    store::{mails, notices, webhook_deliveries},
};

/// Counts once.
pub async fn run(state: &State) -> anyhow::Result<()> {
    let metrics = &state.metrics;
    metrics
        .waiting_notices
        .set(notices::backlog(&state.pool).await?);
    metrics
        .waiting_mails
        .set(mails::backlog(&state.pool).await?);
    let deliveries = webhook_deliveries::backlog(&state.pool).await?;
    metrics.waiting_deliveries.set(deliveries);
    Ok(())
}
