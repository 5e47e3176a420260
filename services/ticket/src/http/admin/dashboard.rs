//! The first page of the administration.

use std::sync::Arc;

use axum::extract::State as Shared;
use serde::Serialize;
use urr_kit::{
    ApiResult,
    extract::AppJson,
    identity::Admin,
    openapi::{OpenApiRouter, at, routes},
};
use utoipa::ToSchema;

use super::names::{Named, Names};
use crate::{
    State,
    store::{admin_reservations, admin_reservations::Totals},
};

/// Reservations shown.
const RECENT: i64 = 10;

pub(super) fn routes() -> OpenApiRouter<Arc<State>> {
    OpenApiRouter::default()
        .routes(routes!(dashboard))
        .routes(at("/api/admin/dashboard/stats", routes!(dashboard)))
}

/// What the first page shows.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Dashboard)]
struct DashboardAnswer {
    /// All together.
    stats: Totals,
    /// The newest reservations.
    recent_reservations: Vec<Named>,
    /// Whether names are missing because auth could not be asked.
    degraded: bool,
}

/// Sums over everything, and the newest reservations.
#[utoipa::path(
    get,
    path = "/api/admin/dashboard",
    operation_id = "getDashboard",
    tag = "Administration",
    security(("bearer" = ["admin"])),
    responses(
        (status = 200, description = "The dashboard.", body = DashboardAnswer),
    )
)]
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
