//! What sellers of resold tickets are owed. The money is sent by hand; that it was is
//! written down once, with a reference.

use std::sync::Arc;

use axum::{
    Router,
    extract::State as Shared,
    routing::{get, post},
};
use serde::{Deserialize, Serialize};
use urr_contract::{TransferId, UserId, Won};
use urr_kit::{
    ApiResult,
    extract::{AppJson, AppPath, AppQuery},
    identity::Admin,
    page::{Page, PageQuery, Pagination},
};

use super::audit::{Act, noted};
use crate::{
    State, refusal,
    store::{
        begin_bounded,
        payouts::{self, Filter, PayoutRow},
    },
};

const DEFAULT_LIMIT: i64 = 50;
const MAX_LIMIT: i64 = 200;
/// Longest reference, in characters.
const MAX_REFERENCE_CHARS: usize = 100;

pub(super) fn routes() -> Router<Arc<State>> {
    let act = Act {
        action: "PAY_SELLER",
        resource_type: "payout",
    };
    Router::new().route("/api/admin/payouts", get(list)).route(
        "/api/admin/payouts/{transfer}/paid",
        noted(act, post(pay)),
    )
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    /// Still owed.
    Due,
    /// Given.
    Paid,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListQuery {
    status: Option<Status>,
    seller_id: Option<UserId>,
    page: Option<i64>,
    limit: Option<i64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ListAnswer {
    payouts: Vec<PayoutRow>,
    /// Won of all pages together.
    total_amount: Won,
    pagination: Pagination,
}

async fn list(
    _: Admin,
    Shared(state): Shared<Arc<State>>,
    AppQuery(query): AppQuery<ListQuery>,
) -> ApiResult<AppJson<ListAnswer>> {
    let ListQuery { page, limit, .. } = query;
    let page = Page::new(PageQuery { page, limit }, DEFAULT_LIMIT, MAX_LIMIT);
    let filter = Filter {
        paid: query.status.map(|status| matches!(status, Status::Paid)),
        seller: query.seller_id,
    };
    let (payouts, sum) = payouts::list(&state.pool, filter, page.limit(), page.offset()).await?;
    Ok(AppJson(ListAnswer {
        payouts,
        total_amount: sum.amount,
        pagination: page.of(sum.count),
    }))
}

#[derive(Deserialize)]
struct PayBody {
    reference: String,
}

#[derive(Serialize)]
struct PayAnswer {
    message: &'static str,
    payout: PayoutRow,
}

async fn pay(
    Admin(admin): Admin,
    Shared(state): Shared<Arc<State>>,
    AppPath(transfer): AppPath<TransferId>,
    AppJson(body): AppJson<PayBody>,
) -> ApiResult<AppJson<PayAnswer>> {
    let reference = body.reference.trim();
    let length = reference.chars().count();
    if !(1..=MAX_REFERENCE_CHARS).contains(&length) || reference.contains('\0') {
        return Err(refusal::payout_reference());
    }
    let mut transaction = begin_bounded(&state.pool).await?;
    let now = payouts::mark_paid(&mut transaction, transfer, admin.id, reference).await?;
    let payout = payouts::find(&mut transaction, transfer)
        .await?
        .ok_or_else(refusal::payout_not_found)?;
    // Told twice it is the same; told otherwise somebody would be paid twice.
    if !now && payout.paid_reference.as_deref() != Some(reference) {
        return Err(refusal::already_paid());
    }
    transaction.commit().await?;
    Ok(AppJson(PayAnswer {
        message: "Payout recorded",
        payout,
    }))
}
