//! `POST /api/payments/{paymentKey}/cancel`: ticket ends what was paid for, then the money goes
//! back.

use std::sync::Arc;

use axum::extract::State as Shared;
use serde::{Deserialize, Serialize};
use tokio::time::{Duration, Instant, sleep, timeout_at};
use urr_contract::Won;
use urr_kit::{
    ApiResult,
    extract::{AppJson, AppPath},
    identity::User,
};
use utoipa::ToSchema;

use crate::{
    State,
    domain::order::{Order, Status},
    paying::refund,
    refusals,
    store::{payments, refunds},
};

/// Reason where the client gives none.
const DEFAULT_REASON: &str = "user-request";
/// How long a request waits for the job that is at its refund; one that has to try again later
/// takes longer anyway.
const JOB_WITHIN: Duration = Duration::from_secs(2);
/// Time between two looks at what the job has done.
const JOB_INTERVAL: Duration = Duration::from_millis(50);
/// Longest reason that is kept.
const MAX_REASON_CHARS: usize = 200;

/// Body of a cancellation.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CancelPayment)]
pub(super) struct CancelBody {
    /// Why. What is longer than 200 characters is cut.
    cancel_reason: Option<String>,
}

/// What became of the money.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PaymentCancelled)]
pub(super) struct CancelledBody {
    /// Always true.
    success: bool,
    /// Whether the money is back or on its way, for people.
    message: &'static str,
    /// What goes back, in won.
    refund_amount: Won,
}

/// Gives back what was paid for, and then the money.
#[utoipa::path(
    post,
    path = "/api/payments/{payment_key}/cancel",
    operation_id = "cancelPayment",
    tag = "Payments",
    params(("payment_key" = String, Path, description = "The provider's key of the payment.")),
    request_body = Option<CancelBody>,
    security(("bearer" = [])),
    responses(
        (status = 200, description = "Given back; the money is back or on its way.", body = CancelledBody),
        (status = 400, description = "`PAYMENT_NOT_CONFIRMED`: nothing was paid, or it was given back \
            before. `REFUSED_BY_TICKET`: it cannot be given back."),
        (status = 403, description = "`ACCESS_DENIED`: somebody else paid. `REFUSED_BY_TICKET`: it is \
            somebody else's."),
        (status = 404, description = "`PAYMENT_NOT_FOUND`: no such payment. `REFUSED_BY_TICKET`: what \
            was paid for is gone."),
        (status = 409, description = "`REFUSED_BY_TICKET`: it cannot be given back any more."),
        (status = 503, description = "`TICKET_UNAVAILABLE`: ticket cannot be asked."),
    )
)]
pub(super) async fn cancel(
    user: User,
    Shared(state): Shared<Arc<State>>,
    AppPath(payment_key): AppPath<String>,
    body: Option<AppJson<CancelBody>>,
) -> ApiResult<AppJson<CancelledBody>> {
    let deadline = Instant::now() + state.answer_within;
    let reason = reason(body.map(|AppJson(body)| body).unwrap_or_default());
    let order = payments::by_payment_key(&state.pool, &payment_key)
        .await?
        .ok_or_else(refusals::not_found)?;
    if order.user_id != user.id {
        return Err(refusals::access_denied());
    }
    if order.status != Status::Confirmed {
        return Err(refusals::not_confirmed());
    }
    state
        .ticket
        .give_back(&order, &reason)
        .await
        .map_err(refusals::by_ticket)?;
    // From here on, whatever happens to this request. The fact may have said so first.
    refund::owe(&state, &order.order_id, &reason).await?;
    let message = if pay_back(&state, &order, deadline).await? {
        "Payment cancelled successfully"
    } else {
        "Payment cancelled; the refund is on its way"
    };
    Ok(AppJson(CancelledBody {
        success: true,
        message,
        refund_amount: order.amount,
    }))
}

/// Gives the money back in this request, unless the job is at it. Whether it is back in time;
/// otherwise the work goes on without the request.
async fn pay_back(state: &Arc<State>, order: &Order, deadline: Instant) -> ApiResult<bool> {
    let claimed = refunds::claim(&state.pool, Some(&order.order_id), 1).await?;
    if let Some(owed) = claimed.into_iter().next() {
        let (done, waiter) = tokio::sync::oneshot::channel();
        let worker = Arc::clone(state);
        state.runtime.tasks.spawn("refund", async move {
            done.send(refund::carry_out(&worker, &owed).await).ok();
        });
        let result = timeout_at(deadline, waiter).await;
        return Ok(matches!(result, Ok(Ok(Ok(true)))));
    }
    refunded_by_the_job(state, order, deadline.min(Instant::now() + JOB_WITHIN)).await
}

/// Whether the job, which was faster, has the money back by then.
async fn refunded_by_the_job(state: &State, order: &Order, by: Instant) -> ApiResult<bool> {
    loop {
        let now = payments::by_order_id(&state.pool, &order.order_id).await?;
        if now.is_some_and(|order| order.status == Status::Refunded) {
            return Ok(true);
        }
        if Instant::now() >= by {
            return Ok(false);
        }
        sleep(JOB_INTERVAL).await;
    }
}

fn reason(body: CancelBody) -> String {
    let given = body.cancel_reason.unwrap_or_default();
    let kept: String = given
        .chars()
        .filter(|character| !character.is_control())
        .take(MAX_REASON_CHARS)
        .collect();
    if kept.trim().is_empty() {
        DEFAULT_REASON.to_owned()
    } else {
        kept
    }
}
