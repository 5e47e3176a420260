//! Memberships, for payment: their price and the outcome; and points, for community.

use std::sync::Arc;

use axum::{
    Router,
    extract::State as Shared,
    routing::{get, post},
};
use serde::{Deserialize, Serialize};
use urr_contract::{
    MembershipId, UserId, Won,
    internal::{AwardPoints, Ok as OkAnswer, RefundRequest},
};
use urr_kit::{
    ApiResult,
    extract::{AppJson, AppPath, AppQuery},
    internal::InternalCaller,
};

use crate::{
    State,
    membership::{self, Activated, points},
    refusal,
    store::begin_bounded,
};

pub(super) fn routes() -> Router<Arc<State>> {
    Router::new()
        .route("/internal/memberships/award-points", post(award))
        .route("/internal/memberships/{id}/validate", get(validate))
        .route("/internal/memberships/{id}/activate", post(activate))
        .route("/internal/memberships/{id}/refund", post(refund))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ValidateQuery {
    user_id: UserId,
}

#[derive(Serialize)]
struct ValidateAnswer {
    #[serde(rename = "membershipId")]
    membership_id: MembershipId,
    total_amount: Won,
    #[serde(rename = "totalAmount")]
    total: Won,
    artist_name: String,
}

async fn validate(
    Shared(state): Shared<Arc<State>>,
    _: InternalCaller,
    AppPath(id): AppPath<MembershipId>,
    AppQuery(query): AppQuery<ValidateQuery>,
) -> ApiResult<AppJson<ValidateAnswer>> {
    let (price, artist_name) = membership::check(&state, id, query.user_id).await?;
    Ok(AppJson(ValidateAnswer {
        membership_id: id,
        total_amount: price,
        total: price,
        artist_name,
    }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ActivateBody {
    order_id: Option<String>,
}

async fn activate(
    Shared(state): Shared<Arc<State>>,
    _: InternalCaller,
    AppPath(id): AppPath<MembershipId>,
    body: Option<AppJson<ActivateBody>>,
) -> ApiResult<AppJson<OkAnswer>> {
    let order = body.and_then(|AppJson(body)| body.order_id);
    let mut transaction = begin_bounded(&state.pool).await?;
    let activated = membership::activate(&mut transaction, id, order.as_deref()).await?;
    transaction.commit().await?;
    match activated {
        Activated::Now => {
            state.metrics.activated.inc();
            Ok(AppJson(OkAnswer { ok: true }))
        }
        Activated::Before => Ok(AppJson(OkAnswer { ok: true })),
        Activated::Refused => Err(refusal::membership_not_payable()),
        Activated::Unknown => Err(refusal::membership_not_found()),
    }
}

async fn refund(
    Shared(state): Shared<Arc<State>>,
    _: InternalCaller,
    AppPath(id): AppPath<MembershipId>,
    AppJson(request): AppJson<RefundRequest>,
) -> ApiResult<AppJson<OkAnswer>> {
    membership::refund(&state, id, &request).await?;
    Ok(AppJson(OkAnswer { ok: true }))
}

#[derive(Serialize)]
struct AwardAnswer {
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
}

async fn award(
    Shared(state): Shared<Arc<State>>,
    _: InternalCaller,
    AppJson(request): AppJson<AwardPoints>,
) -> ApiResult<AppJson<AwardAnswer>> {
    let mut transaction = begin_bounded(&state.pool).await?;
    let awarded = points::award(&mut transaction, &request)
        .await
        .map_err(refusal::database)?;
    transaction.commit().await?;
    Ok(AppJson(AwardAnswer {
        ok: awarded.is_ok(),
        error: awarded.err(),
    }))
}
