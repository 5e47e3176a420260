//! Confirm, cancel and the two queries, with Toss's shapes.

use std::{sync::Arc, time::Duration};

use axum::{
    body::Bytes,
    extract::{Path, State as Shared},
    response::Response,
};
use http::HeaderMap;
use jiff::Timestamp;
use serde_json::Value;

use super::{Refused, answer, auth::Merchant};
use crate::{
    State,
    domain::{
        book::Book,
        faults::{Fault, Operation},
        refusals::{self, Refusal},
    },
    state::{Start, Verdict, random_key},
};

pub(super) async fn confirm(
    _: Merchant,
    Shared(state): Shared<Arc<State>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refused> {
    let request = json_object(&body)?;
    let text = |field: &str| {
        request
            .get(field)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let (key, order_id) = (text("paymentKey").to_owned(), text("orderId").to_owned());
    let amount = request.get("amount").and_then(Value::as_i64);
    let (false, false, Some(amount)) = (key.is_empty(), order_id.is_empty(), amount) else {
        return Err(refusals::INVALID_REQUEST.into());
    };
    let decide = {
        let order_id = order_id.clone();
        move |book: &Book, now: Timestamp| match book.payment(&key) {
            None => Verdict::refused(refusals::NOT_FOUND_SESSION, None),
            Some(payment) => match payment.confirm(&order_id, amount, now) {
                Ok(payment) => Verdict::done(payment),
                Err((refusal, payment)) => {
                    Verdict::refused(refusal, payment.map(|payment| *payment))
                }
            },
        }
    };
    let call = Call {
        operation: Operation::Confirm,
        path: "/v1/payments/confirm",
        order_id: &order_id,
        payment_key: text("paymentKey"),
        request: &request,
    };
    carry_out(&state, &headers, call, decide).await
}

pub(super) async fn cancel(
    _: Merchant,
    Shared(state): Shared<Arc<State>>,
    Path(payment_key): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refused> {
    let request = json_object(&body)?;
    let reason = request
        .get("cancelReason")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if reason.is_empty() || reason.chars().count() > 200 {
        return Err(refusals::INVALID_REQUEST.into());
    }
    let amount = match request.get("cancelAmount") {
        None | Some(Value::Null) => None,
        Some(amount) => Some(amount.as_i64().ok_or(refusals::INVALID_REQUEST)?),
    };
    let order_id = state
        .read(|book| {
            book.payment(&payment_key)
                .map(|payment| payment.order_id.clone())
        })
        .await?
        .unwrap_or_default();
    let decide = |book: &Book, now: Timestamp| match book.payment(&payment_key) {
        None => Verdict::refused(refusals::NOT_FOUND_PAYMENT, None),
        Some(payment) => match payment.cancel(amount, reason, random_key("txrd_"), now) {
            Ok(payment) => Verdict::done(payment),
            Err(refusal) => Verdict::refused(refusal, None),
        },
    };
    let path = format!("/v1/payments/{payment_key}/cancel");
    let call = Call {
        operation: Operation::Cancel,
        path: &path,
        order_id: &order_id,
        payment_key: &payment_key,
        request: &request,
    };
    carry_out(&state, &headers, call, decide).await
}

pub(super) async fn by_key(
    _: Merchant,
    Shared(state): Shared<Arc<State>>,
    Path(payment_key): Path<String>,
) -> Result<Response, Refused> {
    query(&state, |book| book.payment(&payment_key)).await
}

pub(super) async fn by_order(
    _: Merchant,
    Shared(state): Shared<Arc<State>>,
    Path(order_id): Path<String>,
) -> Result<Response, Refused> {
    query(&state, |book| book.payment_of_order(&order_id)).await
}

async fn query(
    state: &State,
    find: impl Fn(&Book) -> Option<&crate::domain::payment::Payment>,
) -> Result<Response, Refused> {
    let payment = state
        .read(|book| find(book).cloned())
        .await?
        .ok_or(refusals::NOT_FOUND_PAYMENT)?;
    match state.take_fault(Operation::Query, &payment.order_id) {
        Some(Fault::Refuse { code }) => return Err(published(&code).into()),
        Some(fault) => hold(&fault).await,
        None => {}
    }
    Ok(answer(200, payment.to_json()))
}

/// A POST that moves money.
struct Call<'a> {
    operation: Operation,
    path: &'a str,
    order_id: &'a str,
    payment_key: &'a str,
    request: &'a Value,
}

/// Idempotency, then the fault that the call meets, then the work, then the answer.
async fn carry_out(
    state: &State,
    headers: &HeaderMap,
    call: Call<'_>,
    decide: impl FnOnce(&Book, Timestamp) -> Verdict,
) -> Result<Response, Refused> {
    let key = headers
        .get("idempotency-key")
        .map(|value| value.to_str().map_err(|_| refusals::INVALID_REQUEST))
        .transpose()?;
    let in_flight = match state.start(call.path, key, call.request) {
        Start::Fresh(in_flight) => in_flight,
        Start::Replay(status, body) => return Ok(answer(status, body)),
        Start::Refused(refusal) => return Err(refusal.into()),
    };
    let fault = state.take_fault(call.operation, call.order_id);
    if let Some(fault @ Fault::TimeoutBefore { .. }) = &fault {
        hold(fault).await;
        return Err(refusals::INTERNAL.into());
    }
    let verdict = match &fault {
        Some(Fault::Refuse { code }) => {
            let refusal = published(code);
            state
                .decide(Some(&in_flight), |book, _| refuse(book, &call, refusal))
                .await?
        }
        _ => state.decide(Some(&in_flight), decide).await?,
    };
    if let Some(fault) = &fault {
        hold(fault).await;
    }
    Ok(answer(verdict.status, verdict.body))
}

/// The refusal that was asked for; a payment being confirmed is over where the code says so.
fn refuse(book: &Book, call: &Call<'_>, refusal: Refusal) -> Verdict {
    let ended = book
        .payment(call.payment_key)
        .filter(|_| refusal.aborts && call.operation == Operation::Confirm)
        .map(|payment| payment.aborted(refusal));
    Verdict::refused(refusal, ended)
}

fn published(code: &str) -> Refusal {
    Refusal::of_code(code).unwrap_or(refusals::INTERNAL)
}

/// Keeps the caller waiting as the fault says.
async fn hold(fault: &Fault) {
    let wait = match fault {
        Fault::TimeoutAfter { hang_ms } | Fault::TimeoutBefore { hang_ms } => *hang_ms,
        Fault::Late { delay_ms } => *delay_ms,
        _ => 0,
    };
    tokio::time::sleep(Duration::from_millis(wait.into())).await;
}

fn json_object(body: &[u8]) -> Result<Value, Refusal> {
    serde_json::from_slice::<Value>(body)
        .ok()
        .filter(Value::is_object)
        .ok_or(refusals::INVALID_REQUEST)
}
