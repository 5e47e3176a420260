//! Events: list, make, change, call off, delete.

use std::sync::Arc;

use axum::{Extension, extract::State as Shared};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use urr_contract::EventId;
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
    booking::call_off,
    domain::form::EventForm,
    event_plan, refusal,
    store::{
        events,
        events::{EventFilter, EventListRow, EventRow},
    },
};

const DEFAULT_LIMIT: i64 = 20;
const MAX_LIMIT: i64 = 100;

pub(super) fn routes() -> OpenApiRouter<Arc<State>> {
    let act = |action| Act {
        action,
        resource_type: "event",
    };
    OpenApiRouter::default()
        .routes(routes!(list))
        .routes(audited(act("CREATE_EVENT"), routes!(create)))
        .routes(audited(act("UPDATE_EVENT"), routes!(update)))
        .routes(audited(act("DELETE_EVENT"), routes!(remove)))
        .routes(audited(act("CANCEL_EVENT"), routes!(cancel)))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// Only events of this status.
    status: Option<String>,
    /// Only events whose title, artist, venue or address contains this.
    q: Option<String>,
    /// Page, from 1. What is out of range is pulled into it.
    page: Option<i64>,
    /// Rows a page, 20 where not said, 100 at most.
    limit: Option<i64>,
}

/// Events, as administrators list them.
#[derive(Serialize, ToSchema)]
#[schema(as = AdminEventList)]
struct ListAnswer {
    /// The events.
    events: Vec<EventListRow>,
    /// Which part of all this is.
    pagination: Pagination,
}

/// Events, newest first.
#[utoipa::path(
    get,
    path = "/api/admin/events",
    operation_id = "listEventsAsAdmin",
    tag = "Administration",
    params(ListQuery),
    security(("bearer" = ["admin"])),
    responses(
        (status = 200, description = "The events.", body = ListAnswer),
    )
)]
async fn list(
    _: Admin,
    Shared(state): Shared<Arc<State>>,
    AppQuery(query): AppQuery<ListQuery>,
) -> ApiResult<AppJson<ListAnswer>> {
    let ListQuery {
        status,
        q,
        page,
        limit,
    } = query;
    let page = Page::new(PageQuery { page, limit }, DEFAULT_LIMIT, MAX_LIMIT);
    let filter = EventFilter::new(super::filter(status), q);
    let (events, total) = events::list(&state.pool, &filter, page.limit(), page.offset()).await?;
    Ok(AppJson(ListAnswer {
        events,
        pagination: page.of(total),
    }))
}

/// An event that was written, and what of the form was not.
#[derive(Serialize, ToSchema)]
#[schema(as = EventWritten)]
struct EventAnswer {
    /// What was done, for people.
    message: &'static str,
    /// The event.
    event: EventRow,
    /// Fields of the request that were passed over.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ignored: Vec<&'static str>,
}

/// Plans an event, with its seats and ticket types.
#[utoipa::path(
    post,
    path = "/api/admin/events",
    operation_id = "createEvent",
    tag = "Administration",
    request_body = EventForm,
    security(("bearer" = ["admin"])),
    responses(
        (status = 201, description = "Planned.", body = EventAnswer),
        (status = 400, description = "`INVALID_FIELD`: a field cannot be stored. `INVALID_SALE_DATES`: the sale would end before it starts. `INVALID_SEAT_LAYOUT`: the layout describes no seats."),
        (status = 404, description = "`SEAT_LAYOUT_NOT_FOUND`: there is no such layout."),
    )
)]
async fn create(
    Admin(admin): Admin,
    Shared(state): Shared<Arc<State>>,
    AppJson(form): AppJson<EventForm>,
) -> ApiResult<(StatusCode, Extension<Touched>, AppJson<EventAnswer>)> {
    form.check().map_err(|error| refusal::form(&error))?;
    let event = event_plan::create(&state, &form, admin.id).await?;
    let answer = EventAnswer {
        message: "Event created successfully",
        ignored: form.status.iter().map(|_| "status").collect(),
        event,
    };
    let touched = Extension(Touched(answer.event.id.0));
    Ok((StatusCode::CREATED, touched, AppJson(answer)))
}

/// Changes an event.
#[utoipa::path(
    put,
    path = "/api/admin/events/{event}",
    operation_id = "updateEvent",
    tag = "Administration",
    params(("event" = EventId, Path)),
    request_body = EventForm,
    security(("bearer" = ["admin"])),
    responses(
        (status = 200, description = "Changed.", body = EventAnswer),
        (status = 400, description = "`INVALID_FIELD`: a field cannot be stored. `INVALID_SALE_DATES`: the sale would end before it starts. `SEATS_EXIST`: seats were made from another layout. `INVALID_SEAT_LAYOUT`: the layout describes no seats."),
        (status = 404, description = "`EVENT_NOT_FOUND`, `SEAT_LAYOUT_NOT_FOUND`: there is no such thing."),
        (status = 409, description = "`SALE_DATES_DECLARED`: the sale's dates are declared by its policy; `owner` says where."),
    )
)]
async fn update(
    _: Admin,
    Shared(state): Shared<Arc<State>>,
    AppPath(id): AppPath<EventId>,
    AppJson(form): AppJson<EventForm>,
) -> ApiResult<AppJson<EventAnswer>> {
    form.check().map_err(|error| refusal::form(&error))?;
    let event = event_plan::update(&state, id, &form).await?;
    let types = form.ticket_types.iter().map(|_| "ticketTypes");
    Ok(AppJson(EventAnswer {
        message: "Event updated successfully",
        event,
        ignored: types.chain(form.status.iter().map(|_| "status")).collect(),
    }))
}

/// An event that was called off.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = EventCancelled)]
struct CancelAnswer {
    /// What was done, for people.
    message: &'static str,
    /// The event.
    event: EventRow,
    /// How many reservations are cancelled with it.
    cancelled_reservations: i64,
}

/// Calls an event off. Its reservations are cancelled, and what was paid goes back.
#[utoipa::path(
    post,
    path = "/api/admin/events/{event}/cancel",
    operation_id = "cancelEvent",
    tag = "Administration",
    params(("event" = EventId, Path)),
    security(("bearer" = ["admin"])),
    responses(
        (status = 200, description = "Called off.", body = CancelAnswer),
        (status = 404, description = "`EVENT_NOT_FOUND`: unknown, or called off before."),
        (status = 503, description = "`REQUEST_IN_PROGRESS`: something else is done with it at this moment."),
    )
)]
async fn cancel(
    _: Admin,
    Shared(state): Shared<Arc<State>>,
    AppPath(id): AppPath<EventId>,
) -> ApiResult<AppJson<CancelAnswer>> {
    let cancelled_reservations = call_off::cancel(&state, id).await?;
    let event = events::find(&state.pool, id)
        .await?
        .ok_or_else(refusal::event_not_found)?;
    Ok(AppJson(CancelAnswer {
        message: "Event cancelled successfully. Reservations were cancelled and refundable cases marked refunded.",
        event,
        cancelled_reservations,
    }))
}

/// The answer to a deletion.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = EventDeleted)]
struct DeleteAnswer {
    /// What was done, for people.
    message: &'static str,
    /// How many reservations are cancelled with it.
    cancelled_reservations: i64,
}

/// Deletes an event. Its reservations are cancelled, and what was paid goes back.
#[utoipa::path(
    delete,
    path = "/api/admin/events/{event}",
    operation_id = "deleteEvent",
    tag = "Administration",
    params(("event" = EventId, Path)),
    security(("bearer" = ["admin"])),
    responses(
        (status = 200, description = "Deleted.", body = DeleteAnswer),
        (status = 404, description = "`EVENT_NOT_FOUND`: there is no such event."),
        (status = 503, description = "`REQUEST_IN_PROGRESS`: something else is done with it at this moment."),
    )
)]
async fn remove(
    _: Admin,
    Shared(state): Shared<Arc<State>>,
    AppPath(id): AppPath<EventId>,
) -> ApiResult<AppJson<DeleteAnswer>> {
    let cancelled_reservations = call_off::delete(&state, id).await?;
    Ok(AppJson(DeleteAnswer {
        message: "Event deleted successfully",
        cancelled_reservations,
    }))
}
