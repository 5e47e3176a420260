//! What payment says of an order, carried out: the one place where an answer of payment's
//! becomes a ticket, a rejection or a free seat. And the net below the direct call and the
//! fact: reservations whose capture nobody told us of are found by asking.

use sqlx::PgConnection;
use urr_contract::{
    ReservationId, UserId,
    internal::{OrderOutcome, OrderState, PaymentByReservation},
};

use super::confirm::{Captured, Confirmed, confirm};
use crate::{
    State,
    store::{begin_bounded, orders, reservations},
};

/// What an answer of payment's has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Settled {
    /// The money was captured.
    Honoured(Confirmed),
    /// It did not move or has gone back; nothing can be sold to the order any more. What the
    /// reservation says of its money, should it end now.
    Unpaid(&'static str),
    /// Payment cannot say yet.
    InDoubt,
}

/// Carries out, in the caller's transaction, what payment says of an order that `user` paid.
pub(super) async fn settle(
    connection: &mut PgConnection,
    id: ReservationId,
    user: UserId,
    order: &str,
    state: OrderState,
) -> anyhow::Result<Settled> {
    Ok(match state.outcome {
        OrderOutcome::InDoubt => Settled::InDoubt,
        OrderOutcome::Void => Settled::Unpaid("pending"),
        OrderOutcome::Refunded => {
            // The fact of its capture may still be on the way.
            orders::returned(connection, order, id, "Its money went back").await?;
            Settled::Unpaid("refunded")
        }
        OrderOutcome::Captured => {
            let amount = state.amount;
            let captured = Captured {
                order: order.to_owned(),
                user,
                amount: amount.ok_or_else(|| anyhow::anyhow!("a capture without an amount"))?,
                method: state.method.unwrap_or_else(|| "toss".to_owned()),
            };
            Settled::Honoured(confirm(connection, id, &captured).await?)
        }
    })
}

/// Asks payment about one reservation and carries out what it says.
pub async fn reconcile(state: &State, id: ReservationId) -> anyhow::Result<()> {
    let path = format!("/internal/payments/by-reservation/{id}");
    let payment: PaymentByReservation = state.payment.get(&path).await?;
    let (Some(order), Some(outcome)) = (payment.order_id, payment.outcome) else {
        return Ok(());
    };
    let known = OrderState {
        outcome,
        payment_id: None,
        method: payment.method.filter(|method| !method.is_empty()),
        amount: payment.amount,
    };
    let mut transaction = begin_bounded(&state.pool).await?;
    let Some(locked) = reservations::lock(&mut transaction, id).await? else {
        return Ok(());
    };
    let settled = settle(&mut transaction, id, locked.row.user, &order, known).await?;
    transaction.commit().await?;
    if let Settled::Honoured(confirmed) = settled {
        state.metrics.confirmation(confirmed);
        tracing::warn!(reservation.id = %id, outcome = ?confirmed, "a captured order was found by asking");
    }
    Ok(())
}
