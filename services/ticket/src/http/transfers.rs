//! Tickets that people sell on: list, withdraw, look around.

use std::sync::Arc;

use axum::extract::State as Shared;
use serde::{Deserialize, Serialize};
use urr_contract::{ArtistId, ReservationId, TransferId};
use urr_kit::{
    ApiError, ApiResult,
    extract::{AppJson, AppPath, AppQuery},
    identity::User,
    openapi::{OpenApiRouter, routes},
    page::{Page, PageQuery, Pagination},
};
use utoipa::{IntoParams, ToSchema};

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

pub(super) fn routes() -> OpenApiRouter<Arc<State>> {
    OpenApiRouter::default()
        .routes(routes!(list, create))
        .routes(routes!(my))
        .routes(routes!(detail))
        .routes(routes!(cancel))
}

/// What is to be sold on.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ListTransfer)]
struct CreateBody {
    /// The reservation.
    reservation_id: ReservationId,
}

/// The answer to a listing.
#[derive(Serialize, ToSchema)]
#[schema(as = TransferListed)]
struct CreateAnswer {
    /// The listing.
    transfer: TransferRow,
    /// What was done, for people.
    message: &'static str,
}

/// Offers a ticket to other members of the artist, at face value plus the fee.
#[utoipa::path(
    post,
    path = "/api/transfers",
    operation_id = "listTransfer",
    tag = "Transfers",
    request_body = CreateBody,
    security(("bearer" = [])),
    responses(
        (status = 200, description = "Listed.", body = CreateAnswer),
        (status = 400, description = "`NOT_CONFIRMED`: unpaid or ended."),
        (status = 403, description = "`NOT_YOUR_RESERVATION`: somebody else's. `MEMBERSHIP_REQUIRED`: only members of the artist may sell."),
        (status = 404, description = "`RESERVATION_NOT_FOUND`: there is no such reservation."),
        (status = 409, description = "`ALREADY_LISTED`: it is for sale. `EVENT_OVER`: too late. `TICKET_USED`: somebody came in on it."),
        (status = 503, description = "`REQUEST_IN_PROGRESS`: something else is done with it at this moment."),
    )
)]
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

#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// Only tickets of this artist.
    #[param(value_type = Option<ArtistId>)]
    artist_id: Option<String>,
    /// Page, from 1. What is out of range is pulled into it.
    page: Option<i64>,
    /// Rows a page, 20 where not said, 100 at most.
    limit: Option<i64>,
}

/// Listings.
#[derive(Serialize, ToSchema)]
#[schema(as = TransferList)]
struct ListAnswer {
    /// The listings.
    transfers: Vec<ListedRow>,
    /// Which part of all this is.
    pagination: Pagination,
}

/// Tickets for sale, newest first.
#[utoipa::path(
    get,
    path = "/api/transfers",
    operation_id = "listTransfers",
    tag = "Transfers",
    params(ListQuery),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The listings.", body = ListAnswer),
    )
)]
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

/// One's listings.
#[derive(Serialize, ToSchema)]
#[schema(as = MyTransfers)]
struct MyAnswer {
    /// The listings.
    transfers: Vec<ListedRow>,
}

/// One's own listings, newest first.
#[utoipa::path(
    get,
    path = "/api/transfers/my",
    operation_id = "listMyTransfers",
    tag = "Transfers",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The listings.", body = MyAnswer),
    )
)]
async fn my(user: User, Shared(state): Shared<Arc<State>>) -> ApiResult<AppJson<MyAnswer>> {
    let transfers = transfers::list(&state.pool, Wanted::Of(user.id), MY_LIMIT, 0).await?;
    Ok(AppJson(MyAnswer { transfers }))
}

/// One listing.
#[derive(Serialize, ToSchema)]
#[schema(as = TransferAnswer)]
struct DetailAnswer {
    /// The listing.
    transfer: ListedRow,
}

/// One listing.
#[utoipa::path(
    get,
    path = "/api/transfers/{transfer}",
    operation_id = "getTransfer",
    tag = "Transfers",
    params(("transfer" = TransferId, Path)),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The listing.", body = DetailAnswer),
        (status = 404, description = "`TRANSFER_NOT_FOUND`: there is no such listing."),
    )
)]
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

/// The answer to a withdrawal.
#[derive(Serialize, ToSchema)]
#[schema(as = TransferCancelled)]
struct CancelAnswer {
    /// What was done, for people.
    message: &'static str,
}

/// Takes a listing of one's own off the market.
#[utoipa::path(
    post,
    path = "/api/transfers/{transfer}/cancel",
    operation_id = "cancelTransfer",
    tag = "Transfers",
    params(("transfer" = TransferId, Path)),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "It is off.", body = CancelAnswer),
        (status = 400, description = "`NOT_LISTED`: sold or withdrawn before."),
        (status = 403, description = "`NOT_YOUR_LISTING`: somebody else's."),
        (status = 404, description = "`TRANSFER_NOT_FOUND`: there is no such listing."),
        (status = 409, description = "`OTHER_BUYER`: somebody is paying for it."),
        (status = 503, description = "`REQUEST_IN_PROGRESS`: something else is done with it at this moment."),
    )
)]
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
