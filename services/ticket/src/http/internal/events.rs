//! Events, for queue and stats.

use std::sync::Arc;

use axum::{
    Router,
    extract::State as Shared,
    routing::{get, post},
};
use serde::Serialize;
use urr_contract::{
    EventId,
    internal::{EventBatch, IdBatch, QueueInfo},
};
use urr_kit::{
    ApiError, ApiResult,
    extract::{AppJson, AppPath},
    internal::InternalCaller,
};

use crate::{State, domain::stamp::Stamp, refusal, store::events};

/// Most ids in one batch.
const MAX_BATCH: usize = 500;

pub(super) fn routes() -> Router<Arc<State>> {
    Router::new()
        .route("/internal/events/{event}/queue-info", get(queue_info))
        .route("/internal/events/batch", post(batch))
        .route("/internal/reschedule-event-status", post(refresh_statuses))
}

async fn queue_info(
    Shared(state): Shared<Arc<State>>,
    _: InternalCaller,
    AppPath(id): AppPath<EventId>,
) -> ApiResult<AppJson<QueueInfo>> {
    let event = events::find(&state.pool, id)
        .await?
        .ok_or_else(refusal::event_not_found)?;
    Ok(AppJson(QueueInfo {
        title: event.title,
        artist: event.artist_name,
        status: event.status,
        sale_starts_at: event.sale_start_date.map(Stamp::time),
        sale_ends_at: event.sale_end_date.map(Stamp::time),
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
