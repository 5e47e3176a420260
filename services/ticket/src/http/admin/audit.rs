//! The audit log: who did what, from where, with which words and how it ended.

use std::{future::Future, pin::Pin, sync::Arc};

use axum::{
    Extension,
    body::Body,
    extract::{FromRequest, FromRequestParts, RawPathParams, Request, State as Shared},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{HeaderValue, header::CONTENT_TYPE, request::Parts};
use serde::{Deserialize, Serialize};
use urr_contract::headers;
use urr_kit::{
    ApiError, ApiResult,
    extract::{AppJson, AppQuery},
    identity::Admin,
    openapi::{OpenApiRouter, UtoipaMethodRouter, UtoipaMethodRouterExt, routes},
    page::{Page, PageQuery, Pagination},
    telemetry::chain,
};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    State,
    store::{
        audit_logs,
        audit_logs::{ActRow, NewAct},
    },
};

const DEFAULT_LIMIT: i64 = 50;
const MAX_LIMIT: i64 = 200;
/// As much of a body as is kept.
const SUMMARY_CHARS: usize = 1_000;
/// As much of an address as is kept.
const ADDRESS_CHARS: usize = 45;

pub(super) fn routes() -> OpenApiRouter<Arc<State>> {
    OpenApiRouter::default().routes(routes!(list))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// Only acts of this kind, as `CREATE_EVENT`.
    action: Option<String>,
    /// Page, from 1. What is out of range is pulled into it.
    page: Option<i64>,
    /// Rows a page, 50 where not said, 200 at most.
    limit: Option<i64>,
}

/// What administrators did.
#[derive(Serialize, ToSchema)]
#[schema(as = AdminActs)]
struct ListAnswer {
    /// The acts, the newest first.
    logs: Vec<ActRow>,
    /// Which part of all this is.
    pagination: Pagination,
}

/// Who did what, from where, and how it ended; newest first.
#[utoipa::path(
    get,
    path = "/api/admin/audit-logs",
    operation_id = "listAdminActs",
    tag = "Administration",
    params(ListQuery),
    security(("bearer" = ["admin"])),
    responses(
        (status = 200, description = "The acts.", body = ListAnswer),
    )
)]
async fn list(
    _: Admin,
    Shared(state): Shared<Arc<State>>,
    AppQuery(query): AppQuery<ListQuery>,
) -> ApiResult<AppJson<ListAnswer>> {
    let ListQuery {
        action,
        page,
        limit,
    } = query;
    let page = Page::new(PageQuery { page, limit }, DEFAULT_LIMIT, MAX_LIMIT);
    let action = super::filter(action);
    let (logs, total) =
        audit_logs::list(&state.pool, action.as_deref(), page.limit(), page.offset()).await?;
    Ok(AppJson(ListAnswer {
        logs,
        pagination: page.of(total),
    }))
}

/// An act, as the log names it.
#[derive(Clone, Copy, Debug)]
pub(in crate::http) struct Act {
    /// What is done.
    pub(in crate::http) action: &'static str,
    /// On what kind of thing.
    pub(in crate::http) resource_type: &'static str,
}

/// Left in the extensions of an answer by an act on something that its path does not name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Touched(pub(super) Uuid);

/// Left in the extensions of an answer by an act whose body is a file: what it came to.
#[derive(Clone, Debug)]
pub(in crate::http) struct Summary(pub(in crate::http) String);

/// The handlers, with a row in the log for every call of an administrator.
pub(in crate::http) fn audited(
    act: Act,
    handlers: UtoipaMethodRouter<Arc<State>>,
) -> UtoipaMethodRouter<Arc<State>> {
    handlers.map(|handlers| handlers.route_layer(from_fn_with_state(act, boxed)))
}

type Answer = Pin<Box<dyn Future<Output = Response> + Send>>;

fn boxed(
    Shared(act): Shared<Act>,
    Extension(state): Extension<Arc<State>>,
    request: Request,
    next: Next,
) -> Answer {
    Box::pin(async move {
        record(&state, act, request, next)
            .await
            .unwrap_or_else(IntoResponse::into_response)
    })
}

async fn record(state: &State, act: Act, request: Request, next: Next) -> ApiResult<Response> {
    let (mut parts, body) = request.into_parts();
    let Admin(admin) = Admin::from_request_parts(&mut parts, &()).await?;
    let path = RawPathParams::from_request_parts(&mut parts, &())
        .await
        .ok();
    let resource_id = path.and_then(|path| path.iter().find_map(|(_, value)| value.parse().ok()));
    let address = parts
        .headers
        .get(headers::CLIENT_ADDRESS)
        .and_then(|value| value.to_str().ok())
        .map(|value| cut(value, ADDRESS_CHARS));
    let (body, summary) = read(&parts, body).await?;
    let row = audit_logs::begin(
        &state.pool,
        &NewAct {
            admin: admin.id,
            action: act.action,
            resource_type: act.resource_type,
            resource_id,
            request_summary: &summary,
            ip_address: address.as_deref(),
        },
    )
    .await?;
    let answer = next.run(Request::from_parts(parts, body)).await;
    let touched = answer.extensions().get::<Touched>().map(|Touched(id)| *id);
    let status = i32::from(answer.status().as_u16());
    let summary = answer
        .extensions()
        .get::<Summary>()
        .map(|Summary(text)| cut(text, SUMMARY_CHARS));
    let completed = audit_logs::complete(&state.pool, row, status, touched, summary.as_deref());
    // The act is done: its row shows that it was begun, and the answer is true either way.
    if let Err(error) = completed.await {
        tracing::error!(error = %chain(&error), audit.id = %row, "an act of an administrator has no outcome in the log");
    }
    Ok(answer)
}

/// The body, and its beginning. A form with a file is left to the handler, unread.
async fn read(parts: &Parts, body: Body) -> ApiResult<(Body, String)> {
    let media_type = parts.headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    if media_type.is_some_and(|it| it.starts_with(b"multipart/")) {
        return Ok((body, String::new()));
    }
    let body = Bytes::from_request(Request::from_parts(parts.clone(), body), &())
        .await
        .map_err(|error| ApiError::new(error.status(), "UNREADABLE_BODY", error.body_text()))?;
    let summary = cut(&String::from_utf8_lossy(&body), SUMMARY_CHARS);
    Ok((Body::from(body), summary))
}

/// The beginning of a text, without what Postgres text cannot hold.
fn cut(text: &str, chars: usize) -> String {
    text.chars()
        .filter(|character| *character != '\0')
        .take(chars)
        .collect()
}
