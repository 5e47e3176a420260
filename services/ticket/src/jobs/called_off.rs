//! Ends what is live of events that were called off: what the call itself did not get to, and
//! what was being paid at that moment.

use crate::{State, booking::call_off, store::event_changes};

/// Goes through the events whose reservations are still ending; returns how many reservations
/// it ended.
pub async fn run(state: &State) -> anyhow::Result<usize> {
    let mut ended = 0;
    for event in event_changes::ending(&state.pool).await? {
        ended += call_off::end_all(state, event).await?;
    }
    Ok(ended)
}
