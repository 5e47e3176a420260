//! What sellers of resold tickets are owed. The money is sent by hand; that it was is
//! written down once, with a reference.

use std::sync::Arc;

use axum::extract::State as Shared;
use serde::{Deserialize, Serialize};
use urr_contract::{TransferId, UserId, Won};
use urr_kit::{
    ApiResult,
    extract::{AppJson, AppPath, AppQuery},
    identity::Admin,
    openapi::{OpenApiRouter, routes},
    page::{Page, PageQuery, Pagination},
};
use utoipa::{IntoParams, ToSchema};

use super::audit::{Act, audited};
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

pub(super) fn routes() -> OpenApiRouter<Arc<State>> {
    let act = Act {
        action: "PAY_SELLER",
        resource_type: "payout",
    };
    OpenApiRouter::default()
        .routes(routes!(list))
        .routes(audited(act, routes!(pay)))
}

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Status {
    /// Still owed.
    Due,
    /// Given.
    Paid,
}

#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// Only those still owed, or only paid ones.
    #[param(inline)]
    status: Option<Status>,
    /// Only of this seller.
    seller_id: Option<UserId>,
    /// Page, from 1. What is out of range is pulled into it.
    page: Option<i64>,
    /// Rows a page, 50 where not said, 200 at most.
    limit: Option<i64>,
}

/// What sellers are owed or were given.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Payouts)]
struct ListAnswer {
    /// The payouts.
    payouts: Vec<PayoutRow>,
    /// Won of all pages together.
    total_amount: Won,
    /// Which part of all this is.
    pagination: Pagination,
}

/// What sellers of resold tickets are owed, or were given.
#[utoipa::path(
    get,
    path = "/api/admin/payouts",
    operation_id = "listPayouts",
    tag = "Administration",
    params(ListQuery),
    security(("bearer" = ["admin"])),
    responses(
        (status = 200, description = "The payouts.", body = ListAnswer),
    )
)]
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

/// That a seller was given the money.
#[derive(Deserialize, ToSchema)]
#[schema(as = RecordPayout)]
struct PayBody {
    /// The transfer's reference at the bank.
    #[schema(min_length = 1, max_length = 100)]
    reference: String,
}

/// The answer to a payout.
#[derive(Serialize, ToSchema)]
#[schema(as = PayoutRecorded)]
struct PayAnswer {
    /// What was done, for people.
    message: &'static str,
    /// The payout.
    payout: PayoutRow,
}

/// Writes down that a seller was paid. Told twice it is the same.
#[utoipa::path(
    post,
    path = "/api/admin/payouts/{transfer}/paid",
    operation_id = "recordPayout",
    tag = "Administration",
    params(("transfer" = TransferId, Path)),
    request_body = PayBody,
    security(("bearer" = ["admin"])),
    responses(
        (status = 200, description = "Written down.", body = PayAnswer),
        (status = 400, description = "`INVALID_REFERENCE`: empty or too long."),
        (status = 404, description = "`PAYOUT_NOT_FOUND`: nothing is owed for this listing."),
        (status = 409, description = "`PAYOUT_PAID`: it was written down with another reference."),
    )
)]
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
