//! Ticket types and what is left of them.

use std::sync::Arc;

use axum::{Router, extract::State as Shared, routing::get};
use serde::Serialize;
use urr_contract::{EventId, TicketTypeId};
use urr_kit::{
    ApiResult,
    extract::{AppJson, AppPath},
};

use crate::{
    State, refusal,
    store::{
        ticket_types,
        ticket_types::{Availability, TicketTypeRow},
    },
};

pub(super) fn routes() -> Router<Arc<State>> {
    Router::new()
        .route("/api/tickets/event/{event}", get(of_event))
        .route("/api/tickets/availability/{ticket_type}", get(availability))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TicketTypesAnswer {
    ticket_types: Vec<TicketTypeRow>,
}

async fn of_event(
    Shared(state): Shared<Arc<State>>,
    AppPath(event): AppPath<EventId>,
) -> ApiResult<AppJson<TicketTypesAnswer>> {
    let ticket_types = ticket_types::of_event(&state.pool, event).await?;
    Ok(AppJson(TicketTypesAnswer { ticket_types }))
}

async fn availability(
    Shared(state): Shared<Arc<State>>,
    AppPath(ticket_type): AppPath<TicketTypeId>,
) -> ApiResult<AppJson<Availability>> {
    ticket_types::availability(&state.pool, ticket_type)
        .await?
        .map(AppJson)
        .ok_or_else(refusal::no_such_ticket_type)
}
