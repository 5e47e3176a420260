//! Finds out what became of an order and brings it to an end: the provider is asked by order
//! id, and asked again to capture with the same idempotency key.

use tokio::time::{Instant, timeout_at};

use super::{
    capture::{self, Recorded},
    refund,
};
use crate::{
    State,
    domain::{
        order::{Order, PROVIDER_METHOD, Status},
        settlement::{Ask, Step, next_step, seconds_to_next_check},
    },
    provider::{Capture, Decline, Look, NotConfirmed},
    refusals,
    store::payments,
};

/// Rounds of look and step: an order may move while the provider is asked.
const ROUNDS: usize = 3;
/// Attempts that the provider may fail at, before the order is given up and only watched.
const MAX_ATTEMPTS: i32 = 5;
/// Our earlier request is still being worked on.
const STILL_PROCESSING: &str = "IDEMPOTENT_REQUEST_PROCESSING";
/// Answers that are final where the provider's record shows no capture.
const FINAL_WITHOUT_CAPTURE: [&str; 2] = ["PROVIDER_ERROR", "ALREADY_PROCESSED_PAYMENT"];

/// What the provider's answer to a confirm comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Captured; nothing is written down yet.
    Captured(Capture),
    /// Declined; the order is `failed`.
    Declined(Decline),
    /// Not captured, for no fault of the payer: the order is open again.
    NotNow,
    /// Not known; the order stays `confirming`.
    InDoubt,
}

/// Asks the provider to capture a `confirming` order, and where its answer is not final, what
/// it knows of it: both within the time of one call.
pub(crate) async fn ask_to_capture(state: &State, order: &Order) -> anyhow::Result<Verdict> {
    let deadline = Instant::now() + state.provider.timeout();
    let payment_key = order.payment_key.as_deref().unwrap_or_default();
    let asked = state
        .provider
        .confirm(
            payment_key,
            &order.order_id,
            order.amount,
            &order.confirm_key(),
        )
        .await;
    match asked {
        Ok(capture) => Ok(Verdict::Captured(capture)),
        Err(NotConfirmed::Declined(decline)) => decline_order(state, order, decline).await,
        Err(NotConfirmed::Deferred(decline)) => {
            timeout_at(deadline, call_off(state, order)).await.ok();
            decline_order(state, order, decline).await
        }
        Err(NotConfirmed::Misconfigured(decline)) => {
            tracing::error!(code = decline.code, "the provider does not accept our key");
            payments::give_up_confirming(&state.pool, &order.order_id).await?;
            Ok(Verdict::NotNow)
        }
        Err(NotConfirmed::Unclear(decline)) => {
            tracing::warn!(order.id = order.order_id, code = decline.code, "look again");
            timeout_at(deadline, after_unclear(state, order, decline))
                .await
                .unwrap_or(Ok(Verdict::InDoubt))
        }
        Err(NotConfirmed::Unanswered(error)) => {
            tracing::warn!(order.id = order.order_id, error = %urr_kit::telemetry::chain(&error), "payment in doubt");
            Ok(Verdict::InDoubt)
        }
    }
}

/// Ends a payment that the payer promised for later. Should that fail and the money come after
/// all, it is found like every late capture.
async fn call_off(state: &State, order: &Order) {
    let payment_key = order.payment_key.as_deref().unwrap_or_default();
    let key = format!("off-{}-{}", order.id, order.attempt);
    let reason = "Not paid at once";
    if let Err(error) = state.provider.cancel(payment_key, reason, &key).await {
        tracing::warn!(order.id = order.order_id, %error, "a promised payment was not called off");
    }
}

async fn decline_order(state: &State, order: &Order, decline: Decline) -> anyhow::Result<Verdict> {
    if payments::fail(&state.pool, &order.order_id, &decline).await? {
        state.metrics.failed.inc();
        tracing::info!(
            order.id = order.order_id,
            code = decline.code,
            "payment declined"
        );
    }
    Ok(Verdict::Declined(decline))
}

/// The provider answered, but not finally: its record of the order decides. A payment key is
/// captured at most once, so that after an answer a new request with it is safe.
async fn after_unclear(state: &State, order: &Order, decline: Decline) -> anyhow::Result<Verdict> {
    let Ok(look) = state.provider.look(&order.order_id).await else {
        return Ok(Verdict::InDoubt);
    };
    match look {
        Look::Captured(capture) if capture.amount == order.amount => Ok(Verdict::Captured(capture)),
        Look::Dead(decline) => decline_order(state, order, decline).await,
        Look::Open | Look::Unknown if decline.code == STILL_PROCESSING => Ok(Verdict::InDoubt),
        Look::Open | Look::Unknown
            if FINAL_WITHOUT_CAPTURE.contains(&decline.code.as_str())
                || order.attempt >= MAX_ATTEMPTS =>
        {
            decline_order(state, order, decline).await
        }
        Look::Open | Look::Unknown => {
            payments::next_attempt(&state.pool, &order.order_id).await?;
            Ok(Verdict::InDoubt)
        }
        _ => Ok(Verdict::InDoubt),
    }
}

/// Brings an order as far as the provider's answer allows, and returns it as it is then.
pub(crate) async fn settle(
    state: &State,
    order_id: &str,
    ask: Ask,
) -> anyhow::Result<Option<Order>> {
    for _ in 0..ROUNDS {
        let Some(order) = payments::by_order_id(&state.pool, order_id).await? else {
            return Ok(None);
        };
        if order.status == Status::Refunded || !order.is_at_provider() {
            return Ok(Some(order));
        }
        let Ok(look) = state.provider.look(order_id).await else {
            return Ok(Some(order));
        };
        if contradicts(&order, &look) || is_second_payment(state, &order, &look).await? {
            return Ok(Some(order));
        }
        if take(
            state,
            &order,
            next_step(order.status, &look, ask),
            look,
            ask,
        )
        .await?
        {
            break;
        }
    }
    payments::by_order_id(&state.pool, order_id).await
}

/// Another amount than ours under our order id: nothing is done before somebody has looked.
fn contradicts(order: &Order, look: &Look) -> bool {
    let (Look::Captured(capture) | Look::Returned(capture)) = look else {
        return false;
    };
    let other = capture.amount != order.amount;
    if other {
        tracing::error!(
            order.id = order.order_id,
            ours.won = order.amount.0,
            theirs.won = capture.amount.0,
            "the provider holds another amount"
        );
    }
    other
}

/// Whether the provider tells of a payment beside the one the order is paid with. Its money
/// goes back; the order has nothing to do with it.
async fn is_second_payment(state: &State, order: &Order, look: &Look) -> anyhow::Result<bool> {
    let (Look::Captured(capture) | Look::Returned(capture)) = look else {
        return Ok(false);
    };
    let is_second = order.is_paid_with_another_key(capture);
    if is_second && matches!(look, Look::Captured(_)) {
        refund::return_second_capture(state, order, capture).await?;
    }
    Ok(is_second)
}

/// Takes one step. `false` where the order had moved and must be looked at again.
async fn take(
    state: &State,
    order: &Order,
    step: Step,
    look: Look,
    ask: Ask,
) -> anyhow::Result<bool> {
    let id = &order.order_id;
    match (step, look) {
        (Step::Capture, Look::Captured(capture)) => {
            record_and_complete(state, order, &capture).await?;
            Ok(true)
        }
        (Step::CaptureReturned, Look::Returned(capture)) => {
            let recorded = capture::record_returned(state, id, &capture, PROVIDER_METHOD).await?;
            if matches!(recorded, Recorded::Before(_)) {
                return Ok(false);
            }
            refund::record(state, id, None).await?;
            Ok(true)
        }
        (Step::ReturnedOutside, _) => {
            refund::returned_outside(state, order).await?;
            Ok(true)
        }
        (Step::Refunded, _) => {
            refund::record(state, id, None).await?;
            Ok(true)
        }
        (Step::ConfirmAgain, _) => confirm_again(state, order, ask).await,
        (Step::Fail(decline), _) => Ok(payments::fail(&state.pool, id, &decline).await?),
        (Step::Void, _) => Ok(payments::void(&state.pool, id, order.status).await?),
        _ => Ok(true),
    }
}

async fn record_and_complete(
    state: &State,
    order: &Order,
    capture: &Capture,
) -> anyhow::Result<()> {
    let recorded = capture::record(state, &order.order_id, capture, PROVIDER_METHOD).await?;
    if let Recorded::Now(order) = recorded {
        capture::complete(state, &order).await?;
    }
    Ok(())
}

/// Repeats the confirm while what it pays for is kept. When ticket itself asks, it is.
async fn confirm_again(state: &State, order: &Order, ask: Ask) -> anyhow::Result<bool> {
    let id = &order.order_id;
    if ask == Ask::Hint {
        match state.ticket.still_fenced(order).await {
            Ok(true) => {}
            Ok(false) => return Ok(payments::void(&state.pool, id, Status::Confirming).await?),
            Err(error) if refusals::is_refusal(&error) => {
                return Ok(payments::void(&state.pool, id, Status::Confirming).await?);
            }
            // Ticket is away: neither capture nor end.
            Err(_) => return Ok(true),
        }
    }
    if let Verdict::Captured(capture) = ask_to_capture(state, order).await? {
        record_and_complete(state, order, &capture).await?;
    }
    Ok(true)
}

/// Settles a due order and says when it is looked at again.
pub(crate) async fn settle_due(state: &State, order_id: &str, ask: Ask) -> anyhow::Result<()> {
    if let Some(order) = settle(state, order_id, ask).await? {
        let seconds = seconds_to_next_check(order.status, order.checks);
        payments::check_again(&state.pool, order_id, order.status, seconds).await?;
    }
    Ok(())
}
