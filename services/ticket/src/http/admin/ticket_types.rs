//! Ticket types: list, add, change, delete.

use std::sync::Arc;

use axum::{Extension, extract::State as Shared};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use urr_contract::{EventId, TicketTypeId};
use urr_kit::{
    ApiResult,
    extract::{AppJson, AppPath, AppQuery},
    identity::Admin,
    openapi::{OpenApiRouter, routes},
    page::{Page, PageQuery, Pagination},
};
use utoipa::{IntoParams, ToSchema};

use super::audit::{Act, Touched, audited};
use crate::{
    State,
    domain::form::TicketTypeForm,
    event_plan, refusal,
    store::{ticket_types, ticket_types::TicketTypeColumns},
};

const DEFAULT_LIMIT: i64 = 50;
const MAX_LIMIT: i64 = 200;

pub(super) fn routes() -> OpenApiRouter<Arc<State>> {
    let act = |action| Act {
        action,
        resource_type: "ticket_type",
    };
    OpenApiRouter::default()
        .routes(routes!(list))
        .routes(audited(act("UPDATE_TICKET_TYPE"), routes!(update)))
        .routes(audited(act("DELETE_TICKET_TYPE"), routes!(remove)))
        .routes(audited(act("CREATE_TICKET_TYPE"), routes!(create)))
}

#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// Only types of this event.
    event_id: Option<EventId>,
    /// Page, from 1. What is out of range is pulled into it.
    page: Option<i64>,
    /// Rows a page, 50 where not said, 200 at most.
    limit: Option<i64>,
}

/// Ticket types, as administrators list them.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = TicketTypeList)]
struct ListAnswer {
    /// The ticket types.
    ticket_types: Vec<TicketTypeColumns>,
    /// Which part of all this is.
    pagination: Pagination,
}

/// Ticket types of all events or of one.
#[utoipa::path(
    get,
    path = "/api/admin/tickets",
    operation_id = "listTicketTypes",
    tag = "Administration",
    params(ListQuery),
    security(("bearer" = ["admin"])),
    responses(
        (status = 200, description = "The ticket types.", body = ListAnswer),
    )
)]
async fn list(
    _: Admin,
    Shared(state): Shared<Arc<State>>,
    AppQuery(query): AppQuery<ListQuery>,
) -> ApiResult<AppJson<ListAnswer>> {
    let ListQuery {
        event_id,
        page,
        limit,
    } = query;
    let page = Page::new(PageQuery { page, limit }, DEFAULT_LIMIT, MAX_LIMIT);
    let (ticket_types, total) =
        ticket_types::list(&state.pool, event_id, page.limit(), page.offset()).await?;
    Ok(AppJson(ListAnswer {
        ticket_types,
        pagination: page.of(total),
    }))
}

/// The answer to a new or changed ticket type.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = TicketTypeWritten)]
struct TypeAnswer {
    /// What was done, for people.
    message: &'static str,
    /// The ticket type.
    ticket_type: TicketTypeColumns,
}

/// Adds a ticket type to an event.
#[utoipa::path(
    post,
    path = "/api/admin/events/{event}/tickets",
    operation_id = "createTicketType",
    tag = "Administration",
    params(("event" = EventId, Path)),
    request_body = TicketTypeForm,
    security(("bearer" = ["admin"])),
    responses(
        (status = 201, description = "Added.", body = TypeAnswer),
        (status = 404, description = "`EVENT_NOT_FOUND`: there is no such event."),
        (status = 503, description = "`REQUEST_IN_PROGRESS`: something else is done with it at this moment."),
    )
)]
async fn create(
    _: Admin,
    Shared(state): Shared<Arc<State>>,
    AppPath(event): AppPath<EventId>,
    AppJson(form): AppJson<TicketTypeForm>,
) -> ApiResult<(StatusCode, Extension<Touched>, AppJson<TypeAnswer>)> {
    form.check().map_err(|error| refusal::form(&error))?;
    let ticket_type = event_plan::create_type(&state, event, &form).await?;
    let touched = Extension(Touched(ticket_type.id.0));
    let answer = TypeAnswer {
        message: "Ticket type created",
        ticket_type,
    };
    Ok((StatusCode::CREATED, touched, AppJson(answer)))
}

/// Changes a ticket type.
#[utoipa::path(
    put,
    path = "/api/admin/tickets/{ticket_type}",
    operation_id = "updateTicketType",
    tag = "Administration",
    params(("ticket_type" = TicketTypeId, Path)),
    request_body = TicketTypeForm,
    security(("bearer" = ["admin"])),
    responses(
        (status = 200, description = "Changed.", body = TypeAnswer),
        (status = 400, description = "`BELOW_SOLD`: more are held or sold than shall exist."),
        (status = 404, description = "`TICKET_TYPE_NOT_FOUND`: there is no such ticket type."),
        (status = 503, description = "`REQUEST_IN_PROGRESS`: something else is done with it at this moment."),
    )
)]
async fn update(
    _: Admin,
    Shared(state): Shared<Arc<State>>,
    AppPath(id): AppPath<TicketTypeId>,
    AppJson(form): AppJson<TicketTypeForm>,
) -> ApiResult<AppJson<TypeAnswer>> {
    form.check().map_err(|error| refusal::form(&error))?;
    let ticket_type = event_plan::update_type(&state, id, &form).await?;
    Ok(AppJson(TypeAnswer {
        message: "Ticket type updated",
        ticket_type,
    }))
}

/// The answer to a deletion.
#[derive(Serialize, ToSchema)]
#[schema(as = TicketTypeDeleted)]
struct DeleteAnswer {
    /// What was done, for people.
    message: &'static str,
}

/// Deletes a ticket type that nobody has reserved.
#[utoipa::path(
    delete,
    path = "/api/admin/tickets/{ticket_type}",
    operation_id = "deleteTicketType",
    tag = "Administration",
    params(("ticket_type" = TicketTypeId, Path)),
    security(("bearer" = ["admin"])),
    responses(
        (status = 200, description = "Deleted.", body = DeleteAnswer),
        (status = 404, description = "`TICKET_TYPE_NOT_FOUND`: there is no such ticket type."),
        (status = 409, description = "`TICKET_TYPE_IN_USE`: reservations name it."),
        (status = 503, description = "`REQUEST_IN_PROGRESS`: something else is done with it at this moment."),
    )
)]
async fn remove(
    _: Admin,
    Shared(state): Shared<Arc<State>>,
    AppPath(id): AppPath<TicketTypeId>,
) -> ApiResult<AppJson<DeleteAnswer>> {
    event_plan::delete_type(&state, id).await?;
    Ok(AppJson(DeleteAnswer {
        message: "Ticket type deleted",
    }))
}
