//! Reservations that payment captured without our knowing: found by asking, and confirmed
//! like any other captured order. The net below the synchronous call and the fact.

use urr_contract::{ReservationId, internal::PaymentByReservation};

use super::confirm::{Captured, confirm};
use crate::{
    State,
    store::{begin_bounded, reservations},
};

/// Asks payment about one reservation and honours what was captured.
pub async fn reconcile(state: &State, id: ReservationId) -> anyhow::Result<()> {
    let path = format!("/internal/payments/by-reservation/{id}");
    let payment: PaymentByReservation = state.payment.get(&path).await?;
    let (Some("confirmed"), Some(order), Some(amount)) =
        (payment.status.as_deref(), payment.order_id, payment.amount)
    else {
        return Ok(());
    };
    let mut transaction = begin_bounded(&state.pool).await?;
    let Some(locked) = reservations::lock(&mut transaction, id).await? else {
        return Ok(());
    };
    let captured = Captured {
        order,
        user: locked.row.user,
        amount,
        method: payment
            .method
            .filter(|method| !method.is_empty())
            .unwrap_or_else(|| "toss".to_owned()),
    };
    let confirmed = confirm(&mut transaction, id, &captured).await?;
    transaction.commit().await?;
    state.metrics.confirmation(confirmed);
    tracing::warn!(reservation.id = %id, outcome = ?confirmed, "a captured order was found by asking");
    Ok(())
}
