//! Hot path: no blocking IO, no allocation per waiting user, no info logs.
//!
//! Layouts, seat maps, and holds of seats.

use std::sync::Arc;

use axum::{
    extract::State as Shared,
    response::{IntoResponse, Response},
};
use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, ETAG, IF_NONE_MATCH, VARY},
};
use serde::{Deserialize, Serialize};
use urr_contract::{EventId, ReservationId, SeatId};
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
        seats::{HoldAnswer, SeatRequest, hold},
    },
    domain::order::SeatSelection,
    refusal,
    seat_map::{MapAnswer, SeatMap},
    store::{events, layouts, layouts::LayoutRow, reservations, reservations::ReservationDetail},
};

/// Seats that one hold may take where the event does not allow more.
const SEATS_PER_HOLD: usize = 1;

pub(super) fn routes() -> OpenApiRouter<Arc<State>> {
    OpenApiRouter::default()
        .routes(routes!(list_layouts))
        .routes(routes!(map))
        .routes(routes!(reserve))
        .routes(routes!(reservation))
}

/// Layouts of seats.
#[derive(Serialize, ToSchema)]
#[schema(as = SeatLayouts)]
struct LayoutsAnswer {
    /// The layouts.
    layouts: Vec<LayoutRow>,
}

/// Layouts from which seats are made, smallest first.
#[utoipa::path(
    get,
    path = "/api/seats/layouts",
    operation_id = "listSeatLayouts",
    tag = "Seats",
    responses(
        (status = 200, description = "The layouts.", body = LayoutsAnswer),
    )
)]
async fn list_layouts(Shared(state): Shared<Arc<State>>) -> ApiResult<AppJson<LayoutsAnswer>> {
    let layouts = layouts::list(&state.pool).await?;
    Ok(AppJson(LayoutsAnswer { layouts }))
}

/// All seats of an event, at most a second old.
///
/// With an entity tag: ask with `If-None-Match` and an unchanged map costs nothing.
#[utoipa::path(
    get,
    path = "/api/seats/events/{event}",
    operation_id = "getSeatMap",
    tag = "Seats",
    params(("event" = EventId, Path), ("if-none-match" = Option<String>, Header, description = "Tag of the map that the client has.")),
    responses(
        (status = 200, description = "The map.", body = MapAnswer<'_>),
        (status = 304, description = "Unchanged."),
        (status = 404, description = "`EVENT_NOT_FOUND`: there is no such event."),
    )
)]
async fn map(
    Shared(state): Shared<Arc<State>>,
    AppPath(event): AppPath<EventId>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let map = state
        .seat_maps
        .get(event)
        .await?
        .ok_or_else(refusal::event_not_found)?;
    let known = contains(&headers, &IF_NONE_MATCH, |tag| tag == map.tag || tag == "*");
    let mut response = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        map_body(&map, &headers).await?
    };
    let head = response.headers_mut();
    head.insert(
        ETAG,
        HeaderValue::from_str(&map.tag).map_err(ApiError::internal)?,
    );
    head.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=1"));
    head.insert(VARY, HeaderValue::from_static("accept-encoding"));
    Ok(response)
}

async fn map_body(map: &SeatMap, headers: &HeaderMap) -> ApiResult<Response> {
    let takes_gzip = contains(headers, &ACCEPT_ENCODING, |coding| {
        let mut parts = coding.split(';').map(str::trim);
        parts.next() == Some("gzip") && parts.next() != Some("q=0")
    });
    if !takes_gzip {
        return Ok(json_bytes(map.body.clone()).into_response());
    }
    let mut response = json_bytes(map.gzip().await?).into_response();
    response
        .headers_mut()
        .insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    Ok(response)
}

/// Whether one of the comma-separated values of a header is wanted.
fn contains(headers: &HeaderMap, name: &http::HeaderName, wanted: impl Fn(&str) -> bool) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|value| wanted(value.trim()))
}

/// Seats to be held.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = HoldSeats)]
struct ReserveBody {
    /// The event.
    event_id: EventId,
    /// Which seats: more than one where the event allows it.
    #[schema(min_items = 1, max_items = 8)]
    seat_ids: Vec<SeatId>,
    /// The same key with the same request gives the same answer and holds nothing twice.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 64)]
    idempotency_key: Option<String>,
}

/// Holds seats of an event, all or none.
///
/// Whoever holds the same seats already gets that hold.
#[utoipa::path(
    post,
    path = "/api/seats/reserve",
    operation_id = "holdSeats",
    tag = "Seats",
    request_body = ReserveBody,
    security(("bearer" = [], "entry" = [])),
    responses(
        (status = 200, description = "Held until `expiresAt`.", body = HoldAnswer),
        (status = 400, description = "`INVALID_SEAT_SELECTION`: none, one twice, or more than one hold may take. `INVALID_IDEMPOTENCY_KEY`: too long."),
        (status = 403, description = "`ENTRY_TOKEN_REQUIRED`: not let in for this event; `redirectTo` says where to queue. `PER_PERSON_LIMIT`: one person may have no more than `maxPerPerson`. `PRESALE_NOT_OPEN`: members of the artist buy first, and this person's `tier` from `opensAt`."),
        (status = 404, description = "`EVENT_NOT_FOUND`, `SEAT_NOT_FOUND`: unknown, or of another event."),
        (status = 409, description = "`SEAT_TAKEN`, `SEAT_RESERVED`: somebody was quicker. `EVENT_NOT_ON_SALE`: too early or too late."),
        (status = 422, description = "`IDEMPOTENCY_KEY_REUSED`: the key was used for another request."),
        (status = 503, description = "`REQUEST_IN_PROGRESS`: the same request is still being answered."),
    )
)]
async fn reserve(
    Shared(state): Shared<Arc<State>>,
    booker: Booker,
    AppJson(mut body): AppJson<ReserveBody>,
) -> ApiResult<JsonBytes> {
    booker.may_book(body.event_id)?;
    let key = body.idempotency_key.take();
    // One seat, as nearly all ask for, needs no look at what the event allows.
    let most = if body.seat_ids.len() > SEATS_PER_HOLD {
        seats_per_hold(&state, body.event_id).await?
    } else {
        SEATS_PER_HOLD
    };
    let request = SeatRequest {
        user: booker.user,
        event: body.event_id,
        key: IdempotencyKey::new(key, &("seats", &body))?,
        seats: SeatSelection::new(body.seat_ids, most).map_err(refusal::seat_selection)?,
    };
    hold(&state, &request).await.map(json_bytes)
}

/// Most seats that one hold of the event may take.
pub(crate) async fn seats_per_hold(state: &State, event: EventId) -> ApiResult<usize> {
    let most = events::max_seats_per_hold(&state.pool, event).await?;
    Ok(most.unwrap_or(SEATS_PER_HOLD))
}

/// One reservation.
#[derive(Serialize, ToSchema)]
#[schema(as = SeatReservationAnswer)]
struct ReservationAnswer {
    /// The reservation.
    reservation: ReservationDetail,
}

/// A reservation of one's own in the form of the seat pages.
#[utoipa::path(
    get,
    path = "/api/seats/reservation/{reservation}",
    operation_id = "getSeatReservation",
    tag = "Seats",
    params(("reservation" = ReservationId, Path)),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The reservation.", body = ReservationAnswer),
        (status = 404, description = "`RESERVATION_NOT_FOUND`: unknown, or somebody else's."),
    )
)]
async fn reservation(
    Shared(state): Shared<Arc<State>>,
    user: User,
    AppPath(id): AppPath<ReservationId>,
) -> ApiResult<AppJson<ReservationAnswer>> {
    let mut reservation = reservations::detail(&state.pool, id, user.id)
        .await?
        .ok_or_else(refusal::reservation_not_found)?;
    // Here, unlike on the reservation's own page, standing places are listed too.
    std::mem::swap(&mut reservation.seats, &mut reservation.lines);
    Ok(AppJson(ReservationAnswer { reservation }))
}
