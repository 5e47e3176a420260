//! What an administrator makes of a reservation, by the same transitions as its owner and its
//! payment. What is so already stays so.

use urr_contract::ReservationId;
use urr_kit::{ApiError, ApiResult, client::CallError};

use super::{
    cancel::{Will, by_will},
    reconcile::reconcile,
};
use crate::{
    State,
    domain::{admin_change::AdminChange, reservation::Stage},
    refusal,
    store::{reservations, reservations::Locked},
};

/// Reason in the fact of a reservation that an administrator ended.
const BY_ADMIN: Will = Will::Organiser("Cancelled by an administrator");

/// Makes the change, or says why it cannot be made.
pub async fn administer(state: &State, id: ReservationId, change: AdminChange) -> ApiResult<()> {
    let before = read(state, id).await?;
    match change {
        AdminChange::Confirm if before.row.stage == Stage::Sold => Ok(()),
        AdminChange::Confirm => confirm(state, id).await,
        AdminChange::Cancel if before.row.stage == Stage::Cancelled => Ok(()),
        AdminChange::Refund if goes_back(&before.payment_status) => Ok(()),
        AdminChange::Refund if before.row.stage != Stage::Sold => Err(refusal::not_paid()),
        AdminChange::Cancel | AdminChange::Refund => by_will(state, id, BY_ADMIN).await,
    }
}

/// Sells it if payment has captured an order for it; nobody gets a ticket for nothing.
async fn confirm(state: &State, id: ReservationId) -> ApiResult<()> {
    reconcile(state, id)
        .await
        .map_err(|error| match error.downcast::<CallError>() {
            Ok(error) => ApiError::from(error),
            Err(error) => error.into(),
        })?;
    if read(state, id).await?.row.stage == Stage::Sold {
        Ok(())
    } else {
        Err(refusal::not_paid())
    }
}

fn goes_back(payment_status: &str) -> bool {
    matches!(payment_status, "refund_requested" | "refunded")
}

async fn read(state: &State, id: ReservationId) -> ApiResult<Locked> {
    reservations::read(&state.pool, id)
        .await?
        .ok_or_else(refusal::reservation_not_found)
}
