//! Events: list and detail.

use std::sync::Arc;

use axum::extract::State as Shared;
use serde::{Deserialize, Serialize};
use urr_contract::EventId;
use urr_kit::{
    ApiResult,
    extract::{AppJson, AppPath, AppQuery},
    openapi::{OpenApiRouter, routes},
    page::{Page, PageQuery, Pagination},
};
use utoipa::{IntoParams, ToSchema};

use crate::{
    State,
    domain::presale::PresaleSchedule,
    refusal,
    store::{
        events,
        events::{EventFilter, EventListRow, EventRow},
        ticket_types,
        ticket_types::TicketTypeRow,
    },
};

const DEFAULT_LIMIT: i64 = 10;
const MAX_LIMIT: i64 = 100;

pub(super) fn routes() -> OpenApiRouter<Arc<State>> {
    OpenApiRouter::default()
        .routes(routes!(list))
        .routes(routes!(detail))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// Only events of this status, as `upcoming`, `on_sale`, `ended` or `cancelled`.
    status: Option<String>,
    /// Only events whose title, artist, venue or address contains this.
    q: Option<String>,
    /// Page, from 1. What is out of range is pulled into it.
    page: Option<i64>,
    /// Rows a page, 10 where not said, 100 at most.
    limit: Option<i64>,
}

/// Events.
#[derive(Serialize, ToSchema)]
#[schema(as = EventList)]
struct ListAnswer {
    /// The events.
    events: Vec<EventListRow>,
    /// Which part of all this is.
    pagination: Pagination,
}

/// Events, those on sale first.
#[utoipa::path(
    get,
    path = "/api/events",
    operation_id = "listEvents",
    tag = "Events",
    params(ListQuery),
    responses(
        (status = 200, description = "The events.", body = ListAnswer),
    )
)]
async fn list(
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
    let filter = EventFilter::new(status, q);
    let (events, total) = events::list(&state.pool, &filter, page.limit(), page.offset()).await?;
    Ok(AppJson(ListAnswer {
        events,
        pagination: page.of(total),
    }))
}

/// An event's page.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = EventDetail)]
struct DetailAnswer {
    /// The event.
    event: EventRow,
    /// The ticket types.
    ticket_types: Vec<TicketTypeRow>,
    /// When which tier buys; null where nobody buys before others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pre_sale_schedule: Option<PresaleSchedule>,
}

/// One event with its ticket types.
#[utoipa::path(
    get,
    path = "/api/events/{event}",
    operation_id = "getEvent",
    tag = "Events",
    params(("event" = EventId, Path)),
    responses(
        (status = 200, description = "The event.", body = DetailAnswer),
        (status = 404, description = "`EVENT_NOT_FOUND`: there is no such event."),
    )
)]
async fn detail(
    Shared(state): Shared<Arc<State>>,
    AppPath(id): AppPath<EventId>,
) -> ApiResult<AppJson<DetailAnswer>> {
    let event = events::find(&state.pool, id)
        .await?
        .ok_or_else(refusal::event_not_found)?;
    let ticket_types = ticket_types::of_event(&state.pool, id).await?;
    state.views.count(id);
    Ok(AppJson(DetailAnswer {
        pre_sale_schedule: event.presale(),
        event,
        ticket_types,
    }))
}
