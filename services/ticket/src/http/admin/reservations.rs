//! Reservations of everybody, and what an administrator may make of one.

use std::sync::Arc;

use axum::extract::State as Shared;
use serde::{Deserialize, Serialize};
use urr_contract::ReservationId;
use urr_kit::{
    ApiResult,
    extract::{AppJson, AppPath, AppQuery},
    identity::Admin,
    openapi::{OpenApiRouter, routes},
    page::{Page, PageQuery, Pagination},
};
use utoipa::{IntoParams, ToSchema};

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

pub(super) fn routes() -> OpenApiRouter<Arc<State>> {
    OpenApiRouter::default()
        .routes(routes!(list))
        .routes(audited(ACT, routes!(change)))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// Only reservations of this status.
    status: Option<String>,
    /// Page, from 1. What is out of range is pulled into it.
    page: Option<i64>,
    /// Rows a page, 20 where not said, 100 at most.
    limit: Option<i64>,
}

/// Reservations, as administrators list them.
#[derive(Serialize, ToSchema)]
#[schema(as = AdminReservations)]
struct ListAnswer {
    /// Reservations.
    reservations: Vec<Named>,
    /// Which part of all this is.
    pagination: Pagination,
}

/// Reservations of everybody, newest first.
#[utoipa::path(
    get,
    path = "/api/admin/reservations",
    operation_id = "listReservationsAsAdmin",
    tag = "Administration",
    params(ListQuery),
    security(("bearer" = ["admin"])),
    responses(
        (status = 200, description = "The reservations.", body = ListAnswer),
    )
)]
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

/// What is to change; what is absent stays.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ChangeReservation)]
struct ChangeBody {
    /// The new status.
    status: Option<String>,
    /// The new status of the payment.
    payment_status: Option<String>,
}

/// The answer to a change.
#[derive(Serialize, ToSchema)]
#[schema(as = ReservationChanged)]
struct ChangeAnswer {
    /// What was done, for people.
    message: &'static str,
    /// The reservation.
    reservation: ReservationColumns,
}

/// Confirms, cancels or refunds a reservation, as its owner or its payment could have.
#[utoipa::path(
    method(patch, put),
    path = "/api/admin/reservations/{reservation}/status",
    operation_id = "changeReservation",
    tag = "Administration",
    params(("reservation" = ReservationId, Path)),
    request_body = ChangeBody,
    security(("bearer" = ["admin"])),
    responses(
        (status = 200, description = "Changed.", body = ChangeAnswer),
        (status = 400, description = "`NO_STATUS`, `UNKNOWN_STATUS`, `CONTRADICTING_STATUS`: not a change that can be asked for."),
        (status = 404, description = "`RESERVATION_NOT_FOUND`: there is no such reservation."),
        (status = 409, description = "`NOT_PAID`: nothing was captured for it. `ALREADY_CANCELLED`, `ALREADY_EXPIRED`: it has ended. `PAYMENT_IN_PROGRESS`: the money is moving at this moment. `RESERVATION_REJECTED`: its seat was sold to somebody else."),
        (status = 503, description = "`REQUEST_IN_PROGRESS`: something else is done with it at this moment. `PEER_UNAVAILABLE`: payment cannot be asked."),
    )
)]
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
