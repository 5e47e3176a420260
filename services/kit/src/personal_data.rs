//! The internal routes by which auth asks a service about one person: to show what it holds,
//! to say what is still open, and to erase. A service implements [`HoldsPersonalData`] and
//! merges [`routes`].

use std::{future::Future, sync::Arc};

use axum::{
    Router,
    extract::State,
    routing::{get, post},
};
use serde_json::Value;
use urr_contract::{
    UserId,
    personal_data::{Erased, OpenMatters, PersonalData},
};

use crate::{
    ApiResult,
    extract::{AppJson, AppPath},
    internal::{HasInternalToken, InternalCaller},
};

/// Implemented by the state of a service that knows people.
pub trait HoldsPersonalData: HasInternalToken + Send + Sync + 'static {
    /// All that is held about the person, complete or an error.
    fn personal_data(&self, user: UserId) -> impl Future<Output = ApiResult<Value>> + Send;

    /// What must come to its end before the person can be erased.
    fn open_matters(&self, user: UserId) -> impl Future<Output = ApiResult<OpenMatters>> + Send;

    /// Erases all that need not be kept and returns how many rows or keys that were. Asked
    /// again, also after new data has come, it erases what is left.
    fn erase(&self, user: UserId) -> impl Future<Output = ApiResult<u64>> + Send;
}

/// The three routes.
pub fn routes<S: HoldsPersonalData>() -> Router<Arc<S>> {
    Router::new()
        .route("/internal/users/{id}/personal-data", get(show::<S>))
        .route("/internal/users/{id}/open-matters", get(open_matters::<S>))
        .route("/internal/users/{id}/erase", post(erase::<S>))
}

async fn show<S: HoldsPersonalData>(
    State(state): State<Arc<S>>,
    _: InternalCaller,
    AppPath(user): AppPath<UserId>,
) -> ApiResult<AppJson<PersonalData>> {
    let personal_data = state.personal_data(user).await?;
    Ok(AppJson(PersonalData { personal_data }))
}

async fn open_matters<S: HoldsPersonalData>(
    State(state): State<Arc<S>>,
    _: InternalCaller,
    AppPath(user): AppPath<UserId>,
) -> ApiResult<AppJson<OpenMatters>> {
    state.open_matters(user).await.map(AppJson)
}

async fn erase<S: HoldsPersonalData>(
    State(state): State<Arc<S>>,
    _: InternalCaller,
    AppPath(user): AppPath<UserId>,
) -> ApiResult<AppJson<Erased>> {
    let erased = state.erase(user).await?;
    tracing::info!(erased, "erased what was held about a person");
    Ok(AppJson(Erased { erased }))
}
