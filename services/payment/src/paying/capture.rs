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

/// Why the money of an order goes back that another one was quicker than.
const PAID_BY_ANOTHER: &str = "Paid by another order already";

/// What became of a capture that was to be written down.
#[derive(Debug)]
pub(crate) enum Recorded {
    /// Written down now.
    Now(Order),
    /// Was written down before.
    Before(Order),
    /// Written down together with its refund: another order has paid for the same, or the
    /// money is back already.
    Superseded,
    /// There was no money to write down: the order had ended unpaid.
    Ended,
}

/// Writes a capture down whatever the order's state: payment, ledger and fact in one
/// transaction. A second capture under an order's id goes back at once.
pub(crate) async fn record(
    state: &State,
    order_id: &str,
    capture: &Capture,
    method: &str,
) -> anyhow::Result<Recorded> {
    let recorded = match record_as(state, order_id, capture, method, Place::Free).await {
        Err(error) if is_paid_by_another(&error) => {
            record_as(state, order_id, capture, method, Place::Taken).await
        }
        recorded => recorded,
    }?;
    if let Recorded::Before(order) = &recorded
        && order.is_paid_with_another_key(capture)
    {
        refund::return_second_capture(state, order, capture).await?;
    }
    Ok(recorded)
}

/// Writes down a capture whose money was given back before we knew of it. In one transaction,
/// so that nobody gets anything for it.
pub(crate) async fn record_returned(
    state: &State,
    order_id: &str,
    capture: &Capture,
    method: &str,
) -> anyhow::Result<Recorded> {
    record_as(state, order_id, capture, method, Place::Returned).await
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

/// What is known when a capture is written down.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Nobody else has paid, as far as is known.
    Free,
    /// Another order is open or paid.
    Taken,
    /// The money is back already.
    Returned,
    /// This order must be open.
    OpenOnly,
}

impl Place {
    /// Why the money is owed back from the start, where it is.
    const fn owed_back(self) -> Option<&'static str> {
        match self {
            Self::Taken => Some(PAID_BY_ANOTHER),
            Self::Returned => Some(refund::RETURNED_OUTSIDE),
            Self::Free | Self::OpenOnly => None,
        }
    }
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
    let owed_back = place.owed_back();
    let superseded = owed_back.is_some();
    let order = captured(order, capture, method, superseded);
    payments::capture(&mut transaction, &order).await?;
    ledger::post(&mut transaction, &order, Movement::Capture).await?;
    if let Some(reason) = owed_back {
        refunds::request(&mut transaction, &order, reason).await?;
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

/// The order once it is captured. Where it is superseded, its money is owed back at once.
fn captured(order: Order, capture: &Capture, method: &str, superseded: bool) -> Order {
    let status = if superseded {
        Status::Refunding
    } else {
        Status::Confirmed
    };
    Order {
        status,
        superseded,
        payment_key: Some(capture.payment_key.clone()),
        method: Some(method.to_owned()),
        captured_at: Some(capture.approved_at),
        ..order
    }
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
        refund::owe(state, &order.order_id, &error.detail).await?;
        state.work.notify_one();
    }
    Ok(Completion::Lost)
}
