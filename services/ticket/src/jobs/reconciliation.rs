//! Looks for captured orders that neither the direct call nor the fact has told us about.

use tracing::warn;
use urr_contract::ReservationId;
use urr_kit::telemetry::chain;
use uuid::Uuid;

use crate::{State, booking::reconcile::reconcile, store::reservations};

/// Reservations looked at in one batch.
const BATCH: i64 = 50;

/// Asks about every reservation that might have been paid; returns how many were asked about.
pub async fn run(state: &State) -> anyhow::Result<usize> {
    let mut asked = 0;
    let mut after = ReservationId(Uuid::nil());
    loop {
        let batch = reservations::to_reconcile(&state.pool, after, BATCH).await?;
        let Some(last) = batch.last() else {
            return Ok(asked);
        };
        after = *last;
        for id in &batch {
            if let Err(error) = reconcile(state, *id).await {
                warn!(error = %chain(&*error), reservation.id = %id, "a reservation could not be reconciled");
            }
            asked += 1;
        }
    }
}
