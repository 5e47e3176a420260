//! Making, counting and deleting the seats of an event.

use std::sync::Arc;

use axum::{
    Router,
    extract::State as Shared,
    routing::{delete, get, post},
};
use serde::Serialize;
use urr_contract::{EventId, SeatLayoutId};
use urr_kit::{
    ApiResult,
    extract::{AppJson, AppPath},
    internal::InternalCaller,
};

use crate::{
    State,
    domain::layout::Layout,
    refusal,
    store::{events, layouts, seats},
};

pub(super) fn routes() -> Router<Arc<State>> {
    Router::new()
        .route("/internal/seats/generate/{event}/{layout}", post(generate))
        .route("/internal/seats/count/{event}", get(count))
        .route("/internal/seats/{event}", delete(delete_all))
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
