//! Ticket types and what is left of them.

use std::sync::Arc;

use axum::extract::State as Shared;
use serde::Serialize;
use urr_contract::{EventId, TicketTypeId};
use urr_kit::{
    ApiResult,
    extract::{AppJson, AppPath},
    openapi::{OpenApiRouter, routes},
};
use utoipa::ToSchema;

use crate::{
    State, refusal,
    store::{
        ticket_types,
        ticket_types::{Availability, TicketTypeRow},
    },
};

pub(super) fn routes() -> OpenApiRouter<Arc<State>> {
    OpenApiRouter::default()
        .routes(routes!(of_event))
        .routes(routes!(availability))
}

/// Ticket types of an event.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = TicketTypes)]
struct TicketTypesAnswer {
    /// The ticket types.
    ticket_types: Vec<TicketTypeRow>,
}

/// The ticket types of an event, dearest first; none of an event that does not exist.
#[utoipa::path(
    get,
    path = "/api/tickets/event/{event}",
    operation_id = "listTicketTypesOfEvent",
    tag = "Events",
    params(("event" = EventId, Path)),
    responses(
        (status = 200, description = "The ticket types.", body = TicketTypesAnswer),
    )
)]
async fn of_event(
    Shared(state): Shared<Arc<State>>,
    AppPath(event): AppPath<EventId>,
) -> ApiResult<AppJson<TicketTypesAnswer>> {
    let ticket_types = ticket_types::of_event(&state.pool, event).await?;
    Ok(AppJson(TicketTypesAnswer { ticket_types }))
}

/// What is left of a ticket type.
#[utoipa::path(
    get,
    path = "/api/tickets/availability/{ticket_type}",
    operation_id = "getAvailability",
    tag = "Events",
    params(("ticket_type" = TicketTypeId, Path)),
    responses(
        (status = 200, description = "What is left.", body = Availability),
        (status = 404, description = "`TICKET_TYPE_NOT_FOUND`: there is no such ticket type."),
    )
)]
async fn availability(
    Shared(state): Shared<Arc<State>>,
    AppPath(ticket_type): AppPath<TicketTypeId>,
) -> ApiResult<AppJson<Availability>> {
    ticket_types::availability(&state.pool, ticket_type)
        .await?
        .map(AppJson)
        .ok_or_else(refusal::no_such_ticket_type)
}
