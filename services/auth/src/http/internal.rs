//! What other services may ask. Auth's own rule: whoever lacks the token is told `Forbidden`.

use std::sync::Arc;

use axum::{
    extract::{self, Request},
    middleware::Next,
    response::Response,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use urr_contract::{
    Language, UserId, headers,
    internal::{AccountDays, AccountDaysRequest, UserCounts},
};
use urr_kit::{
    ApiError, ApiResult,
    extract::{AppJson, AppPath},
};

use super::{bearer::bearer_token, errors};
use crate::{
    State,
    domain::account::{Account, Role},
    store::users,
};

/// Most accounts asked for at once.
const MAX_BATCH: usize = 500;

/// Body of a batch.
#[derive(Deserialize)]
pub(super) struct BatchBody {
    /// `userIds` of the contract; `ids` as all other batches call it.
    #[serde(rename = "userIds", alias = "ids", default)]
    user_ids: Vec<String>,
}

/// An account as other services see it.
#[derive(Serialize)]
struct UserBody {
    id: UserId,
    email: String,
    name: String,
    role: Role,
    language: Language,
}

impl From<Account> for UserBody {
    fn from(account: Account) -> Self {
        Self {
            id: account.id,
            email: account.email,
            name: account.name,
            role: account.role,
            language: account.language,
        }
    }
}

/// Middleware: lets only callers with the internal token through, in either header.
pub(super) async fn guard(
    extract::State(state): extract::State<Arc<State>>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let given = bearer_token(request.headers()).or_else(|| {
        request
            .headers()
            .get(headers::INTERNAL_TOKEN)
            .and_then(|value| value.to_str().ok())
    });
    if given.is_some_and(|given| state.internal_token.matches(given)) {
        Ok(next.run(request).await)
    } else {
        Err(errors::forbidden())
    }
}

/// `GET /internal/users/{id}`
pub(super) async fn user(
    extract::State(state): extract::State<Arc<State>>,
    AppPath(id): AppPath<UserId>,
) -> ApiResult<AppJson<Value>> {
    let account = users::by_id(&state.pool, id)
        .await?
        .ok_or_else(errors::user_not_found)?;
    Ok(AppJson(json!({"user": UserBody::from(account)})))
}

/// `POST /internal/users/batch`
pub(super) async fn batch(
    extract::State(state): extract::State<Arc<State>>,
    AppJson(body): AppJson<BatchBody>,
) -> ApiResult<AppJson<Value>> {
    let ids = parse_ids(&body.user_ids)?;
    let users: Vec<UserBody> = users::by_ids(&state.pool, &ids)
        .await?
        .into_iter()
        .map(UserBody::from)
        .collect();
    Ok(AppJson(json!({"users": users})))
}

fn parse_ids(texts: &[String]) -> ApiResult<Vec<UserId>> {
    if texts.is_empty() {
        return Err(ApiError::bad_request("INVALID_INPUT", "must not be empty"));
    }
    if texts.len() > MAX_BATCH {
        return Err(ApiError::bad_request(
            "INVALID_INPUT",
            "at most 500 user ids at once",
        ));
    }
    texts
        .iter()
        .map(|text| text.parse())
        .collect::<Result<_, _>>()
        .map_err(|_| ApiError::bad_request("INVALID_USER_IDS", "Invalid userIds"))
}

/// `GET /internal/users/counts`
pub(super) async fn counts(
    extract::State(state): extract::State<Arc<State>>,
) -> ApiResult<AppJson<UserCounts>> {
    Ok(AppJson(users::counts(&state.pool).await?))
}

/// `POST /internal/users/daily`
pub(super) async fn daily(
    extract::State(state): extract::State<Arc<State>>,
    AppJson(asked): AppJson<AccountDaysRequest>,
) -> ApiResult<AppJson<AccountDays>> {
    let days = users::days(&state.pool, &asked).await?;
    Ok(AppJson(AccountDays { days }))
}
