//! The sale policy of an event, as the operator or the admin API writes it.

use std::sync::Arc;

use axum::{
    Json, extract,
    response::{IntoResponse, Response},
};
use http::{
    HeaderMap, StatusCode,
    header::{ETAG, IF_MATCH},
};
use serde::Deserialize;
use urr_contract::{
    EventId, SalePolicy,
    internal::QueueInfo,
    sale_policy::{ADMIN_OWNER, DEFAULT_OWNER, PolicyError, Refusal, accepts},
};
use urr_kit::{
    ApiError, ApiResult,
    extract::{AppJson, AppPath, AppQuery},
    internal::InternalCaller,
};

use super::{line_unavailable, unknown_event};
use crate::{
    State,
    domain::policy::left,
    events::NoInfo,
    store::policies::{self, StoredPolicy},
};

type AppState = extract::State<Arc<State>>;

/// `GET /internal/events/{event}/policy`, with its `ETag`.
pub(super) async fn read(
    extract::State(state): AppState,
    _: InternalCaller,
    AppPath(event): AppPath<EventId>,
) -> ApiResult<Response> {
    let stored = policies::find(&state.pool, event)
        .await?
        .ok_or_else(|| ApiError::not_found("POLICY_NOT_FOUND", "No policy for this event"))?;
    Ok(answer(&stored))
}

/// `PUT /internal/events/{event}/policy`: stores it and puts it in force. A repetition
/// changes nothing; an older write, or another owner's without `If-Match`, is 409.
pub(super) async fn write(
    extract::State(state): AppState,
    _: InternalCaller,
    AppPath(event): AppPath<EventId>,
    headers: HeaderMap,
    AppJson(policy): AppJson<SalePolicy>,
) -> ApiResult<Response> {
    policy.check().map_err(|error| invalid(&error))?;
    let mut transaction = state.pool.begin().await?;
    let stored = policies::find_for_update(&mut transaction, event).await?;
    let if_match = headers.get(IF_MATCH).and_then(|value| value.to_str().ok());
    let has_seen = stored
        .as_ref()
        .is_some_and(|stored| if_match == Some(etag(stored).as_str()));
    let current = stored.as_ref().map(|stored| &stored.policy);
    let changes = accepts(current, &policy, has_seen, state.clock.now()).map_err(refused)?;
    let stored = match stored {
        Some(stored) if !changes => stored,
        _ => StoredPolicy {
            revision: policies::put(&mut *transaction, event, &policy).await?,
            policy,
        },
    };
    transaction.commit().await?;
    let info = state.events.last_known(event).await;
    state
        .lines
        .enforce_stored(event, info.as_deref())
        .await
        .map_err(line_unavailable)?;
    Ok(answer(&stored))
}

#[derive(Deserialize)]
pub(super) struct ReleaseQuery {
    owner: String,
}

/// `DELETE /internal/events/{event}/policy?owner=…`: the owner lets go. Its limits stay in force,
/// so that nobody in the line notices; the window of the sale follows the event again. Where
/// nothing is stored there is nothing to do; another owner's policy stays.
pub(super) async fn release(
    extract::State(state): AppState,
    _: InternalCaller,
    AppPath(event): AppPath<EventId>,
    AppQuery(query): AppQuery<ReleaseQuery>,
) -> ApiResult<StatusCode> {
    let info = match state.events.info(event).await {
        Ok(info) => info,
        // An event that is no more has no line to give back.
        Err(NoInfo::Unknown) => return Ok(StatusCode::NO_CONTENT),
        Err(NoInfo::Unreachable(error)) => return Err(line_unavailable(error)),
    };
    let mut transaction = state.pool.begin().await?;
    let stored = policies::find_for_update(&mut transaction, event).await?;
    let Some(StoredPolicy { policy, .. }) = stored else {
        return Ok(StatusCode::NO_CONTENT);
    };
    if policy.fence.owner == DEFAULT_OWNER {
        return Ok(StatusCode::NO_CONTENT);
    }
    if policy.fence.owner != query.owner {
        return Err(refused(Refusal::OtherOwner));
    }
    policies::put(&mut *transaction, event, &left(policy, &info)).await?;
    transaction.commit().await?;
    let enforced = state.lines.enforce_stored(event, Some(&info)).await;
    enforced.map_err(line_unavailable)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Stops the line of an event in the name of the administrators, who tell those who wait why.
/// 409 where a resource declares its policy.
pub(super) async fn suspend(
    state: &State,
    event: EventId,
    message: Option<String>,
) -> ApiResult<()> {
    let info = known(state, event).await?;
    let mut transaction = state.pool.begin().await?;
    let stored = policies::find_for_update(&mut transaction, event).await?;
    let stored = stored.as_ref().map(|stored| &stored.policy);
    let policy = state.settings.defaults.suspended(stored, &info, message);
    accepts(stored, &policy, false, state.clock.now()).map_err(refused)?;
    policies::put(&mut *transaction, event, &policy).await?;
    transaction.commit().await?;
    let enforced = state.lines.enforce_stored(event, Some(&info)).await;
    enforced.map(drop).map_err(line_unavailable)
}

/// Lets the line of an event go on, whoever stopped it. 409 where a resource declares its policy.
pub(super) async fn resume(state: &State, event: EventId) -> ApiResult<()> {
    let info = known(state, event).await?;
    let mut transaction = state.pool.begin().await?;
    let stored = policies::find_for_update(&mut transaction, event).await?;
    let Some(StoredPolicy { policy, .. }) = stored else {
        return Ok(());
    };
    if ![DEFAULT_OWNER, ADMIN_OWNER].contains(&policy.fence.owner.as_str()) {
        return Err(refused(Refusal::Declared));
    }
    let policy = state.settings.defaults.resumed(policy, &info);
    policies::put(&mut *transaction, event, &policy).await?;
    transaction.commit().await?;
    let enforced = state.lines.enforce_stored(event, Some(&info)).await;
    enforced.map(drop).map_err(line_unavailable)
}

async fn known(state: &State, event: EventId) -> ApiResult<Arc<QueueInfo>> {
    match state.events.info(event).await {
        Ok(info) => Ok(info),
        Err(NoInfo::Unknown) => Err(unknown_event()),
        Err(NoInfo::Unreachable(error)) => Err(line_unavailable(error)),
    }
}

fn answer(stored: &StoredPolicy) -> Response {
    ([(ETAG, etag(stored))], Json(&stored.policy)).into_response()
}

fn etag(stored: &StoredPolicy) -> String {
    format!("\"{}\"", stored.revision)
}

fn refused(refusal: Refusal) -> ApiError {
    ApiError::conflict(refusal.code(), refusal.to_string())
}

fn invalid(error: &PolicyError) -> ApiError {
    ApiError::bad_request("INVALID_FIELD", error.to_string())
}
