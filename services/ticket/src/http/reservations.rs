//! Reservations of the person who asks, and holds of standing places.

use std::sync::Arc;

use axum::{
    Router,
    extract::State as Shared,
    routing::{get, post},
};
use serde::{Deserialize, Serialize};
use urr_contract::{EventId, ReservationId, TicketTypeId};
use urr_kit::{
    ApiError, ApiResult,
    extract::{AppJson, AppPath},
    identity::User,
};

use super::{JsonBytes, booker::Booker, json_bytes};
use crate::{
    State,
    booking::{
        answer::IdempotencyKey,
        cancel::by_owner,
        standing::{StandingRequest, hold},
    },
    domain::order::StandingOrder,
    refusal,
    store::{
        reservations,
        reservations::{MyReservation, ReservationDetail},
    },
};

pub(super) fn routes() -> Router<Arc<State>> {
    Router::new()
        .route("/api/reservations", post(create).get(unmapped))
        .route("/api/reservations/my", get(my))
        .route("/api/reservations/{reservation}", get(by_id))
        .route("/api/reservations/{reservation}/cancel", post(cancel))
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct CreateBody {
    event_id: EventId,
    items: Vec<CreateItem>,
    #[serde(skip_serializing)]
    idempotency_key: Option<String>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct CreateItem {
    ticket_type_id: TicketTypeId,
    quantity: i64,
}

async fn create(
    Shared(state): Shared<Arc<State>>,
    booker: Booker,
    AppJson(mut body): AppJson<CreateBody>,
) -> ApiResult<JsonBytes> {
    booker.may_book(body.event_id)?;
    let key = body.idempotency_key.take();
    let lines = body
        .items
        .iter()
        .map(|item| (item.ticket_type_id, item.quantity));
    let request = StandingRequest {
        user: booker.user,
        event: body.event_id,
        order: StandingOrder::new(lines).map_err(refusal::standing_order)?,
        key: IdempotencyKey::new(key, &("standing", &body))?,
    };
    hold(&state, &request).await.map(json_bytes)
}

/// Nothing is listed here, but old scripts ask.
async fn unmapped(_: User) -> ApiError {
    ApiError::not_found("NOT_FOUND", "Not found")
}

#[derive(Serialize)]
struct MyAnswer {
    reservations: Vec<MyReservation>,
}

async fn my(Shared(state): Shared<Arc<State>>, user: User) -> ApiResult<AppJson<MyAnswer>> {
    let reservations = reservations::of_person(&state.pool, user.id).await?;
    Ok(AppJson(MyAnswer { reservations }))
}

#[derive(Serialize)]
struct DetailAnswer {
    reservation: ReservationDetail,
}

async fn by_id(
    Shared(state): Shared<Arc<State>>,
    user: User,
    AppPath(id): AppPath<ReservationId>,
) -> ApiResult<AppJson<DetailAnswer>> {
    let reservation = reservations::detail(&state.pool, id, user.id)
        .await?
        .ok_or_else(refusal::reservation_not_found)?;
    Ok(AppJson(DetailAnswer { reservation }))
}

#[derive(Serialize)]
struct CancelAnswer {
    message: &'static str,
    reservation: Cancelled,
}

#[derive(Serialize)]
struct Cancelled {
    id: ReservationId,
    status: &'static str,
}

async fn cancel(
    Shared(state): Shared<Arc<State>>,
    user: User,
    AppPath(id): AppPath<ReservationId>,
) -> ApiResult<AppJson<CancelAnswer>> {
    by_owner(&state, id, user.id).await?;
    Ok(AppJson(CancelAnswer {
        message: "Reservation cancelled",
        reservation: Cancelled {
            id,
            status: "cancelled",
        },
    }))
}
