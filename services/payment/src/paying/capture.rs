//! Writes captured money down, and hands over what it paid for.

use urr_contract::{Fact, facts::PaymentConfirmedV1};
use urr_kit::{constraint, outbox};

use super::refund;
use crate::{
    State,
    domain::{
        ledger::Movement,
        order::{Order, Status, Target},
    },
    provider::Capture,
    refusals,
    store::{ledger, payments, refunds},
};

/// Why the money of a superseded order goes back.
const SUPERSEDED: &str = "Paid by another order already";

/// What became of a capture that was to be written down.
#[derive(Debug)]
pub(crate) enum Recorded {
    /// Written down now.
    Now(Order),
    /// Was written down before.
    Before(Order),
    /// Another order has paid for the same: the money goes back.
    Superseded,
    /// There was no money to write down: the order had ended unpaid.
    Ended,
}

/// Writes a capture down whatever the order's state: payment, ledger and fact in one
/// transaction.
pub(crate) async fn record(
    state: &State,
    order_id: &str,
    capture: &Capture,
    method: &str,
) -> anyhow::Result<Recorded> {
    match record_as(state, order_id, capture, method, Place::Free).await {
        Err(error) if is_paid_by_another(&error) => {
            record_as(state, order_id, capture, method, Place::Taken).await
        }
        recorded => recorded,
    }
}

/// Writes down a payment of the demonstration: only of an order that is still open, since no
/// money has moved yet.
pub(crate) async fn record_demo(
    state: &State,
    order_id: &str,
    capture: &Capture,
    method: &str,
) -> anyhow::Result<Recorded> {
    record_as(state, order_id, capture, method, Place::OpenOnly).await
}

/// What is known of the target when a capture is written down.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Nobody else has paid, as far as is known.
    Free,
    /// Another order is open or paid.
    Taken,
    /// This order must be open.
    OpenOnly,
}

async fn record_as(
    state: &State,
    order_id: &str,
    capture: &Capture,
    method: &str,
    place: Place,
) -> anyhow::Result<Recorded> {
    let mut transaction = state.pool.begin().await?;
    let Some(order) = payments::lock(&mut transaction, order_id).await? else {
        anyhow::bail!("captured order {order_id} is not in the database");
    };
    if order.status.is_captured() {
        return Ok(Recorded::Before(order));
    }
    if place == Place::OpenOnly && order.status != Status::Pending {
        return Ok(Recorded::Ended);
    }
    let superseded = place == Place::Taken;
    if superseded {
        payments::capture_superseded(&mut transaction, order.id, capture, method).await?;
    } else {
        payments::capture(&mut transaction, order.id, capture, method).await?;
    }
    let order = Order {
        payment_key: Some(capture.payment_key.clone()),
        method: Some(method.to_owned()),
        captured_at: Some(capture.approved_at),
        superseded,
        status: if superseded {
            Status::Refunding
        } else {
            Status::Confirmed
        },
        ..order
    };
    ledger::post(&mut transaction, &order, Movement::Capture).await?;
    if superseded {
        refunds::request(&mut transaction, &order, SUPERSEDED).await?;
    } else {
        outbox::append(&mut transaction, &confirmed(&order, capture, method)).await?;
    }
    transaction.commit().await?;
    state.metrics.processed.inc();
    tracing::info!(order.id = order.order_id, superseded, "payment captured");
    if superseded {
        state.work.notify_one();
        return Ok(Recorded::Superseded);
    }
    Ok(Recorded::Now(order))
}

fn is_paid_by_another(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<sqlx::Error>()
        .and_then(constraint)
        .is_some_and(|name| name == "payments_one_open_or_paid_per_target")
}

fn confirmed(order: &Order, capture: &Capture, method: &str) -> Fact {
    Fact::PaymentConfirmed(PaymentConfirmedV1 {
        payment_id: order.id,
        order_id: order.order_id.clone(),
        user_id: order.user_id,
        reservation_id: order.target.reservation_id(),
        reference_id: order.target.reference_id(),
        payment_type: order.target.payment_type(),
        amount: order.amount,
        payment_method: method.to_owned(),
        timestamp: capture.approved_at,
    })
}

/// What became of the thing paid for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Completion {
    /// Handed over, or will be when the fact arrives.
    Kept,
    /// Cannot be: the money comes back by itself.
    Lost,
}

/// Hands over what a captured order paid for. A failure is left to the fact, which does the same;
/// a refusal is final, and the money goes back.
pub(crate) async fn complete(state: &State, order: &Order) -> anyhow::Result<Completion> {
    let Err(error) = state.ticket.complete(order).await else {
        return Ok(Completion::Kept);
    };
    let refused = refusals::is_refusal(&error);
    tracing::warn!(order.id = order.order_id, %error, refused, "not completed at once");
    if !refused {
        return Ok(Completion::Kept);
    }
    // A reservation that cannot be honoured is rejected by a fact, which asks for the refund.
    let rejected = matches!(order.target, Target::Reservation(_))
        && error.status == Some(http::StatusCode::CONFLICT);
    if !rejected {
        owe(state, order, &error.detail).await?;
    }
    Ok(Completion::Lost)
}

/// Asks for the money to go back, unless that has been asked for.
async fn owe(state: &State, order: &Order, reason: &str) -> anyhow::Result<()> {
    let mut transaction = state.pool.begin().await?;
    refund::request_if_captured(&mut transaction, &order.order_id, reason).await?;
    transaction.commit().await?;
    state.work.notify_one();
    Ok(())
}
