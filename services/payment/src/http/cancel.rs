//! `POST /api/payments/{paymentKey}/cancel`: ticket ends what was paid for, then the money goes
//! back.

use std::sync::Arc;

use axum::extract::State as Shared;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};
use urr_kit::{
    ApiResult,
    extract::{AppJson, AppPath},
    identity::User,
};

use crate::{
    State,
    domain::order::{Order, Status},
    paying::refund,
    refusals,
    store::{payments, refunds},
};

/// Reason where the client gives none.
const DEFAULT_REASON: &str = "user-request";
/// Longest reason that is kept.
const MAX_REASON_CHARS: usize = 200;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CancelBody {
    cancel_reason: Option<String>,
}

pub(super) async fn cancel(
    user: User,
    Shared(state): Shared<Arc<State>>,
    AppPath(payment_key): AppPath<String>,
    body: Option<AppJson<CancelBody>>,
) -> ApiResult<AppJson<Value>> {
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
    Ok(AppJson(json!({
        "success": true,
        "message": message,
        "refundAmount": order.amount,
    })))
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
    let now = payments::by_order_id(&state.pool, &order.order_id).await?;
    Ok(now.is_some_and(|order| order.status == Status::Refunded))
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
