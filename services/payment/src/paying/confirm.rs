//! Confirms an order: the provider captures, and the capture is written down.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::time::{Instant, timeout_at};
use urr_contract::{UserId, Won};
use urr_kit::{ApiError, ApiResult, constraint};

use super::{
    capture::{self, Completion, Recorded},
    settle::{self, Verdict},
};
use crate::{
    State,
    domain::order::{Order, PROVIDER_METHOD, Status},
    fault_points::FaultPoint,
    provider::Capture,
    refusals,
    store::payments,
};

/// Until the resolver takes over from a confirm that has died: longer than a confirm may take.
const TAKE_OVER_SECONDS: f64 = 10.0;
/// How long a second confirm waits for the first.
const TWIN_PATIENCE: Duration = Duration::from_secs(2);
/// How often it looks.
const TWIN_PERIOD: Duration = Duration::from_millis(50);

/// A client's confirm.
#[derive(Clone, Debug)]
pub(crate) struct Confirm {
    pub(crate) user: UserId,
    pub(crate) order_id: String,
    pub(crate) payment_key: String,
    pub(crate) amount: Won,
}

/// A confirmed payment, as it is answered.
#[derive(Clone, Debug)]
pub(crate) struct Confirmed {
    pub(crate) order_id: String,
    pub(crate) payment_key: String,
    pub(crate) amount: Won,
    pub(crate) method: String,
    pub(crate) approved_at: Timestamp,
}

/// Confirms. Once the order is `confirming` the work goes on though the client hangs up or has
/// to be answered before its end.
pub(crate) async fn confirm(state: &Arc<State>, request: Confirm) -> ApiResult<Confirmed> {
    let deadline = Instant::now() + state.answer_within;
    let order = begin(state, &request).await?;
    let (answer, answered) = tokio::sync::oneshot::channel();
    let worker = Arc::clone(state);
    state.runtime.tasks.spawn("confirm", async move {
        let result = carry_out(&worker, order).await;
        if answer.send(result).is_err() {
            tracing::info!("a confirm ended after its client had gone");
        }
    });
    match timeout_at(deadline, answered).await {
        Ok(result) => result.unwrap_or_else(|_| Err(refusals::in_doubt())),
        Err(_) => as_it_stands(state, &request.order_id).await,
    }
}

/// The answer where the work goes on: what is captured is paid, and ticket hands it over by the
/// fact.
async fn as_it_stands(state: &State, order_id: &str) -> ApiResult<Confirmed> {
    let order = payments::by_order_id(&state.pool, order_id).await?;
    let order = order.ok_or_else(refusals::not_found)?;
    match (order.status, order.payment_key, order.captured_at) {
        (Status::Confirmed, Some(payment_key), Some(approved_at)) => Ok(Confirmed {
            order_id: order.order_id,
            payment_key,
            amount: order.amount,
            method: order.method.unwrap_or_default(),
            approved_at,
        }),
        (Status::Refunding | Status::Refunded, ..) => Err(refusals::refund_coming()),
        _ => Err(refusals::in_doubt()),
    }
}

/// pending → confirming; or the answer that the order's state gives.
async fn begin(state: &State, request: &Confirm) -> ApiResult<Order> {
    let deadline = Instant::now() + TWIN_PATIENCE;
    loop {
        let order = payments::by_order_id(&state.pool, &request.order_id)
            .await?
            .ok_or_else(refusals::not_found)?;
        if order.user_id != request.user {
            return Err(refusals::access_denied());
        }
        if order.amount != request.amount {
            return Err(refusals::amount_mismatch());
        }
        match order.status {
            Status::Pending => {
                if claim(state, &order, &request.payment_key).await? {
                    return Ok(Order {
                        status: Status::Confirming,
                        payment_key: Some(request.payment_key.clone()),
                        ..order
                    });
                }
            }
            // A twin is at it: its outcome is ours.
            Status::Confirming if Instant::now() < deadline => {
                tokio::time::sleep(TWIN_PERIOD).await;
            }
            Status::Confirming => return Err(refusals::in_doubt()),
            Status::Confirmed => return Err(refusals::already_confirmed()),
            Status::Refunding | Status::Refunded => return Err(refusals::already_refunded()),
            Status::Failed => {
                let text = order.failure_message.unwrap_or_default();
                return Err(refusals::declined(&text));
            }
            Status::Voided => return Err(refusals::voided()),
        }
    }
}

async fn claim(state: &State, order: &Order, payment_key: &str) -> ApiResult<bool> {
    payments::begin_confirming(&state.pool, &order.order_id, payment_key, TAKE_OVER_SECONDS)
        .await
        .map_err(|error| match constraint(&error) {
            Some("payments_one_per_payment_key") => refusals::key_used(),
            _ => error.into(),
        })
}

/// Fence, capture, record, complete.
async fn carry_out(state: &State, order: Order) -> ApiResult<Confirmed> {
    ensure_fenced(state, &order).await?;
    state
        .fault_points
        .reach(FaultPoint::BeforeCapture)
        .map_err(ApiError::internal)?;
    let capture = match settle::ask_to_capture(state, &order).await? {
        Verdict::Captured(capture) => capture,
        Verdict::Declined(decline) => return Err(refusals::declined(&decline.message)),
        Verdict::NotNow => return Err(refusals::provider_unavailable()),
        Verdict::InDoubt => return Err(refusals::in_doubt()),
    };
    state
        .fault_points
        .reach(FaultPoint::AfterCapture)
        .map_err(ApiError::internal)?;
    let recorded = capture::record(state, &order.order_id, &capture, PROVIDER_METHOD).await?;
    state
        .fault_points
        .reach(FaultPoint::AfterRecord)
        .map_err(ApiError::internal)?;
    finish(state, recorded, &capture).await
}

/// What the client is told of a capture that is written down.
pub(crate) async fn finish(
    state: &State,
    recorded: Recorded,
    capture: &Capture,
) -> ApiResult<Confirmed> {
    let order = match recorded {
        Recorded::Now(order) => order,
        Recorded::Before(order) if order.status == Status::Confirmed => order,
        Recorded::Before(_) | Recorded::Superseded => return Err(refusals::refund_coming()),
        Recorded::Ended => return Err(refusals::voided()),
    };
    if capture::complete(state, &order).await? == Completion::Lost {
        return Err(refusals::refund_coming());
    }
    Ok(Confirmed {
        order_id: order.order_id,
        payment_key: capture.payment_key.clone(),
        amount: order.amount,
        method: order.method.unwrap_or_default(),
        approved_at: capture.approved_at,
    })
}

/// Nothing is captured for what is not kept any more.
async fn ensure_fenced(state: &State, order: &Order) -> ApiResult<()> {
    let id = &order.order_id;
    match state.ticket.still_fenced(order).await {
        Ok(true) => Ok(()),
        Ok(false) => {
            payments::void(&state.pool, id, Status::Confirming).await?;
            Err(refusals::hold_ended())
        }
        Err(error) if refusals::is_refusal(&error) => {
            payments::void(&state.pool, id, Status::Confirming).await?;
            Err(refusals::by_ticket(error))
        }
        Err(error) => {
            payments::give_up_confirming(&state.pool, id).await?;
            Err(refusals::by_ticket(error))
        }
    }
}
