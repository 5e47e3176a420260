//! Layouts, and the seats that are made from them.

use std::sync::Arc;

use axum::extract::State as Shared;
use serde::Serialize;
use urr_contract::EventId;
use urr_kit::{
    ApiResult,
    extract::{AppJson, AppPath},
    identity::Admin,
    openapi::{OpenApiRouter, at, routes},
};
use utoipa::ToSchema;

use super::audit::{Act, audited};
use crate::{
    State, event_plan,
    store::{layouts, layouts::LayoutRow},
};

pub(super) fn routes() -> OpenApiRouter<Arc<State>> {
    let act = |action| Act {
        action,
        resource_type: "event",
    };
    let generate = || audited(act("GENERATE_SEATS"), routes!(generate));
    OpenApiRouter::default()
        .routes(routes!(list_layouts))
        .routes(at("/api/admin/seatLayouts", routes!(list_layouts)))
        .routes(generate())
        .routes(at("/api/admin/events/{event}/seats", generate()))
        .routes(audited(act("DELETE_SEATS"), routes!(remove)))
}

/// Layouts, as administrators list them.
#[derive(Serialize, ToSchema)]
#[schema(as = AdminSeatLayouts)]
struct LayoutsAnswer {
    /// The layouts.
    layouts: Vec<LayoutRow>,
}

/// Layouts by name.
#[utoipa::path(
    get,
    path = "/api/admin/seat-layouts",
    operation_id = "listSeatLayoutsAsAdmin",
    tag = "Administration",
    security(("bearer" = ["admin"])),
    responses(
        (status = 200, description = "The layouts.", body = LayoutsAnswer),
    )
)]
async fn list_layouts(
    _: Admin,
    Shared(state): Shared<Arc<State>>,
) -> ApiResult<AppJson<LayoutsAnswer>> {
    let layouts = layouts::by_name(&state.pool).await?;
    Ok(AppJson(LayoutsAnswer { layouts }))
}

/// The answer to making seats.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SeatsGenerated)]
struct GenerateAnswer {
    /// What was done, for people.
    message: &'static str,
    /// How many were made.
    seats_created: u64,
    /// The title of the event.
    event_title: String,
}

/// Makes the seats of an event from its layout.
#[utoipa::path(
    post,
    path = "/api/admin/events/{event}/generate-seats",
    operation_id = "generateSeats",
    tag = "Administration",
    params(("event" = EventId, Path)),
    security(("bearer" = ["admin"])),
    responses(
        (status = 200, description = "Made.", body = GenerateAnswer),
        (status = 400, description = "`NO_SEAT_LAYOUT`: a standing event. `SEATS_EXIST`: they are there. `INVALID_SEAT_LAYOUT`: the layout describes no seats."),
        (status = 404, description = "`EVENT_NOT_FOUND`, `SEAT_LAYOUT_NOT_FOUND`: there is no such thing."),
        (status = 503, description = "`REQUEST_IN_PROGRESS`: something else is done with it at this moment."),
    )
)]
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

/// The answer to deleting seats.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SeatsDeleted)]
struct DeleteAnswer {
    /// What was done, for people.
    message: &'static str,
    /// How many were deleted.
    seats_deleted: u64,
}

/// Deletes all seats of an event.
#[utoipa::path(
    delete,
    path = "/api/admin/events/{event}/seats",
    operation_id = "deleteSeats",
    tag = "Administration",
    params(("event" = EventId, Path)),
    security(("bearer" = ["admin"])),
    responses(
        (status = 200, description = "Deleted.", body = DeleteAnswer),
        (status = 400, description = "`SEATS_IN_USE`: somebody holds or owns a seat."),
        (status = 404, description = "`EVENT_NOT_FOUND`: there is no such event."),
        (status = 503, description = "`REQUEST_IN_PROGRESS`: something else is done with it at this moment."),
    )
)]
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
