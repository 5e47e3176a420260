//! The best seats that are left, for those who would rather not look for them. Chosen from the
//! map of the last second: whether they can be had is decided when they are held.

use std::sync::Arc;

use axum::{
    extract::State as Shared,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use urr_contract::{EventId, Won};
use urr_kit::{
    ApiResult,
    extract::{AppJson, AppPath, AppQuery},
    openapi::{OpenApiRouter, routes},
};
use utoipa::{IntoParams, ToSchema};

use super::seats::seats_per_hold;
use crate::{
    State,
    domain::{
        order::OrderError,
        seat::{Place, Wish, best_available},
    },
    refusal,
    store::seats::MapSeat,
};

pub(super) fn routes() -> OpenApiRouter<Arc<State>> {
    OpenApiRouter::default().routes(routes!(best))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct BestQuery {
    /// How many, 1 where not said.
    #[param(minimum = 1, maximum = 8)]
    quantity: Option<usize>,
    /// Only seats of this section.
    section: Option<String>,
    /// Only seats of this price, in won.
    price: Option<Won>,
    /// Whether they must be beside each other; yes where not said.
    adjacent: Option<bool>,
    /// Whether one of them must have room for a wheelchair.
    accessible: Option<bool>,
}

impl BestQuery {
    /// The wish, for at most as many seats as one hold may take.
    fn wish(self, most: usize) -> Result<Wish, OrderError> {
        match self.quantity.unwrap_or(1) {
            0 => Err(OrderError::Empty),
            quantity if quantity > most => Err(OrderError::TooManySeats { most }),
            quantity => Ok(Wish {
                quantity,
                section: self.section.filter(|name| !name.is_empty()),
                price: self.price,
                adjacent: self.adjacent.unwrap_or(true),
                accessible: self.accessible.unwrap_or(false),
            }),
        }
    }
}

/// Seats that can be had.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = BestSeats)]
struct BestAnswer<'a> {
    /// The event.
    event_id: EventId,
    /// Whether they are beside each other.
    adjacent: bool,
    /// The price of all, in won.
    total_amount: Won,
    /// The seats.
    seats: Vec<&'a MapSeat>,
}

/// The best seats that are left.
///
/// Chosen from the map of the last second: whether they can be had is decided when they are
/// held.
#[utoipa::path(
    get,
    path = "/api/seats/events/{event}/best-available",
    operation_id = "findBestSeats",
    tag = "Seats",
    params(("event" = EventId, Path), BestQuery),
    responses(
        (status = 200, description = "The seats.", body = BestAnswer<'_>),
        (status = 400, description = "`INVALID_SEAT_SELECTION`: none, or more than one hold of this event may take."),
        (status = 404, description = "`EVENT_NOT_FOUND`: there is no such event."),
        (status = 409, description = "`SEATS_NOT_AVAILABLE`: what is left does not fulfil the wish."),
    )
)]
async fn best(
    Shared(state): Shared<Arc<State>>,
    AppPath(event): AppPath<EventId>,
    AppQuery(query): AppQuery<BestQuery>,
) -> ApiResult<Response> {
    let map = state
        .seat_maps
        .get(event)
        .await?
        .ok_or_else(refusal::event_not_found)?;
    let most = seats_per_hold(&state, event).await?;
    let wish = query.wish(most).map_err(refusal::seat_selection)?;
    let places: Vec<Place<'_>> = map.seats().iter().map(Place::from).collect();
    let choice = best_available(&places, &wish).ok_or_else(refusal::no_such_seats)?;
    let chosen = |seat: &&MapSeat| choice.seats.contains(&seat.id);
    let seats: Vec<&MapSeat> = map.seats().iter().filter(chosen).collect();
    let answer = BestAnswer {
        event_id: event,
        adjacent: choice.adjacent,
        total_amount: Won(seats.iter().map(|seat| seat.price.0).sum()),
        seats,
    };
    Ok(AppJson(answer).into_response())
}

impl<'a> From<&'a MapSeat> for Place<'a> {
    fn from(seat: &'a MapSeat) -> Self {
        Self {
            id: seat.id,
            section: &seat.section,
            row: seat.row_number,
            number: seat.seat_number,
            price: seat.price,
            kind: seat.kind,
            is_free: seat.status == "available",
        }
    }
}
