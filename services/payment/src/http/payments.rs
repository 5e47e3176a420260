//! Prepare, confirm, process, and what a person may see of their payments.

use std::sync::Arc;

use axum::extract::State as Shared;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use urr_contract::{PaymentId, ReservationId, UserId, Won, facts::PaymentType};
use urr_kit::{
    ApiError, ApiResult,
    extract::{AppJson, AppPath, AppQuery},
    identity::User,
};
use utoipa::{IntoParams, ToSchema};
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

/// What is to be paid.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PreparePayment)]
pub(super) struct PrepareBody {
    /// What the client believes it costs, in won. Must be what it costs.
    #[schema(minimum = 1, maximum = 2_147_483_647, example = 99_000)]
    amount: i64,
    /// A reservation where not said.
    #[schema(value_type = Option<PaymentType>)]
    payment_type: Option<String>,
    /// The reservation; for the type `reservation`.
    reservation_id: Option<ReservationId>,
    /// The listing or membership; for the other types.
    reference_id: Option<Uuid>,
}

/// An order that may be paid.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PreparedPayment)]
pub(super) struct PreparedBody {
    /// What the provider knows the order by.
    order_id: String,
    /// In won.
    amount: Won,
    /// The provider's key for browsers.
    client_key: String,
    /// Page on which to pay, where the provider is the simulator.
    #[serde(skip_serializing_if = "Option::is_none")]
    checkout_url: Option<String>,
}

/// Opens an order for a reservation, a listing or a membership.
///
/// The hold is kept while the order is open. The same again gives the same order.
#[utoipa::path(
    post,
    path = "/api/payments/prepare",
    operation_id = "preparePayment",
    tag = "Payments",
    request_body = PrepareBody,
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The order to be paid at the provider.", body = PreparedBody),
        (status = 400, description = "`INVALID_AMOUNT`, `UNKNOWN_PAYMENT_TYPE`, `MISSING_FIELD`: a field \
            is wrong. `AMOUNT_MISMATCH`: it costs something else. `PAYMENT_ALREADY_CONFIRMED`: it is \
            paid. `REFUSED_BY_TICKET`: it cannot be paid."),
        (status = 403, description = "`REFUSED_BY_TICKET`: it is somebody else's."),
        (status = 404, description = "`REFUSED_BY_TICKET`: there is nothing to pay for."),
        (status = 409, description = "`OTHER_BUYER`: another buyer is paying for it. \
            `REFUSED_BY_TICKET`: it cannot be paid any more."),
        (status = 503, description = "`TICKET_UNAVAILABLE`: ticket cannot be asked. `PAYMENT_IN_DOUBT`: \
            an earlier order may have been paid."),
    )
)]
pub(super) async fn prepare(
    user: User,
    Shared(state): Shared<Arc<State>>,
    AppJson(body): AppJson<PrepareBody>,
) -> ApiResult<AppJson<PreparedBody>> {
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
    let checkout_url = state.checkout_url.as_deref().map(|base| {
        let base = base.trim_end_matches('/');
        format!("{base}/checkout/{}?amount={}", order.order_id, order.amount)
    });
    Ok(AppJson(PreparedBody {
        order_id: order.order_id,
        amount: order.amount,
        client_key: state.client_key.clone(),
        checkout_url,
    }))
}

/// What the provider has said to the browser.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ConfirmPayment)]
pub(super) struct ConfirmBody {
    /// What the provider gave the browser for the order.
    #[schema(min_length = 1, max_length = 200)]
    payment_key: String,
    /// What the provider knows the order by.
    #[schema(min_length = 1, max_length = 64)]
    order_id: String,
    /// In won.
    #[schema(minimum = 1, maximum = 2_147_483_647)]
    amount: i64,
}

/// The answer to a payment that has succeeded.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PaymentConfirmed)]
pub(super) struct ConfirmedBody {
    /// Always true.
    success: bool,
    /// The payment.
    payment: ConfirmedPayment,
}

/// A payment that has succeeded.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ConfirmedPayment {
    /// What the provider knows the order by.
    order_id: String,
    /// What the provider gave the browser for the order.
    payment_key: String,
    /// In won.
    amount: Won,
    /// How it was paid.
    method: String,
    /// When the provider moved the money.
    approved_at: Timestamp,
}

/// Has the provider capture the money of an order.
///
/// The same again gives the same answer. After a 503 with `PAYMENT_IN_DOUBT` the money may
/// have moved: ask again with the same order and never with another.
#[utoipa::path(
    post,
    path = "/api/payments/confirm",
    operation_id = "confirmPayment",
    tag = "Payments",
    request_body = ConfirmBody,
    security(("bearer" = [])),
    responses(
        (status = 200, description = "Paid.", body = ConfirmedBody),
        (status = 400, description = "`BLANK_FIELD`, `INVALID_FIELD`, `INVALID_AMOUNT`: a field is wrong. \
            `AMOUNT_MISMATCH`: the order is about another amount. `PAYMENT_DECLINED`: the provider \
            says no. `RESERVATION_EXPIRED`, `PAYMENT_VOIDED`: too late, nothing was charged. \
            `PAYMENT_ALREADY_CONFIRMED`, `PAYMENT_REFUNDED`: it was paid by another key, or given \
            back. `REFUSED_BY_TICKET`: it cannot be paid."),
        (status = 403, description = "`ACCESS_DENIED`: somebody else's order. `REFUSED_BY_TICKET`: \
            somebody else's reservation."),
        (status = 404, description = "`PAYMENT_NOT_FOUND`: no such order. `REFUSED_BY_TICKET`: there is \
            nothing to pay for."),
        (status = 409, description = "`PAYMENT_KEY_USED`: the key belongs to another order. \
            `PAYMENT_WILL_BE_REFUNDED`: paid, but the reservation could not be kept; the money comes \
            back by itself. `REFUSED_BY_TICKET`: it cannot be paid any more."),
        (status = 503, description = "`PAYMENT_IN_DOUBT`: the outcome is not known yet. \
            `PROVIDER_UNAVAILABLE`: nothing was charged. `TICKET_UNAVAILABLE`: ticket cannot be asked."),
    )
)]
pub(super) async fn confirm(
    user: User,
    Shared(state): Shared<Arc<State>>,
    AppJson(body): AppJson<ConfirmBody>,
) -> ApiResult<AppJson<ConfirmedBody>> {
    let request = Confirm {
        user: user.id,
        payment_key: text(&body.payment_key, MAX_KEY_CHARS)?,
        order_id: text(&body.order_id, MAX_ORDER_ID_CHARS)?,
        amount: valid_amount(body.amount)?,
    };
    let paid = confirm::confirm(&state, request).await?;
    Ok(AppJson(ConfirmedBody {
        success: true,
        payment: ConfirmedPayment {
            order_id: paid.order_id,
            payment_key: paid.payment_key,
            amount: paid.amount,
            method: paid.method,
            approved_at: paid.approved_at,
        },
    }))
}

/// What is to be paid without the provider.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ProcessPayment)]
pub(super) struct ProcessBody {
    /// A way to pay that needs no person.
    #[schema(required, min_length = 1, max_length = 50, example = "naver_pay")]
    payment_method: Option<String>,
    /// A reservation where not said.
    #[schema(value_type = Option<PaymentType>)]
    payment_type: Option<String>,
    /// The reservation; for the type `reservation`.
    reservation_id: Option<ReservationId>,
    /// The listing or membership; for the other types.
    reference_id: Option<Uuid>,
}

/// The answer to a demonstration's payment.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PaymentProcessed)]
pub(super) struct ProcessedBody {
    /// Always true.
    success: bool,
    /// What was done, for people.
    message: &'static str,
    /// The payment.
    payment: ProcessedPayment,
}

/// A demonstration's payment.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ProcessedPayment {
    /// The payment.
    id: PaymentId,
    /// What the provider knows the order by.
    order_id: String,
    /// In won.
    amount: Won,
    /// How it was paid.
    method: Option<String>,
}

/// Pays with a demonstration's method, without any provider.
///
/// Only where demonstration methods are switched on.
#[utoipa::path(
    post,
    path = "/api/payments/process",
    operation_id = "processPayment",
    tag = "Payments",
    request_body = ProcessBody,
    security(("bearer" = [])),
    responses(
        (status = 200, description = "Paid.", body = ProcessedBody),
        (status = 400, description = "`BLANK_FIELD`, `UNKNOWN_PAYMENT_TYPE`, `MISSING_FIELD`: a field is \
            wrong. `PAYMENT_METHOD_NOT_AVAILABLE`: no such method here. `AMOUNT_MISMATCH`: the price \
            has changed. `RESERVATION_EXPIRED`, `PAYMENT_VOIDED`, `PAYMENT_REFUNDED`: too late. \
            `REFUSED_BY_TICKET`: it cannot be paid."),
        (status = 403, description = "`REFUSED_BY_TICKET`: it is somebody else's."),
        (status = 404, description = "`REFUSED_BY_TICKET`: there is nothing to pay for."),
        (status = 409, description = "`OTHER_BUYER`: another buyer is paying for it. \
            `PAYMENT_WILL_BE_REFUNDED`: paid, but the reservation could not be kept. \
            `REFUSED_BY_TICKET`: it cannot be paid any more."),
        (status = 503, description = "`TICKET_UNAVAILABLE`: ticket cannot be asked. `PAYMENT_IN_DOUBT`: \
            an earlier order may have been paid."),
    )
)]
pub(super) async fn process(
    user: User,
    Shared(state): Shared<Arc<State>>,
    AppJson(body): AppJson<ProcessBody>,
) -> ApiResult<AppJson<ProcessedBody>> {
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
    let message = if processed.before {
        "Payment already completed"
    } else {
        "Payment completed"
    };
    Ok(AppJson(ProcessedBody {
        success: true,
        message,
        payment: ProcessedPayment {
            id: order.id,
            order_id: order.order_id,
            amount: order.amount,
            method: order.method,
        },
    }))
}

/// The answer about one payment.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PaymentAnswer)]
pub(super) struct PaymentBody {
    /// The payment.
    payment: WholePayment,
}

/// All that its owner may see of a payment.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Payment)]
struct WholePayment {
    #[serde(flatten)]
    row: PaymentRow,
    /// `DONE` once the money was captured.
    toss_status: Option<&'static str>,
    /// When it was changed.
    #[schema(value_type = Timestamp)]
    updated_at: String,
    /// Who pays.
    user_id: UserId,
}

/// What lists show of a payment.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PaymentSummary)]
struct PaymentRow {
    /// The payment.
    id: PaymentId,
    /// What the provider knows the order by.
    order_id: String,
    /// What the provider gave the browser; null until it is confirmed.
    payment_key: Option<String>,
    /// In won.
    amount: Won,
    /// How it was paid; null until it is.
    method: Option<String>,
    /// `pending`, `confirmed`, `refunded`, `failed` or `voided`.
    #[schema(example = "confirmed")]
    status: &'static str,
    /// When the provider moved the money; null while it did not.
    #[schema(value_type = Option<Timestamp>)]
    toss_approved_at: Option<String>,
    /// When it was made.
    #[schema(value_type = Timestamp)]
    created_at: String,
    /// The reservation, where it was for one.
    reservation_id: Option<ReservationId>,
    /// What it was for.
    payment_type: PaymentType,
    /// The listing or membership, where it was for one.
    reference_id: Option<Uuid>,
}

/// A payment of one's own, by its order.
#[utoipa::path(
    get,
    path = "/api/payments/order/{order_id}",
    operation_id = "getPayment",
    tag = "Payments",
    params(("order_id" = String, Path, description = "What the provider knows the order by.")),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The payment.", body = PaymentBody),
        (status = 403, description = "`ACCESS_DENIED`: somebody else's."),
        (status = 404, description = "`PAYMENT_NOT_FOUND`: no such order."),
    )
)]
pub(super) async fn by_order(
    user: User,
    Shared(state): Shared<Arc<State>>,
    AppPath(order_id): AppPath<String>,
) -> ApiResult<AppJson<PaymentBody>> {
    let order = payments::by_order_id(&state.pool, &order_id)
        .await?
        .ok_or_else(refusals::not_found)?;
    if order.user_id != user.id {
        return Err(refusals::access_denied());
    }
    Ok(AppJson(PaymentBody {
        payment: WholePayment {
            toss_status: toss_status(&order),
            updated_at: wire_time(order.updated_at),
            user_id: order.user_id,
            row: row(order),
        },
    }))
}

/// A part of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Window {
    /// Rows, 10 where not said. Pulled into 1 to 100.
    limit: Option<i64>,
    /// Rows before it. Never below 0.
    offset: Option<i64>,
}

/// Payments and which part of all they are.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Payments)]
pub(super) struct PaymentsBody {
    /// The payments.
    payments: Vec<PaymentRow>,
    /// Which part of all this is.
    pagination: WindowBody,
}

/// Which part of a list an answer is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PaymentsPagination)]
struct WindowBody {
    /// All rows.
    total: i64,
    /// Rows a page.
    limit: i64,
    /// Rows before this page.
    offset: i64,
}

/// One's own payments, newest first.
#[utoipa::path(
    get,
    path = "/api/payments/user/me",
    operation_id = "listMyPayments",
    tag = "Payments",
    params(Window),
    security(("bearer" = [])),
    responses((status = 200, description = "The payments.", body = PaymentsBody))
)]
pub(super) async fn mine(
    user: User,
    Shared(state): Shared<Arc<State>>,
    AppQuery(window): AppQuery<Window>,
) -> ApiResult<AppJson<PaymentsBody>> {
    let limit = window.limit.unwrap_or(10).clamp(1, 100);
    let offset = window.offset.unwrap_or(0).max(0);
    let (orders, total) = list(&state, user.id, limit, offset).await?;
    Ok(AppJson(PaymentsBody {
        payments: orders.into_iter().map(row).collect(),
        pagination: WindowBody {
            total,
            limit,
            offset,
        },
    }))
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
fn row(order: Order) -> PaymentRow {
    PaymentRow {
        id: order.id,
        status: order.status.on_the_wire(),
        toss_approved_at: order.captured_at.map(wire_time),
        created_at: wire_time(order.created_at),
        reservation_id: order.target.reservation_id(),
        payment_type: order.target.payment_type(),
        reference_id: order.target.reference_id(),
        order_id: order.order_id,
        payment_key: order.payment_key,
        amount: order.amount,
        method: order.method,
    }
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
