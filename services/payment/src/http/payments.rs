//! Prepare, confirm, process, and what a person may see of their payments.

use std::sync::Arc;

use axum::extract::State as Shared;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use urr_contract::{ReservationId, UserId, Won, facts::PaymentType};
use urr_kit::{
    ApiError, ApiResult,
    extract::{AppJson, AppPath, AppQuery},
    identity::User,
};
use uuid::Uuid;

use crate::{
    State,
    domain::order::{DEMO_METHODS, MAX_AMOUNT, Order, Target},
    paying::{
        confirm::{self, Confirm},
        open::{self, Opened},
        process,
    },
    refusals,
    store::payments,
};

/// Longest payment key that is kept.
const MAX_KEY_CHARS: usize = 200;
/// Longest order id that is kept.
const MAX_ORDER_ID_CHARS: usize = 64;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PrepareBody {
    amount: i64,
    payment_type: Option<String>,
    reservation_id: Option<ReservationId>,
    reference_id: Option<Uuid>,
}

pub(super) async fn prepare(
    user: User,
    Shared(state): Shared<Arc<State>>,
    AppJson(body): AppJson<PrepareBody>,
) -> ApiResult<AppJson<Value>> {
    let amount = valid_amount(body.amount)?;
    let target = target(
        body.payment_type.as_deref(),
        body.reservation_id,
        body.reference_id,
        true,
    )?;
    let order = match open::open(&state, user.id, target, Some(amount)).await? {
        Opened::Open(order) => order,
        Opened::Paid(_) => return Err(refusals::already_confirmed()),
    };
    let mut answer = json!({
        "orderId": order.order_id,
        "amount": order.amount,
        "clientKey": state.client_key,
    });
    if let Some(base) = &state.checkout_url {
        let base = base.trim_end_matches('/');
        answer["checkoutUrl"] =
            format!("{base}/checkout/{}?amount={}", order.order_id, order.amount).into();
    }
    Ok(AppJson(answer))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ConfirmBody {
    payment_key: String,
    order_id: String,
    amount: i64,
}

pub(super) async fn confirm(
    user: User,
    Shared(state): Shared<Arc<State>>,
    AppJson(body): AppJson<ConfirmBody>,
) -> ApiResult<AppJson<Value>> {
    let request = Confirm {
        user: user.id,
        payment_key: text(&body.payment_key, MAX_KEY_CHARS)?,
        order_id: text(&body.order_id, MAX_ORDER_ID_CHARS)?,
        amount: valid_amount(body.amount)?,
    };
    let paid = confirm::confirm(&state, request).await?;
    Ok(AppJson(json!({
        "success": true,
        "payment": {
            "orderId": paid.order_id,
            "paymentKey": paid.payment_key,
            "amount": paid.amount,
            "method": paid.method,
            "approvedAt": paid.approved_at,
        },
    })))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ProcessBody {
    payment_method: Option<String>,
    payment_type: Option<String>,
    reservation_id: Option<ReservationId>,
    reference_id: Option<Uuid>,
}

pub(super) async fn process(
    user: User,
    Shared(state): Shared<Arc<State>>,
    AppJson(body): AppJson<ProcessBody>,
) -> ApiResult<AppJson<Value>> {
    let method = text(body.payment_method.as_deref().unwrap_or_default(), 50)?;
    let target = target(
        body.payment_type.as_deref(),
        body.reservation_id,
        body.reference_id,
        false,
    )?;
    if !state.demo_methods || !DEMO_METHODS.contains(&method.as_str()) {
        return Err(refusals::method_not_available());
    }
    let processed = process::process(&state, user.id, target, &method).await?;
    let order = processed.order;
    Ok(AppJson(json!({
        "success": true,
        "message": if processed.before { "Payment already completed" } else { "Payment completed" },
        "payment": {
            "id": order.id,
            "orderId": order.order_id,
            "amount": order.amount,
            "method": order.method,
        },
    })))
}

pub(super) async fn by_order(
    user: User,
    Shared(state): Shared<Arc<State>>,
    AppPath(order_id): AppPath<String>,
) -> ApiResult<AppJson<Value>> {
    let order = payments::by_order_id(&state.pool, &order_id)
        .await?
        .ok_or_else(refusals::not_found)?;
    if order.user_id != user.id {
        return Err(refusals::access_denied());
    }
    let mut payment = row(&order);
    payment["toss_status"] = toss_status(&order).into();
    payment["updated_at"] = wire_time(order.updated_at).into();
    payment["user_id"] = json!(order.user_id);
    Ok(AppJson(json!({"payment": payment})))
}

#[derive(Debug, Deserialize)]
pub(super) struct Window {
    limit: Option<i64>,
    offset: Option<i64>,
}

pub(super) async fn mine(
    user: User,
    Shared(state): Shared<Arc<State>>,
    AppQuery(window): AppQuery<Window>,
) -> ApiResult<AppJson<Value>> {
    let limit = window.limit.unwrap_or(10).clamp(1, 100);
    let offset = window.offset.unwrap_or(0).max(0);
    let (orders, total) = list(&state, user.id, limit, offset).await?;
    Ok(AppJson(json!({
        "payments": orders.iter().map(row).collect::<Vec<_>>(),
        "pagination": {"total": total, "limit": limit, "offset": offset},
    })))
}

async fn list(
    state: &State,
    user: UserId,
    limit: i64,
    offset: i64,
) -> ApiResult<(Vec<Order>, i64)> {
    let mut connection = state.pool.acquire().await?;
    Ok(payments::of_user(&mut connection, user, limit, offset).await?)
}

/// What lists show of a payment.
fn row(order: &Order) -> Value {
    json!({
        "id": order.id,
        "order_id": order.order_id,
        "payment_key": order.payment_key,
        "amount": order.amount,
        "method": order.method,
        "status": order.status.on_the_wire(),
        "toss_approved_at": order.captured_at.map(wire_time),
        "created_at": wire_time(order.created_at),
        "reservation_id": order.target.reservation_id(),
        "payment_type": order.target.payment_type(),
        "reference_id": order.target.reference_id(),
    })
}

fn toss_status(order: &Order) -> Option<&'static str> {
    order.status.is_captured().then_some("DONE")
}

/// A time as the contract's rows have it: UTC, milliseconds, `+00:00`.
fn wire_time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S%.3f+00:00").to_string()
}

fn valid_amount(amount: i64) -> ApiResult<Won> {
    let text = match amount {
        ..1 => "must be greater than or equal to 1",
        1..=MAX_AMOUNT => return Ok(Won(amount)),
        _ => "must be less than or equal to 2147483647",
    };
    Err(ApiError::bad_request("INVALID_AMOUNT", text))
}

/// A text that is not blank and fits.
fn text(given: &str, max_chars: usize) -> ApiResult<String> {
    if given.trim().is_empty() {
        return Err(ApiError::bad_request("BLANK_FIELD", "must not be blank"));
    }
    if given.chars().count() > max_chars || given.contains('\0') {
        return Err(ApiError::bad_request(
            "INVALID_FIELD",
            format!("must be at most {max_chars} characters"),
        ));
    }
    Ok(given.to_owned())
}

/// What is paid for. A type nobody knows is refused and never taken for a reservation.
fn target(
    payment_type: Option<&str>,
    reservation: Option<ReservationId>,
    reference: Option<Uuid>,
    named: bool,
) -> ApiResult<Target> {
    let payment_type = match payment_type {
        None => PaymentType::Reservation,
        Some(word) => PaymentType::parse(word)
            .ok_or_else(|| ApiError::bad_request("UNKNOWN_PAYMENT_TYPE", "Unknown paymentType"))?,
    };
    let missing = |what: &str| ApiError::bad_request("MISSING_FIELD", what);
    let for_type = |word: &str| {
        if named {
            missing(&format!("referenceId required for {word}"))
        } else {
            missing("referenceId required")
        }
    };
    match payment_type {
        PaymentType::Reservation => reservation
            .map(Target::Reservation)
            .ok_or_else(|| missing("reservationId required")),
        PaymentType::Transfer => reference
            .map(Target::Transfer)
            .ok_or_else(|| for_type("transfer")),
        PaymentType::Membership => reference
            .map(Target::Membership)
            .ok_or_else(|| for_type("membership")),
    }
}
