//! Events: list, make, change, call off, delete.

use std::sync::Arc;

use axum::{
    Extension, Router,
    extract::State as Shared,
    routing::{delete, get, post, put},
};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use urr_contract::EventId;
use urr_kit::{
    ApiResult,
    extract::{AppJson, AppPath, AppQuery},
    identity::Admin,
    page::{Page, PageQuery, Pagination},
};

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

pub(super) fn routes(state: &Arc<State>) -> Router<Arc<State>> {
    let act = |action, handlers| {
        let act = Act {
            action,
            resource_type: "event",
        };
        audited(state, act, handlers)
    };
    Router::new()
        .route(
            "/api/admin/events",
            get(list).merge(act("CREATE_EVENT", post(create))),
        )
        .route(
            "/api/admin/events/{event}",
            act("UPDATE_EVENT", put(update)).merge(act("DELETE_EVENT", delete(remove))),
        )
        .route(
            "/api/admin/events/{event}/cancel",
            act("CANCEL_EVENT", post(cancel)),
        )
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
#[derive(Serialize)]
struct EventAnswer {
    message: &'static str,
    event: EventRow,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ignored: Vec<&'static str>,
}

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

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CancelAnswer {
    message: &'static str,
    event: EventRow,
    cancelled_reservations: i64,
}

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

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DeleteAnswer {
    message: &'static str,
    cancelled_reservations: i64,
}

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
