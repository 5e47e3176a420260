//! `POST /api/payments/webhooks/toss`: anybody may send one, so it is only a hint. The order it
//! names is looked at next, and the provider itself is asked.

use std::sync::Arc;

use axum::extract::State as Shared;
use serde::Serialize;
use serde_json::Value;
use urr_kit::{ApiResult, extract::AppJson};
use utoipa::ToSchema;

use crate::{State, store::payments};

/// Heard.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookHeard)]
pub(super) struct HeardBody {
    /// Always true.
    ok: bool,
}

/// Hears from the payment provider that something has happened.
///
/// Anybody may send one, so it is only a hint: the order it names is looked at next, and
/// the provider itself is asked.
#[utoipa::path(
    post,
    path = "/api/payments/webhooks/toss",
    operation_id = "hearFromToss",
    tag = "Payments",
    request_body(content = Value, description = "Whatever the provider sends; its order id is \
        in `data.orderId` or `orderId`."),
    responses((status = 200, description = "Heard.", body = HeardBody))
)]
pub(super) async fn toss(
    Shared(state): Shared<Arc<State>>,
    AppJson(webhook): AppJson<Value>,
) -> ApiResult<AppJson<HeardBody>> {
    // Payments have it in `data`, deposits at the top.
    let order_id = webhook
        .pointer("/data/orderId")
        .or_else(|| webhook.get("orderId"))
        .and_then(Value::as_str);
    let of_capture = webhook
        .pointer("/data/status")
        .is_some_and(|status| status == "DONE");
    if let Some(order_id) = order_id
        && payments::hint(&state.pool, order_id, of_capture).await?
    {
        state.work.notify_one();
    }
    Ok(AppJson(HeardBody { ok: true }))
}
