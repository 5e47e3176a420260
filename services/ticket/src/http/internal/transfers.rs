//! Listings, for payment: their price, the order they are kept for, and the outcome.

use std::sync::Arc;

use axum::{
    Router,
    extract::State as Shared,
    routing::{get, post},
};
use serde::{Deserialize, Serialize};
use urr_contract::{
    ArtistId, TransferId, UserId, Won,
    internal::{Ok as OkAnswer, PayAnswer, PayRequest, RefundRequest},
};
use urr_kit::{
    ApiResult,
    extract::{AppJson, AppPath, AppQuery},
    internal::InternalCaller,
};

use crate::{
    State, refusal,
    resale::buying::{self, Completed, Paid},
    store::begin_bounded,
};

pub(super) fn routes() -> Router<Arc<State>> {
    Router::new()
        .route("/internal/transfers/{id}/validate", get(validate))
        .route("/internal/transfers/{id}/pay", post(pay))
        .route("/internal/transfers/{id}/complete", post(complete))
        .route("/internal/transfers/{id}/refund", post(refund))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ValidateQuery {
    user_id: UserId,
}

#[derive(Serialize)]
struct ValidateAnswer {
    #[serde(rename = "transferId")]
    transfer_id: TransferId,
    total_amount: Won,
    #[serde(rename = "totalAmount")]
    total: Won,
    artist_id: Option<ArtistId>,
}

async fn validate(
    Shared(state): Shared<Arc<State>>,
    _: InternalCaller,
    AppPath(id): AppPath<TransferId>,
    AppQuery(query): AppQuery<ValidateQuery>,
) -> ApiResult<AppJson<ValidateAnswer>> {
    let listing = buying::check(&state, id, query.user_id).await?;
    Ok(AppJson(ValidateAnswer {
        transfer_id: id,
        total_amount: listing.price.total,
        total: listing.price.total,
        artist_id: listing.artist,
    }))
}

async fn pay(
    Shared(state): Shared<Arc<State>>,
    _: InternalCaller,
    AppPath(id): AppPath<TransferId>,
    AppJson(request): AppJson<PayRequest>,
) -> ApiResult<AppJson<PayAnswer>> {
    buying::reserve(&state, id, &request).await.map(AppJson)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CompleteBody {
    buyer_id: UserId,
    order_id: String,
    amount: Won,
}

async fn complete(
    Shared(state): Shared<Arc<State>>,
    _: InternalCaller,
    AppPath(id): AppPath<TransferId>,
    AppJson(body): AppJson<CompleteBody>,
) -> ApiResult<AppJson<OkAnswer>> {
    let paid = Paid {
        order: body.order_id,
        buyer: body.buyer_id,
        amount: body.amount,
    };
    let mut transaction = begin_bounded(&state.pool).await?;
    let completed = buying::complete(&mut transaction, id, &paid).await?;
    transaction.commit().await?;
    match completed {
        Completed::Handed { before } => {
            state.metrics.transferred.inc_by(u64::from(!before));
            Ok(AppJson(OkAnswer { ok: true }))
        }
        Completed::Rejected(error) => Err(error),
        Completed::Unknown => Err(refusal::transfer_not_found()),
    }
}

async fn refund(
    Shared(state): Shared<Arc<State>>,
    _: InternalCaller,
    AppPath(id): AppPath<TransferId>,
    AppJson(request): AppJson<RefundRequest>,
) -> ApiResult<AppJson<OkAnswer>> {
    buying::refund(&state, id, &request).await?;
    Ok(AppJson(OkAnswer { ok: true }))
}
