//! Gives money back: asked for in the transaction of its cause, carried out by the request that
//! caused it or by the job, once.

use sqlx::PgConnection;
use urr_contract::{Fact, facts::PaymentRefundedV1};
use urr_kit::outbox;

use crate::{
    State,
    domain::{
        ledger::Movement,
        order::{Order, Status},
    },
    fault_points::FaultPoint,
    provider::{Capture, Look, NotCanceled},
    refusals,
    store::{ledger, payments, refunds, refunds::Refund},
};

/// Why money went back that we did not give back.
pub(crate) const RETURNED_OUTSIDE: &str = "Refunded at the payment provider";
/// Longest pause between two tries, in seconds.
const LONGEST_PAUSE: f64 = 60.0;

/// Asks for a captured order's money to go back, in the caller's transaction, which holds the
/// order's lock.
pub(crate) async fn request(
    connection: &mut PgConnection,
    order: &Order,
    reason: &str,
) -> anyhow::Result<()> {
    payments::begin_refunding(connection, order.id, reason).await?;
    refunds::request(connection, order, reason).await?;
    Ok(())
}

/// The same for the order of that id, where it is captured and not owed back yet; returns
/// whether it was so.
pub(crate) async fn request_if_captured(
    connection: &mut PgConnection,
    order_id: &str,
    reason: &str,
) -> anyhow::Result<bool> {
    match payments::lock(connection, order_id).await? {
        Some(order) if order.status == Status::Confirmed => {
            request(connection, &order, reason).await?;
            Ok(true)
        }
        _ => Ok(false),
    }
}

/// The same in a transaction of its own. Whoever was quicker, the money is owed back once.
pub(crate) async fn owe(state: &State, order_id: &str, reason: &str) -> anyhow::Result<bool> {
    let mut transaction = state.pool.begin().await?;
    let is_owed_now = request_if_captured(&mut transaction, order_id, reason).await?;
    transaction.commit().await?;
    Ok(is_owed_now)
}

/// Carries out one claimed refund. Whether the money is back.
pub(crate) async fn carry_out(state: &State, refund: &Refund) -> anyhow::Result<bool> {
    let Some(order) = payments::by_order_id(&state.pool, &refund.order_id).await? else {
        anyhow::bail!("order {} of a refund is gone", refund.order_id);
    };
    if !order.is_at_provider() {
        record(state, &order.order_id, None).await?;
        return Ok(true);
    }
    match give_back(state, &order, refund).await? {
        Some(transaction) => {
            state.fault_points.reach(FaultPoint::AfterGivenBack)?;
            record(state, &order.order_id, transaction.as_deref()).await?;
            Ok(true)
        }
        None => Ok(false),
    }
}

/// The provider's key of the refund; `None` where it is to be tried again.
async fn give_back(
    state: &State,
    order: &Order,
    refund: &Refund,
) -> anyhow::Result<Option<Option<String>>> {
    let payment_key = order.payment_key.as_deref().unwrap_or_default();
    let key = format!("refund-{}-{}", order.id, refund.refusals);
    let error = match state
        .provider
        .cancel(payment_key, &refund.reason, &key)
        .await
    {
        Ok(transaction) => return Ok(Some(transaction)),
        Err(error) => error,
    };
    let answered = !matches!(error, NotCanceled::Unanswered(_));
    // Refused because it has been done, by us before a crash or by hand.
    if answered
        && matches!(
            state.provider.look(&order.order_id).await,
            Ok(Look::Returned(_))
        )
    {
        return Ok(Some(None));
    }
    if answered {
        state.metrics.refund_refusals.inc();
        tracing::error!(order.id = order.order_id, %error, "a refund was refused");
    }
    let pause = 2_f64.powi(refund.attempts.clamp(0, 10)).min(LONGEST_PAUSE);
    refunds::not_yet(&state.pool, refund, &error.to_string(), answered, pause).await?;
    Ok(None)
}

/// Writes down that the money is back: payment, refund, ledger and fact in one transaction.
pub(crate) async fn record(
    state: &State,
    order_id: &str,
    transaction_key: Option<&str>,
) -> anyhow::Result<()> {
    let mut transaction = state.pool.begin().await?;
    let Some(order) = payments::lock(&mut transaction, order_id).await? else {
        anyhow::bail!("refunded order {order_id} is not in the database");
    };
    if order.status != Status::Refunding {
        return Ok(());
    }
    payments::refunded(&mut transaction, order.id).await?;
    refunds::complete(&mut transaction, order.id, transaction_key).await?;
    ledger::post(&mut transaction, &order, Movement::Refund).await?;
    if !order.superseded {
        let reason = refunds::reason(&mut transaction, order.id).await?;
        let fact = refunded(
            &order,
            reason.unwrap_or_default(),
            state.runtime.clock.now(),
        );
        outbox::append(&mut transaction, &fact).await?;
    }
    transaction.commit().await?;
    state.metrics.refunded.inc();
    tracing::info!(order.id = order_id, "payment refunded");
    Ok(())
}

fn refunded(order: &Order, reason: String, now: jiff::Timestamp) -> Fact {
    Fact::PaymentRefunded(PaymentRefundedV1 {
        payment_id: order.id,
        order_id: order.order_id.clone(),
        user_id: order.user_id,
        reservation_id: order.target.reservation_id(),
        reference_id: order.target.reference_id(),
        payment_type: order.target.payment_type(),
        amount: order.amount,
        reason,
        event_id: order.event_id,
        timestamp: now,
    })
}

/// The money went back without us, by hand at the provider: ends what it had paid for, then
/// writes it down.
pub(crate) async fn returned_outside(state: &State, order: &Order) -> anyhow::Result<()> {
    if let Err(error) = state.ticket.give_back(order, RETURNED_OUTSIDE).await {
        // Ticket has the last word on its seats; the money is gone in any case.
        anyhow::ensure!(refusals::is_refusal(&error), error);
        tracing::error!(order.id = order.order_id, %error, "refunded outside, still in use");
    }
    owe(state, &order.order_id, RETURNED_OUTSIDE).await?;
    record(state, &order.order_id, None).await
}

/// Money was captured twice under one order's id: what the order is not paid with goes back.
pub(crate) async fn return_second_capture(
    state: &State,
    order: &Order,
    capture: &Capture,
) -> anyhow::Result<()> {
    state.metrics.double_captures.inc();
    tracing::error!(order.id = order.order_id, "captured twice");
    let key = format!("second-{}-{}", order.id, order.checks);
    let reason = "Captured twice";
    match state
        .provider
        .cancel(&capture.payment_key, reason, &key)
        .await
    {
        Ok(_) | Err(NotCanceled::Already) => Ok(()),
        Err(error) => {
            payments::check_again(&state.pool, &order.order_id, order.status, Some(30.0)).await?;
            Err(error.into())
        }
    }
}
