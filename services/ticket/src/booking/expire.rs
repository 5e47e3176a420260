//! Ends by time. A hold nobody pays is released; one that is being paid ends only when
//! payment says what became of its order.

use urr_contract::{ReservationId, internal::OrderState};

use super::{
    confirm::Confirmed,
    end::{End, end},
    reconcile::{Settled, settle},
};
use crate::{
    State,
    domain::reservation::{Expiry, resolve_backoff_seconds},
    store::{begin_bounded, reservations, reservations::OverduePaying},
};

/// Reason in the fact of a hold whose time was over.
const TIME_OVER: &str = "Hold expired";

/// Releases a hold if it is still overdue and nobody else is at it; returns whether it was.
pub async fn expire(state: &State, id: ReservationId) -> anyhow::Result<bool> {
    let mut transaction = begin_bounded(&state.pool).await?;
    let Some(locked) = reservations::try_lock(&mut transaction, id).await? else {
        return Ok(false);
    };
    if locked.row.expire(locked.now) != Expiry::Release {
        return Ok(false);
    }
    let how = End::Expired;
    end(state, transaction, &locked, how, "pending", TIME_OVER).await?;
    Ok(true)
}

/// Asks payment about the order of an overdue hold, and sells, releases or keeps it.
pub async fn resolve(state: &State, due: &OverduePaying) -> anyhow::Result<()> {
    let path = format!("/internal/payments/orders/{}/resolve", due.order);
    let body = serde_json::json!({});
    let settled = match state.payment.post_idempotent(&path, &body).await {
        Ok(known) => settle_overdue(state, due, known).await?,
        Err(error) => {
            tracing::warn!(%error, reservation.id = %due.id, "payment could not be asked about an overdue order");
            false
        }
    };
    if !settled {
        let seconds = resolve_backoff_seconds(due.attempts);
        reservations::resolve_later(&state.pool, due.id, seconds).await?;
    }
    Ok(())
}

/// Carries out what payment said; false where the hold must be asked about again.
async fn settle_overdue(
    state: &State,
    due: &OverduePaying,
    known: OrderState,
) -> anyhow::Result<bool> {
    let mut transaction = begin_bounded(&state.pool).await?;
    let Some(locked) = reservations::lock(&mut transaction, due.id).await? else {
        return Ok(true);
    };
    if locked.row.expire(locked.now) != Expiry::Resolve(due.order.clone()) {
        return Ok(true);
    }
    let payer = locked.row.user;
    let payment_status = match settle(&mut transaction, due.id, payer, &due.order, known).await? {
        Settled::InDoubt => return Ok(false),
        Settled::Unpaid(payment_status) => payment_status,
        Settled::Honoured(confirmed) => {
            transaction.commit().await?;
            state.metrics.confirmation(confirmed);
            // A rejected order is void as soon as payment has heard of it.
            return Ok(confirmed != Confirmed::Rejected);
        }
    };
    let how = End::Expired;
    end(state, transaction, &locked, how, payment_status, TIME_OVER).await?;
    Ok(true)
}
