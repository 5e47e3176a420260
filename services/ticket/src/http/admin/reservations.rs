//! Reservations of everybody, and what an administrator may make of one.

use std::sync::Arc;

use axum::{
    Router,
    extract::State as Shared,
    routing::{get, patch, put},
};
use serde::{Deserialize, Serialize};
use urr_contract::ReservationId;
use urr_kit::{
    ApiResult,
    extract::{AppJson, AppPath, AppQuery},
    identity::Admin,
    page::{Page, PageQuery, Pagination},
};

use super::{
    audit::{Act, audited},
    names::{Named, Names},
};
use crate::{
    State,
    booking::administer::administer,
    domain::admin_change::AdminChange,
    refusal,
    store::{admin_reservations, admin_reservations::ReservationColumns},
};

const DEFAULT_LIMIT: i64 = 20;
const MAX_LIMIT: i64 = 100;
const ACT: Act = Act {
    action: "UPDATE_RESERVATION_STATUS",
    resource_type: "reservation",
};

pub(super) fn routes(state: &Arc<State>) -> Router<Arc<State>> {
    Router::new()
        .route("/api/admin/reservations", get(list))
        .route(
            "/api/admin/reservations/{reservation}/status",
            audited(state, ACT, patch(change).merge(put(change))),
        )
}

#[derive(Deserialize)]
struct ListQuery {
    status: Option<String>,
    page: Option<i64>,
    limit: Option<i64>,
}

#[derive(Serialize)]
struct ListAnswer {
    reservations: Vec<Named>,
    pagination: Pagination,
}

async fn list(
    _: Admin,
    Shared(state): Shared<Arc<State>>,
    AppQuery(query): AppQuery<ListQuery>,
) -> ApiResult<AppJson<ListAnswer>> {
    let ListQuery {
        status,
        page,
        limit,
    } = query;
    let page = Page::new(PageQuery { page, limit }, DEFAULT_LIMIT, MAX_LIMIT);
    let status = super::filter(status);
    let (rows, total) =
        admin_reservations::list(&state.pool, status.as_deref(), page.limit(), page.offset())
            .await?;
    let names = Names::of_owners(&state, &rows).await;
    Ok(AppJson(ListAnswer {
        reservations: names.beside(rows),
        pagination: page.of(total),
    }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ChangeBody {
    status: Option<String>,
    payment_status: Option<String>,
}

#[derive(Serialize)]
struct ChangeAnswer {
    message: &'static str,
    reservation: ReservationColumns,
}

async fn change(
    _: Admin,
    Shared(state): Shared<Arc<State>>,
    AppPath(id): AppPath<ReservationId>,
    AppJson(body): AppJson<ChangeBody>,
) -> ApiResult<AppJson<ChangeAnswer>> {
    let change = AdminChange::parse(body.status.as_deref(), body.payment_status.as_deref())
        .map_err(refusal::admin_change)?;
    administer(&state, id, change).await?;
    let reservation = admin_reservations::find(&state.pool, id)
        .await?
        .ok_or_else(refusal::reservation_not_found)?;
    Ok(AppJson(ChangeAnswer {
        message: "Reservation status updated",
        reservation,
    }))
}
