//! `POST /api/payments/webhooks/toss`: anybody may send one, so it is only a hint. The order it
//! names is looked at next, and the provider itself is asked.

use std::sync::Arc;

use axum::extract::State as Shared;
use serde_json::{Value, json};
use urr_kit::{ApiResult, extract::AppJson};

use crate::{State, store::payments};

pub(super) async fn toss(
    Shared(state): Shared<Arc<State>>,
    AppJson(webhook): AppJson<Value>,
) -> ApiResult<AppJson<Value>> {
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
    Ok(AppJson(json!({"ok": true})))
}
