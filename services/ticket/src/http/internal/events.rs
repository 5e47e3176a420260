//! Events, for queue and stats.

use std::sync::Arc;

use axum::{
    Router,
    extract::State as Shared,
    routing::{get, post},
};
use serde::{Deserialize, Serialize};
use urr_contract::{
    EventId, UserId,
    internal::{CatalogueFigures, EntryWindow, EventBatch, IdBatch, QueueInfo, SaleFigures},
};
use urr_kit::{
    ApiError, ApiResult,
    extract::{AppJson, AppPath, AppQuery},
    internal::InternalCaller,
};

use crate::{
    State,
    domain::{availability::Availability, membership::Tier, stamp::Stamp},
    refusal,
    store::{events, events::EventRow, figures, memberships},
};

/// Most ids in one batch.
const MAX_BATCH: usize = 500;

pub(super) fn routes() -> Router<Arc<State>> {
    Router::new()
        .route("/internal/events/{event}/queue-info", get(queue_info))
        .route("/internal/events/{event}/sale-figures", get(sale_figures))
        .route("/internal/events/{event}/entry", get(entry))
        .route("/internal/events/batch", post(batch))
        .route("/internal/events/figures", get(catalogue))
        .route("/internal/reschedule-event-status", post(refresh_statuses))
}

async fn queue_info(
    Shared(state): Shared<Arc<State>>,
    _: InternalCaller,
    AppPath(id): AppPath<EventId>,
) -> ApiResult<AppJson<QueueInfo>> {
    let (event, left) = event_and_figures(&state, id).await?;
    Ok(AppJson(QueueInfo {
        status: left.word(event.status_now()).to_owned(),
        general_sale_starts_at: event.presale().map(|schedule| schedule.bronze),
        title: event.title,
        artist: event.artist_name,
        sale_starts_at: event.sale_start_date.map(Stamp::time),
        sale_ends_at: event.sale_end_date.map(Stamp::time),
    }))
}

async fn sale_figures(
    Shared(state): Shared<Arc<State>>,
    _: InternalCaller,
    AppPath(id): AppPath<EventId>,
) -> ApiResult<AppJson<SaleFigures>> {
    let (event, left) = event_and_figures(&state, id).await?;
    Ok(AppJson(SaleFigures {
        status: left.word(event.status_now()).to_owned(),
        total: left.total,
        available: left.available,
        held: left.held,
        sold: left.sold,
    }))
}

async fn event_and_figures(state: &State, id: EventId) -> ApiResult<(EventRow, Availability)> {
    let event = events::find(&state.pool, id)
        .await?
        .ok_or_else(refusal::event_not_found)?;
    let figures = state.sale_figures.get(id).await?;
    // An event that was made within the last second has nothing to sell yet.
    Ok((event, figures.unwrap_or_default()))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EntryQuery {
    user_id: UserId,
}

/// From when a person may buy. The queue asks before it gives a place.
async fn entry(
    Shared(state): Shared<Arc<State>>,
    _: InternalCaller,
    AppPath(id): AppPath<EventId>,
    AppQuery(query): AppQuery<EntryQuery>,
) -> ApiResult<AppJson<EntryWindow>> {
    let event = events::find(&state.pool, id)
        .await?
        .ok_or_else(refusal::event_not_found)?;
    let schedule = event.presale();
    let tier = match event.artist_id {
        Some(artist) => {
            let mut connection = state.pool.acquire().await?;
            memberships::tier(&mut connection, query.user_id, artist).await?
        }
        None => Tier::Bronze,
    };
    Ok(AppJson(EntryWindow {
        tier: tier.as_str().to_owned(),
        opens_at: schedule.map(|schedule| schedule.opens_for(tier)),
    }))
}

async fn batch(
    Shared(state): Shared<Arc<State>>,
    _: InternalCaller,
    AppJson(batch): AppJson<IdBatch>,
) -> ApiResult<AppJson<EventBatch>> {
    if batch.ids.len() > MAX_BATCH {
        return Err(ApiError::bad_request(
            "TOO_MANY_IDS",
            format!("At most {MAX_BATCH} ids in one request"),
        ));
    }
    let ids: Vec<EventId> = batch.ids.into_iter().map(EventId).collect();
    let events = events::summaries(&state.pool, &ids).await?;
    Ok(AppJson(EventBatch { events }))
}

async fn catalogue(
    Shared(state): Shared<Arc<State>>,
    _: InternalCaller,
) -> ApiResult<AppJson<CatalogueFigures>> {
    Ok(AppJson(figures::catalogue(&state.pool).await?))
}

#[derive(Serialize)]
struct RefreshAnswer {
    ok: bool,
    message: &'static str,
}

async fn refresh_statuses(
    Shared(state): Shared<Arc<State>>,
    _: InternalCaller,
) -> ApiResult<AppJson<RefreshAnswer>> {
    events::refresh_statuses(&state.pool).await?;
    Ok(AppJson(RefreshAnswer {
        ok: true,
        message: "Event status update executed",
    }))
}
