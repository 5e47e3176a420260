//! Reservations, for payment: proof of what is to be paid, the fence, and the outcome; and what
//! is in them, for community.

use std::sync::Arc;

use axum::{
    Router,
    extract::State as Shared,
    routing::{get, post},
};
use serde::Deserialize;
use urr_contract::{
    ReservationId, UserId,
    internal::{
        ConfirmRequest, DetailsAnswer, DetailsRequest, FenceAnswer, Ok as OkAnswer, PayAnswer,
        PayRequest, RefundRequest, ReservationRow,
    },
};
use urr_kit::{
    ApiError, ApiResult,
    extract::{AppJson, AppPath, AppQuery},
    internal::InternalCaller,
};

use crate::{
    State,
    booking::{
        cancel::by_refund,
        confirm::{Captured, Confirmed, confirm},
        pay,
    },
    refusal,
    store::{begin_bounded, details},
};

/// Most ids in one request for details.
const MAX_DETAILS: usize = 500;

pub(super) fn routes() -> Router<Arc<State>> {
    Router::new()
        .route("/internal/reservations/{id}/validate", get(validate))
        .route("/internal/reservations/{id}/pay", post(begin_paying))
        .route("/internal/reservations/{id}/fence", get(fence))
        .route(
            "/internal/reservations/{id}/confirm",
            post(confirm_captured),
        )
        .route("/internal/reservations/{id}/refund", post(refund))
        .route("/internal/reservations/details", post(tell_details))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ValidateQuery {
    user_id: UserId,
}

async fn validate(
    Shared(state): Shared<Arc<State>>,
    _: InternalCaller,
    AppPath(id): AppPath<ReservationId>,
    AppQuery(query): AppQuery<ValidateQuery>,
) -> ApiResult<AppJson<ReservationRow>> {
    let locked = pay::check(&state, id, query.user_id).await?;
    Ok(AppJson(ReservationRow {
        id,
        user_id: locked.row.user,
        event_id: locked.row.event,
        reservation_number: locked.row.number,
        total_amount: locked.row.total,
        status: "pending".to_owned(),
        payment_status: locked.payment_status,
        expires_at: Some(locked.row.expires_at),
    }))
}

async fn begin_paying(
    Shared(state): Shared<Arc<State>>,
    _: InternalCaller,
    AppPath(id): AppPath<ReservationId>,
    AppJson(request): AppJson<PayRequest>,
) -> ApiResult<AppJson<PayAnswer>> {
    pay::begin(&state, id, &request).await.map(AppJson)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FenceQuery {
    order_id: String,
}

async fn fence(
    Shared(state): Shared<Arc<State>>,
    _: InternalCaller,
    AppPath(id): AppPath<ReservationId>,
    AppQuery(query): AppQuery<FenceQuery>,
) -> ApiResult<AppJson<FenceAnswer>> {
    let fenced = pay::is_fenced(&state, id, &query.order_id).await?;
    Ok(AppJson(FenceAnswer { fenced }))
}

async fn confirm_captured(
    Shared(state): Shared<Arc<State>>,
    _: InternalCaller,
    AppPath(id): AppPath<ReservationId>,
    AppJson(request): AppJson<ConfirmRequest>,
) -> ApiResult<AppJson<OkAnswer>> {
    let captured = Captured {
        order: request.order_id,
        user: request.user_id,
        amount: request.amount,
        method: request.payment_method,
    };
    let mut transaction = begin_bounded(&state.pool).await?;
    let confirmed = confirm(&mut transaction, id, &captured).await?;
    transaction.commit().await?;
    state.metrics.confirmation(confirmed);
    match confirmed {
        Confirmed::Sold | Confirmed::Before => Ok(AppJson(OkAnswer { ok: true })),
        Confirmed::Rejected => Err(refusal::cannot_be_confirmed()),
        Confirmed::Unknown => Err(refusal::reservation_not_found()),
    }
}

async fn refund(
    Shared(state): Shared<Arc<State>>,
    _: InternalCaller,
    AppPath(id): AppPath<ReservationId>,
    AppJson(request): AppJson<RefundRequest>,
) -> ApiResult<AppJson<OkAnswer>> {
    by_refund(&state, id, &request).await?;
    Ok(AppJson(OkAnswer { ok: true }))
}

async fn tell_details(
    Shared(state): Shared<Arc<State>>,
    _: InternalCaller,
    AppJson(request): AppJson<DetailsRequest>,
) -> ApiResult<AppJson<DetailsAnswer>> {
    let DetailsRequest {
        mut reservations,
        transfers,
    } = request;
    if reservations.len() + transfers.len() > MAX_DETAILS {
        return Err(ApiError::bad_request(
            "TOO_MANY_IDS",
            format!("At most {MAX_DETAILS} ids in one request"),
        ));
    }
    let mut connection = state.pool.acquire().await?;
    let transfers = details::of_transfers(&mut connection, &transfers).await?;
    reservations.extend(transfers.iter().map(|transfer| transfer.reservation_id));
    let reservations = details::of_reservations(&mut connection, &reservations).await?;
    Ok(AppJson(DetailsAnswer {
        reservations,
        transfers,
    }))
}
