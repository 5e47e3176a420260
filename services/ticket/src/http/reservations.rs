//! Reservations of the person who asks, and holds of standing places.

use std::sync::Arc;

use axum::extract::State as Shared;
use serde::{Deserialize, Serialize};
use urr_contract::{EventId, ReservationId, TicketTypeId};
use urr_kit::{
    ApiError, ApiResult,
    extract::{AppJson, AppPath},
    identity::User,
    openapi::{OpenApiRouter, routes},
};
use utoipa::ToSchema;

use super::{JsonBytes, booker::Booker, json_bytes};
use crate::{
    State,
    booking::{
        answer::IdempotencyKey,
        cancel::by_owner,
        standing::{CreateAnswer, StandingRequest, hold},
    },
    domain::order::StandingOrder,
    refusal,
    store::{
        reservations,
        reservations::{MyReservation, ReservationDetail},
    },
};

pub(super) fn routes() -> OpenApiRouter<Arc<State>> {
    OpenApiRouter::default()
        .routes(routes!(create, unmapped))
        .routes(routes!(my))
        .routes(routes!(by_id))
        .routes(routes!(cancel))
}

/// Standing places to be held.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = HoldPlaces)]
struct CreateBody {
    /// The event.
    event_id: EventId,
    /// How many of which.
    #[schema(min_items = 1)]
    items: Vec<CreateItem>,
    /// The same key with the same request gives the same answer and holds nothing twice.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 64)]
    idempotency_key: Option<String>,
}

/// Places of one ticket type.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = HoldPlacesItem)]
struct CreateItem {
    /// The ticket type.
    ticket_type_id: TicketTypeId,
    /// How many.
    #[schema(minimum = 1, maximum = 10)]
    quantity: i64,
}

/// Holds standing places of an event, all or none.
#[utoipa::path(
    post,
    path = "/api/reservations",
    operation_id = "holdPlaces",
    tag = "Reservations",
    request_body = CreateBody,
    security(("bearer" = [], "entry" = [])),
    responses(
        (status = 200, description = "Held until `expiresAt`.", body = CreateAnswer),
        (status = 400, description = "`INVALID_ITEMS`: no items, or a quantity nobody can order. `INVALID_IDEMPOTENCY_KEY`: too long."),
        (status = 403, description = "`ENTRY_TOKEN_REQUIRED`: not let in for this event; `redirectTo` says where to queue. `PER_PERSON_LIMIT`: one person may have no more than `maxPerPerson`. `PRESALE_NOT_OPEN`: members of the artist buy first, and this person's `tier` from `opensAt`."),
        (status = 404, description = "`EVENT_NOT_FOUND`, `TICKET_TYPE_NOT_FOUND`: unknown, or of another event."),
        (status = 409, description = "`NOT_ENOUGH_TICKETS`: fewer are left. `EVENT_NOT_ON_SALE`: too early or too late."),
        (status = 422, description = "`IDEMPOTENCY_KEY_REUSED`: the key was used for another request."),
        (status = 503, description = "`REQUEST_IN_PROGRESS`: the same request is still being answered."),
    )
)]
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

/// Nothing is listed here, but old scripts ask: see `GET /reservations/my`.
#[utoipa::path(
    get,
    path = "/api/reservations",
    operation_id = "listReservations",
    tag = "Reservations",
    security(("bearer" = [])),
    responses(
        (status = 404, description = "`NOT_FOUND`: always."),
    )
)]
async fn unmapped(_: User) -> ApiError {
    ApiError::not_found("NOT_FOUND", "Not found")
}

/// One's reservations.
#[derive(Serialize, ToSchema)]
#[schema(as = MyReservations)]
struct MyAnswer {
    /// Reservations.
    reservations: Vec<MyReservation>,
}

/// One's own reservations, newest first.
#[utoipa::path(
    get,
    path = "/api/reservations/my",
    operation_id = "listMyReservations",
    tag = "Reservations",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The reservations.", body = MyAnswer),
    )
)]
async fn my(Shared(state): Shared<Arc<State>>, user: User) -> ApiResult<AppJson<MyAnswer>> {
    let reservations = reservations::of_person(&state.pool, user.id).await?;
    Ok(AppJson(MyAnswer { reservations }))
}

/// One reservation.
#[derive(Serialize, ToSchema)]
#[schema(as = ReservationAnswer)]
struct DetailAnswer {
    /// The reservation.
    reservation: ReservationDetail,
}

/// A reservation of one's own.
#[utoipa::path(
    get,
    path = "/api/reservations/{reservation}",
    operation_id = "getReservation",
    tag = "Reservations",
    params(("reservation" = ReservationId, Path)),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The reservation.", body = DetailAnswer),
        (status = 404, description = "`RESERVATION_NOT_FOUND`: unknown, or somebody else's."),
    )
)]
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

/// The answer to a cancellation.
#[derive(Serialize, ToSchema)]
#[schema(as = ReservationCancelled)]
struct CancelAnswer {
    /// What was done, for people.
    message: &'static str,
    /// The reservation.
    reservation: Cancelled,
}

/// A reservation that was cancelled.
#[derive(Serialize, ToSchema)]
#[schema(as = CancelledReservation)]
struct Cancelled {
    /// The reservation.
    id: ReservationId,
    /// Always `cancelled`.
    status: &'static str,
}

/// Cancels a reservation of one's own. What was paid goes back.
#[utoipa::path(
    post,
    path = "/api/reservations/{reservation}/cancel",
    operation_id = "cancelReservation",
    tag = "Reservations",
    params(("reservation" = ReservationId, Path)),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "Cancelled.", body = CancelAnswer),
        (status = 404, description = "`RESERVATION_NOT_FOUND`: unknown, or somebody else's."),
        (status = 409, description = "`ALREADY_CANCELLED`, `ALREADY_EXPIRED`: it has ended. `PAYMENT_IN_PROGRESS`: the money is moving at this moment. `TICKET_USED`: somebody came in on it."),
    )
)]
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
