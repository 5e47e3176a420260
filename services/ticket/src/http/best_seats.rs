//! The best seats that are left, for those who would rather not look for them. Chosen from the
//! map of the last second: whether they can be had is decided when they are held.

use std::sync::Arc;

use axum::{
    Router,
    extract::State as Shared,
    response::{IntoResponse, Response},
    routing::get,
};
use serde::{Deserialize, Serialize};
use urr_contract::{EventId, Won};
use urr_kit::{
    ApiResult,
    extract::{AppJson, AppPath, AppQuery},
};

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

pub(super) fn routes() -> Router<Arc<State>> {
    Router::new().route("/api/seats/events/{event}/best-available", get(best))
}

#[derive(Deserialize)]
struct BestQuery {
    quantity: Option<usize>,
    section: Option<String>,
    price: Option<Won>,
    adjacent: Option<bool>,
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

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BestAnswer<'a> {
    event_id: EventId,
    adjacent: bool,
    total_amount: Won,
    seats: Vec<&'a MapSeat>,
}

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
