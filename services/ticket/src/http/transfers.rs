//! Tickets that people sell on: list, withdraw, look around.

use std::sync::Arc;

use axum::{
    Router,
    extract::State as Shared,
    routing::{get, post},
};
use serde::{Deserialize, Serialize};
use urr_contract::{ArtistId, ReservationId, TransferId};
use urr_kit::{
    ApiError, ApiResult,
    extract::{AppJson, AppPath, AppQuery},
    identity::User,
    page::{Page, PageQuery, Pagination},
};

use crate::{
    State, refusal,
    resale::listing,
    store::{
        transfers,
        transfers::{ListedRow, TransferRow, Wanted},
    },
};

const DEFAULT_LIMIT: i64 = 20;
const MAX_LIMIT: i64 = 100;
/// Listings in the seller's own list.
const MY_LIMIT: i64 = 1_000;

pub(super) fn routes() -> Router<Arc<State>> {
    Router::new()
        .route("/api/transfers", get(list).post(create))
        .route("/api/transfers/my", get(my))
        .route("/api/transfers/{transfer}", get(detail))
        .route("/api/transfers/{transfer}/cancel", post(cancel))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreateBody {
    reservation_id: ReservationId,
}

#[derive(Serialize)]
struct CreateAnswer {
    transfer: TransferRow,
    message: &'static str,
}

async fn create(
    user: User,
    Shared(state): Shared<Arc<State>>,
    AppJson(body): AppJson<CreateBody>,
) -> ApiResult<AppJson<CreateAnswer>> {
    let transfer = listing::list(&state, body.reservation_id, user.id).await?;
    Ok(AppJson(CreateAnswer {
        transfer,
        message: "Transfer listed successfully",
    }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListQuery {
    artist_id: Option<String>,
    page: Option<i64>,
    limit: Option<i64>,
}

#[derive(Serialize)]
struct ListAnswer {
    transfers: Vec<ListedRow>,
    pagination: Pagination,
}

async fn list(
    _: User,
    Shared(state): Shared<Arc<State>>,
    AppQuery(query): AppQuery<ListQuery>,
) -> ApiResult<AppJson<ListAnswer>> {
    let ListQuery {
        artist_id,
        page,
        limit,
    } = query;
    let page = Page::new(PageQuery { page, limit }, DEFAULT_LIMIT, MAX_LIMIT);
    let artist = artist_filter(artist_id.as_deref())?;
    let total = transfers::count_for_sale(&state.pool, artist).await?;
    let wanted = Wanted::ForSale(artist);
    let transfers = transfers::list(&state.pool, wanted, page.limit(), page.offset()).await?;
    Ok(AppJson(ListAnswer {
        transfers,
        pagination: page.of(total),
    }))
}

/// Blank is no filter.
fn artist_filter(text: Option<&str>) -> ApiResult<Option<ArtistId>> {
    text.map(str::trim)
        .filter(|text| !text.is_empty())
        .map(str::parse)
        .transpose()
        .map_err(|_| ApiError::bad_request("INVALID_QUERY", "artistId must be a UUID"))
}

#[derive(Serialize)]
struct MyAnswer {
    transfers: Vec<ListedRow>,
}

async fn my(user: User, Shared(state): Shared<Arc<State>>) -> ApiResult<AppJson<MyAnswer>> {
    let transfers = transfers::list(&state.pool, Wanted::Of(user.id), MY_LIMIT, 0).await?;
    Ok(AppJson(MyAnswer { transfers }))
}

#[derive(Serialize)]
struct DetailAnswer {
    transfer: ListedRow,
}

async fn detail(
    _: User,
    Shared(state): Shared<Arc<State>>,
    AppPath(id): AppPath<TransferId>,
) -> ApiResult<AppJson<DetailAnswer>> {
    let found = transfers::list(&state.pool, Wanted::One(id), 1, 0).await?;
    let transfer = found.into_iter().next();
    Ok(AppJson(DetailAnswer {
        transfer: transfer.ok_or_else(refusal::transfer_not_found)?,
    }))
}

#[derive(Serialize)]
struct CancelAnswer {
    message: &'static str,
}

async fn cancel(
    user: User,
    Shared(state): Shared<Arc<State>>,
    AppPath(id): AppPath<TransferId>,
) -> ApiResult<AppJson<CancelAnswer>> {
    listing::withdraw(&state, id, user.id).await?;
    Ok(AppJson(CancelAnswer {
        message: "Transfer cancelled",
    }))
}
