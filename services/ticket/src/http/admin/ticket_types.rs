//! Ticket types: list, add, change, delete.

use std::sync::Arc;

use axum::{
    Extension, Router,
    extract::State as Shared,
    routing::{delete, get, post, put},
};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use urr_contract::{EventId, TicketTypeId};
use urr_kit::{
    ApiResult,
    extract::{AppJson, AppPath, AppQuery},
    identity::Admin,
    page::{Page, PageQuery, Pagination},
};

use super::audit::{Act, Touched, audited};
use crate::{
    State,
    domain::form::TicketTypeForm,
    event_plan, refusal,
    store::{ticket_types, ticket_types::TicketTypeColumns},
};

const DEFAULT_LIMIT: i64 = 50;
const MAX_LIMIT: i64 = 200;

pub(super) fn routes(state: &Arc<State>) -> Router<Arc<State>> {
    let act = |action, handlers| {
        let act = Act {
            action,
            resource_type: "ticket_type",
        };
        audited(state, act, handlers)
    };
    Router::new()
        .route("/api/admin/tickets", get(list))
        .route(
            "/api/admin/tickets/{ticket_type}",
            act("UPDATE_TICKET_TYPE", put(update)).merge(act("DELETE_TICKET_TYPE", delete(remove))),
        )
        .route(
            "/api/admin/events/{event}/tickets",
            act("CREATE_TICKET_TYPE", post(create)),
        )
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListQuery {
    event_id: Option<EventId>,
    page: Option<i64>,
    limit: Option<i64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ListAnswer {
    ticket_types: Vec<TicketTypeColumns>,
    pagination: Pagination,
}

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

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TypeAnswer {
    message: &'static str,
    ticket_type: TicketTypeColumns,
}

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

#[derive(Serialize)]
struct DeleteAnswer {
    message: &'static str,
}

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
