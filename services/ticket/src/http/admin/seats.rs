//! Layouts, and the seats that are made from them.

use std::sync::Arc;

use axum::{
    Router,
    extract::State as Shared,
    routing::{delete, get, post},
};
use serde::Serialize;
use urr_contract::EventId;
use urr_kit::{
    ApiResult,
    extract::{AppJson, AppPath},
    identity::Admin,
};

use super::audit::{Act, audited};
use crate::{
    State, event_plan,
    store::{layouts, layouts::LayoutRow},
};

pub(super) fn routes(state: &Arc<State>) -> Router<Arc<State>> {
    let act = |action, handlers| {
        let act = Act {
            action,
            resource_type: "event",
        };
        audited(state, act, handlers)
    };
    Router::new()
        .route("/api/admin/seat-layouts", get(list_layouts))
        .route("/api/admin/seatLayouts", get(list_layouts))
        .route(
            "/api/admin/events/{event}/generate-seats",
            act("GENERATE_SEATS", post(generate)),
        )
        .route(
            "/api/admin/events/{event}/seats",
            act("GENERATE_SEATS", post(generate)).merge(act("DELETE_SEATS", delete(remove))),
        )
}

#[derive(Serialize)]
struct LayoutsAnswer {
    layouts: Vec<LayoutRow>,
}

async fn list_layouts(
    _: Admin,
    Shared(state): Shared<Arc<State>>,
) -> ApiResult<AppJson<LayoutsAnswer>> {
    let layouts = layouts::by_name(&state.pool).await?;
    Ok(AppJson(LayoutsAnswer { layouts }))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GenerateAnswer {
    message: &'static str,
    seats_created: u64,
    event_title: String,
}

async fn generate(
    _: Admin,
    Shared(state): Shared<Arc<State>>,
    AppPath(event): AppPath<EventId>,
) -> ApiResult<AppJson<GenerateAnswer>> {
    let (seats_created, event_title) = event_plan::generate_seats(&state, event).await?;
    Ok(AppJson(GenerateAnswer {
        message: "Seats generated successfully",
        seats_created,
        event_title,
    }))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DeleteAnswer {
    message: &'static str,
    seats_deleted: u64,
}

async fn remove(
    _: Admin,
    Shared(state): Shared<Arc<State>>,
    AppPath(event): AppPath<EventId>,
) -> ApiResult<AppJson<DeleteAnswer>> {
    let seats_deleted = event_plan::delete_seats(&state, event).await?;
    Ok(AppJson(DeleteAnswer {
        message: "Seats deleted successfully",
        seats_deleted,
    }))
}
