//! Calling an event off, or deleting it: every live reservation ends like any other, one
//! transaction each, with the fact from which payment refunds it.

use std::time::Duration;

use futures::{StreamExt, stream};
use sqlx::PgConnection;
use urr_contract::{EventId, ReservationId};
use urr_kit::{ApiResult, telemetry::chain};
use uuid::Uuid;

use super::cancel::{Will, by_will};
use crate::{
    State, refusal,
    store::{begin_bounded, event_changes, event_changes::Remains},
};

/// Reason in the fact of a reservation whose event was called off.
const REASON: &str = "Event was cancelled";
/// Reservations looked at in one batch.
const BATCH: i64 = 100;
/// Transactions at a time, so that requests keep most of the connections.
const PARALLEL: usize = 4;
/// As long as the request itself ends reservations. The job ends the rest.
const PATIENCE: Duration = Duration::from_secs(4);

/// Calls an event off; returns how many reservations end by it.
pub async fn cancel(state: &State, id: EventId) -> ApiResult<i64> {
    let mut transaction = begin_bounded(&state.pool).await?;
    let event = event_changes::lock(&mut transaction, id)
        .await
        .map_err(refusal::database)?;
    if event.is_none_or(|event| event.cancelled) {
        return Err(refusal::event_not_found_or_cancelled());
    }
    let ending = begin(&mut transaction, id, false).await?;
    transaction.commit().await?;
    end_some(state, id).await;
    Ok(ending)
}

/// Deletes an event; returns how many reservations end by it. One that was ever reserved is
/// called off and hidden instead, so that what people paid for stays settled and seen.
pub async fn delete(state: &State, id: EventId) -> ApiResult<i64> {
    let mut transaction = begin_bounded(&state.pool).await?;
    event_changes::lock(&mut transaction, id)
        .await
        .map_err(refusal::database)?
        .ok_or_else(refusal::event_not_found)?;
    if !event_changes::was_ever_reserved(&mut transaction, id).await? {
        event_changes::delete(&mut transaction, id).await?;
        transaction.commit().await?;
        return Ok(0);
    }
    let ending = begin(&mut transaction, id, true).await?;
    transaction.commit().await?;
    end_some(state, id).await;
    Ok(ending)
}

/// Removes an event for good. One whose show is still to come is called off first, so that
/// everybody who paid gets the money back; until all of that is settled it is refused, to be
/// asked again.
pub async fn remove(state: &State, id: EventId) -> ApiResult<()> {
    let mut transaction = begin_bounded(&state.pool).await?;
    let remains = remains(&mut transaction, id).await?;
    if !remains.is_over && remains.live > 0 {
        event_changes::call_off(&mut transaction, id, true).await?;
        transaction.commit().await?;
        end_some(state, id).await;
        transaction = begin_bounded(&state.pool).await?;
    }
    let unsettled = self::remains(&mut transaction, id).await?.unsettled;
    if unsettled > 0 {
        return Err(refusal::payments_unsettled(unsettled));
    }
    event_changes::remove(&mut transaction, id)
        .await
        .map_err(refusal::database)?;
    transaction.commit().await?;
    tracing::warn!(event.id = %id, "an event was removed with its seats and types");
    Ok(())
}

async fn remains(connection: &mut PgConnection, id: EventId) -> ApiResult<Remains> {
    event_changes::remains(connection, id)
        .await
        .map_err(refusal::database)?
        .ok_or_else(refusal::event_not_found)
}

/// From the end of this transaction nothing of the event is held or sold any more, so what is
/// live now is what has to end.
async fn begin(connection: &mut PgConnection, id: EventId, deleted: bool) -> sqlx::Result<i64> {
    event_changes::call_off(connection, id, deleted).await?;
    event_changes::live_reservations(connection, id).await
}

async fn end_some(state: &State, id: EventId) {
    match tokio::time::timeout(PATIENCE, end_all(state, id)).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => {
            tracing::warn!(error = %chain(&*error), event.id = %id, "the reservations of an event end later");
        }
        Err(_) => tracing::info!(event.id = %id, "the rest of an event's reservations end later"),
    }
}

/// Ends what is live of an event that was called off; returns how many reservations it ended.
pub async fn end_all(state: &State, event: EventId) -> anyhow::Result<usize> {
    let mut ended = 0;
    let mut after = ReservationId(Uuid::nil());
    loop {
        let batch = event_changes::live_after(&state.pool, event, after, BATCH).await?;
        let Some(last) = batch.last() else { break };
        after = *last;
        ended += stream::iter(batch)
            .map(|id| end(state, id))
            .buffer_unordered(PARALLEL)
            .filter(|ended| std::future::ready(*ended))
            .count()
            .await;
    }
    event_changes::ended(&state.pool, event).await?;
    Ok(ended)
}

/// One that cannot be ended now, because its payment is in doubt, is tried again.
async fn end(state: &State, id: ReservationId) -> bool {
    let ended = by_will(state, id, Will::Organiser(REASON)).await;
    if let Err(error) = &ended {
        tracing::warn!(error = %chain(error), reservation.id = %id, "a reservation of an event that was called off is still live");
    }
    ended.is_ok()
}
