//! Captured orders that are still owed back, for payment: the net below the facts.

use std::sync::Arc;

use axum::{Router, extract::State as Shared, routing::get};
use serde::Deserialize;
use urr_contract::internal::OwedBack;
use urr_kit::{
    ApiResult,
    extract::{AppJson, AppQuery},
    internal::InternalCaller,
};

use crate::{State, store::orders};

/// A fact takes seconds; what is owed for so long was told by one that got lost.
const TOLD_BEFORE_SECONDS: f64 = 300.0;
/// Orders of one answer.
const LIMIT: i64 = 100;

pub(super) fn routes() -> Router<Arc<State>> {
    Router::new().route("/internal/orders/owed-back", get(owed_back))
}

#[derive(Deserialize)]
struct OwedQuery {
    #[serde(default)]
    after: String,
}

async fn owed_back(
    Shared(state): Shared<Arc<State>>,
    _: InternalCaller,
    AppQuery(query): AppQuery<OwedQuery>,
) -> ApiResult<AppJson<OwedBack>> {
    let after = query.after.replace('\0', "");
    let orders = orders::owed_back(&state.pool, TOLD_BEFORE_SECONDS, &after, LIMIT).await?;
    Ok(AppJson(OwedBack { orders }))
}
