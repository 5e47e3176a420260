//! Brings tickets in step with their reservations, where a version of this service that knows
//! no tickets has sold or ended them.

use urr_contract::ReservationId;

use crate::{
    State,
    domain::reservation::Stage,
    store::{begin_bounded, reservations, tickets},
};

/// Reservations looked at in one run.
const BATCH: i64 = 500;

/// Issues what is missing and voids what is left over; returns how many reservations it mended.
pub async fn run(state: &State) -> anyhow::Result<usize> {
    let reservations = tickets::out_of_step(&state.pool, BATCH).await?;
    for id in &reservations {
        mend(state, *id).await?;
    }
    Ok(reservations.len())
}

async fn mend(state: &State, id: ReservationId) -> anyhow::Result<()> {
    let mut transaction = begin_bounded(&state.pool).await?;
    let Some(locked) = reservations::lock(&mut transaction, id).await? else {
        return Ok(());
    };
    if locked.row.stage == Stage::Sold {
        tickets::issue(&mut transaction, id).await?;
    } else {
        tickets::void(&mut transaction, id).await?;
    }
    transaction.commit().await?;
    Ok(())
}
