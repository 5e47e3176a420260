//! Taking back that somebody came in: a device held upside down, a person let in by mistake.

use urr_contract::{EventId, UserId};
use urr_kit::ApiResult;
use uuid::Uuid;

use crate::{
    State, refusal,
    store::{begin_bounded, scans, tickets},
};

/// Undoes a scan by which somebody came in. The ticket opens the door again, unless somebody
/// else came in on it: then the earliest of them counts.
pub async fn undo(
    state: &State,
    event: EventId,
    scan: Uuid,
    admin: UserId,
    reason: &str,
) -> ApiResult<()> {
    let mut transaction = begin_bounded(&state.pool).await?;
    let ticket = scans::admission(&mut transaction, event, scan)
        .await?
        .ok_or_else(refusal::scan_not_found)?
        .ticket;
    tickets::lock_reservation_of(&mut transaction, ticket)
        .await
        .map_err(refusal::database)?;
    // Again, now that nobody else can change it.
    let found = scans::admission(&mut transaction, event, scan).await?;
    if found.ok_or_else(refusal::scan_not_found)?.undone {
        return Err(refusal::already_undone());
    }
    scans::undo(&mut transaction, scan, admin, reason).await?;
    scans::count_earliest(&mut transaction, ticket).await?;
    tickets::touch(&mut transaction, &[ticket]).await?;
    transaction.commit().await?;
    Ok(())
}
