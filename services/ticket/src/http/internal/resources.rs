//! Events that a resource declares: made once for it, and removed with it.

use std::sync::Arc;

use axum::{
    Router,
    extract::State as Shared,
    routing::{delete, put},
};
use http::StatusCode;
use serde::Serialize;
use urr_contract::{
    EventId,
    internal::{SourcedEvent, SourcedEventAnswer},
};
use urr_kit::{
    ApiResult,
    extract::{AppJson, AppPath},
    internal::InternalCaller,
};
use uuid::Uuid;

use crate::{State, booking::call_off, event_plan};

pub(super) fn routes() -> Router<Arc<State>> {
    Router::new()
        .route("/internal/events/by-source/{uid}", put(make))
        .route("/internal/events/{event}", delete(remove))
}

async fn make(
    Shared(state): Shared<Arc<State>>,
    _: InternalCaller,
    AppPath(uid): AppPath<Uuid>,
    AppJson(wanted): AppJson<SourcedEvent>,
) -> ApiResult<(StatusCode, AppJson<SourcedEventAnswer>)> {
    let answer = event_plan::make_for(&state, uid, wanted).await?;
    let status = if answer.created {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok((status, AppJson(answer)))
}

#[derive(Serialize)]
struct RemoveAnswer {
    deleted: bool,
}

async fn remove(
    Shared(state): Shared<Arc<State>>,
    _: InternalCaller,
    AppPath(event): AppPath<EventId>,
) -> ApiResult<AppJson<RemoveAnswer>> {
    call_off::remove(&state, event).await?;
    Ok(AppJson(RemoveAnswer { deleted: true }))
}
