//! Events: list and detail.

use std::sync::Arc;

use axum::{Router, extract::State as Shared, routing::get};
use serde::{Deserialize, Serialize};
use urr_contract::EventId;
use urr_kit::{
    ApiResult,
    extract::{AppJson, AppPath, AppQuery},
    page::{Page, PageQuery, Pagination},
};

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

pub(super) fn routes() -> Router<Arc<State>> {
    Router::new()
        .route("/api/events", get(list))
        .route("/api/events/{event}", get(detail))
}

#[derive(Deserialize)]
struct ListQuery {
    status: Option<String>,
    q: Option<String>,
    page: Option<i64>,
    limit: Option<i64>,
}

#[derive(Serialize)]
struct ListAnswer {
    events: Vec<EventListRow>,
    pagination: Pagination,
}

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

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DetailAnswer {
    event: EventRow,
    ticket_types: Vec<TicketTypeRow>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pre_sale_schedule: Option<PresaleSchedule>,
}

async fn detail(
    Shared(state): Shared<Arc<State>>,
    AppPath(id): AppPath<EventId>,
) -> ApiResult<AppJson<DetailAnswer>> {
    let event = events::find(&state.pool, id)
        .await?
        .ok_or_else(refusal::event_not_found)?;
    let ticket_types = ticket_types::of_event(&state.pool, id).await?;
    Ok(AppJson(DetailAnswer {
        pre_sale_schedule: event.presale(),
        event,
        ticket_types,
    }))
}
