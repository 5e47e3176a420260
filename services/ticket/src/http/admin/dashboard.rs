//! The first page of the administration.

use std::sync::Arc;

use axum::{Router, extract::State as Shared, routing::get};
use serde::Serialize;
use urr_kit::{ApiResult, extract::AppJson, identity::Admin};

use super::names::{Named, Names};
use crate::{
    State,
    store::{admin_reservations, admin_reservations::Totals},
};

/// Reservations shown.
const RECENT: i64 = 10;

pub(super) fn routes() -> Router<Arc<State>> {
    Router::new()
        .route("/api/admin/dashboard", get(dashboard))
        .route("/api/admin/dashboard/stats", get(dashboard))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DashboardAnswer {
    stats: Totals,
    recent_reservations: Vec<Named>,
    /// Whether names are missing because auth could not be asked.
    degraded: bool,
}

async fn dashboard(
    _: Admin,
    Shared(state): Shared<Arc<State>>,
) -> ApiResult<AppJson<DashboardAnswer>> {
    let totals = admin_reservations::totals(&state.pool).await?;
    let (recent, _) = admin_reservations::list(&state.pool, None, RECENT, 0).await?;
    let names = Names::of_owners(&state, &recent).await;
    Ok(AppJson(DashboardAnswer {
        stats: totals,
        recent_reservations: names.beside(recent),
        degraded: names.missing,
    }))
}
