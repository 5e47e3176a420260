//! The sale policy of an event, as the operator declares it. The queue has the same endpoints.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::State as Shared,
    response::{IntoResponse, Response},
    routing::get,
};
use http::{
    HeaderMap, StatusCode,
    header::{ETAG, IF_MATCH},
};
use serde::Deserialize;
use urr_contract::{EventId, SalePolicy};
use urr_kit::{
    ApiResult,
    extract::{AppJson, AppPath, AppQuery},
    internal::InternalCaller,
};

use crate::{
    State, refusal, sale_policy,
    store::{sale_policies, sale_policies::StoredPolicy},
};

pub(super) fn routes() -> Router<Arc<State>> {
    Router::new().route(
        "/internal/events/{event}/policy",
        get(read).put(write).delete(release),
    )
}

async fn read(
    Shared(state): Shared<Arc<State>>,
    _: InternalCaller,
    AppPath(event): AppPath<EventId>,
) -> ApiResult<Response> {
    let stored = sale_policies::find(&state.pool, event)
        .await?
        .ok_or_else(refusal::policy_not_found)?;
    Ok(answer(&stored))
}

async fn write(
    Shared(state): Shared<Arc<State>>,
    _: InternalCaller,
    AppPath(event): AppPath<EventId>,
    headers: HeaderMap,
    AppJson(policy): AppJson<SalePolicy>,
) -> ApiResult<Response> {
    policy.check().map_err(|error| refusal::policy(&error))?;
    let if_match = headers.get(IF_MATCH).and_then(|value| value.to_str().ok());
    let has_seen = |stored: &StoredPolicy| if_match == Some(etag(stored).as_str());
    let stored = sale_policy::write(&state, event, policy, has_seen).await?;
    Ok(answer(&stored))
}

#[derive(Deserialize)]
struct ReleaseQuery {
    owner: String,
}

async fn release(
    Shared(state): Shared<Arc<State>>,
    _: InternalCaller,
    AppPath(event): AppPath<EventId>,
    AppQuery(query): AppQuery<ReleaseQuery>,
) -> ApiResult<StatusCode> {
    sale_policy::release(&state, event, &query.owner).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn answer(stored: &StoredPolicy) -> Response {
    ([(ETAG, etag(stored))], Json(&stored.policy)).into_response()
}

fn etag(stored: &StoredPolicy) -> String {
    format!("\"{}\"", stored.revision)
}
