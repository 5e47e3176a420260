//! Making, counting and deleting the seats of an event, and holding some for a person whose
//! wish came over a message queue. For statistics, how the places of each kind sell.

use std::sync::Arc;

use axum::{
    Router,
    extract::State as Shared,
    routing::{delete, get, post},
};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use urr_contract::{
    EventId, ReservationId, SeatId, SeatLayoutId, UserId,
    internal::{SeatFigures, SeatFiguresQuery},
};
use urr_kit::{
    ApiError, ApiResult,
    extract::{AppJson, AppPath, AppQuery},
    internal::InternalCaller,
};

use crate::{
    State,
    booking::{
        answer::IdempotencyKey,
        seats::{SeatRequest, hold},
    },
    domain::{layout::Layout, order::SeatSelection},
    http::seats::seats_per_hold,
    refusal,
    store::{events, figures, layouts, reservations, seats},
};

pub(super) fn routes() -> Router<Arc<State>> {
    Router::new()
        .route("/internal/seats/reserve", post(reserve))
        .route("/internal/seats/generate/{event}/{layout}", post(generate))
        .route("/internal/seats/count/{event}", get(count))
        .route("/internal/seats/figures", get(sold_places))
        .route("/internal/seats/{event}", delete(delete_all))
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct ReserveBody {
    event_id: EventId,
    user_id: UserId,
    seat_ids: Vec<SeatId>,
    #[serde(skip_serializing)]
    idempotency_key: Option<String>,
}

/// The outcome for one seat; the token is −1 where it was not got.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SeatOutcome {
    seat_id: SeatId,
    success: bool,
    fencing_token: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReserveAnswer {
    success: bool,
    seats: Vec<SeatOutcome>,
    reservation_id: ReservationId,
}

/// Holds seats for the person in the body, exactly as their own request would: all or none,
/// under the same rules. The caller has checked their entry token. A message that is delivered
/// again gets the hold that it made.
async fn reserve(
    Shared(state): Shared<Arc<State>>,
    _: InternalCaller,
    AppJson(mut body): AppJson<ReserveBody>,
) -> ApiResult<AppJson<ReserveAnswer>> {
    let key = body.idempotency_key.take();
    let most = seats_per_hold(&state, body.event_id).await?;
    let request = SeatRequest {
        user: body.user_id,
        event: body.event_id,
        key: IdempotencyKey::new(key, &("seats by message", &body))?,
        seats: SeatSelection::new(body.seat_ids, most).map_err(refusal::seat_selection)?,
    };
    let answer = hold(&state, &request)
        .await
        .map_err(|error| not_got(error, &request))?;
    let held: Held = serde_json::from_slice(&answer).map_err(ApiError::internal)?;
    let reservation_id = held.reservation.id;
    let mut connection = state.pool.acquire().await?;
    let seats = reservations::held_seats(&mut connection, reservation_id).await?;
    Ok(AppJson(ReserveAnswer {
        success: true,
        seats: seats
            .into_iter()
            .map(|seat| SeatOutcome {
                seat_id: seat.id,
                success: true,
                fencing_token: seat.fencing_token,
            })
            .collect(),
        reservation_id,
    }))
}

/// The answer to a hold, as much as is read of it.
#[derive(Deserialize)]
struct Held {
    reservation: HeldReservation,
}

#[derive(Deserialize)]
struct HeldReservation {
    id: ReservationId,
}

/// A conflict names the seats that were wanted; none of them was got.
fn not_got(error: ApiError, request: &SeatRequest) -> ApiError {
    if error.status() != StatusCode::CONFLICT {
        return error;
    }
    let outcome = |seat: &SeatId| SeatOutcome {
        seat_id: *seat,
        success: false,
        fencing_token: -1,
    };
    let seats: Vec<SeatOutcome> = request.seats.ids().iter().map(outcome).collect();
    error
        .with("success", json!(false))
        .with("seats", json!(seats))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GenerateAnswer {
    seats_created: u64,
}

async fn generate(
    Shared(state): Shared<Arc<State>>,
    _: InternalCaller,
    AppPath((event, layout)): AppPath<(EventId, SeatLayoutId)>,
) -> ApiResult<AppJson<GenerateAnswer>> {
    let config = layouts::config(&state.pool, layout)
        .await?
        .ok_or_else(refusal::seat_layout_not_found)?;
    let layout = Layout::parse(&config).map_err(refusal::seat_layout)?;
    let mut transaction = state.pool.begin().await?;
    events::terms(&mut transaction, event)
        .await?
        .ok_or_else(refusal::event_not_found)?;
    let seats_created = seats::generate(&mut transaction, event, &layout).await?;
    transaction.commit().await?;
    Ok(AppJson(GenerateAnswer { seats_created }))
}

#[derive(Serialize)]
struct CountAnswer {
    count: i64,
}

async fn count(
    Shared(state): Shared<Arc<State>>,
    _: InternalCaller,
    AppPath(event): AppPath<EventId>,
) -> ApiResult<AppJson<CountAnswer>> {
    let count = seats::count(&state.pool, event).await?;
    Ok(AppJson(CountAnswer { count }))
}

#[derive(Serialize)]
struct DeleteAnswer {
    deleted: u64,
}

async fn delete_all(
    Shared(state): Shared<Arc<State>>,
    _: InternalCaller,
    AppPath(event): AppPath<EventId>,
) -> ApiResult<AppJson<DeleteAnswer>> {
    let mut transaction = state.pool.begin().await?;
    if seats::any_live(&mut transaction, event).await? {
        return Err(refusal::seats_in_use());
    }
    let deleted = seats::delete(&mut transaction, event).await?;
    transaction.commit().await?;
    Ok(AppJson(DeleteAnswer { deleted }))
}

async fn sold_places(
    Shared(state): Shared<Arc<State>>,
    _: InternalCaller,
    AppQuery(query): AppQuery<SeatFiguresQuery>,
) -> ApiResult<AppJson<SeatFigures>> {
    let places = figures::places(&state.pool, query.event_id).await?;
    Ok(AppJson(SeatFigures { places }))
}
