//! Artists: list and detail.

use std::sync::Arc;

use axum::{Router, extract::State as Shared, routing::get};
use serde::Serialize;
use urr_contract::ArtistId;
use urr_kit::{
    ApiResult,
    extract::{AppJson, AppPath, AppQuery},
    page::{Page, PageQuery, Pagination},
};

use crate::{
    State,
    domain::presale::PresaleSchedule,
    refusal,
    store::{
        artists,
        artists::{ArtistEventRow, ArtistListRow, ArtistRow},
    },
};

const DEFAULT_LIMIT: i64 = 50;
const MAX_LIMIT: i64 = 100;

pub(super) fn routes() -> Router<Arc<State>> {
    Router::new()
        .route("/api/artists", get(list))
        .route("/api/artists/{artist}", get(detail))
}

#[derive(Serialize)]
struct ListAnswer {
    artists: Vec<ArtistListRow>,
    pagination: Pagination,
}

async fn list(
    Shared(state): Shared<Arc<State>>,
    AppQuery(query): AppQuery<PageQuery>,
) -> ApiResult<AppJson<ListAnswer>> {
    let page = Page::new(query, DEFAULT_LIMIT, MAX_LIMIT);
    let (artists, total) = artists::list(&state.pool, page.limit(), page.offset()).await?;
    Ok(AppJson(ListAnswer {
        artists,
        pagination: page.of(total),
    }))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DetailAnswer {
    artist: ArtistRow,
    member_count: i64,
    events: Vec<ArtistEvent>,
}

#[derive(Serialize)]
struct ArtistEvent {
    #[serde(flatten)]
    row: ArtistEventRow,
    #[serde(skip_serializing_if = "Option::is_none")]
    pre_sale_schedule: Option<PresaleSchedule>,
}

impl From<ArtistEventRow> for ArtistEvent {
    fn from(row: ArtistEventRow) -> Self {
        Self {
            pre_sale_schedule: row.presale(),
            row,
        }
    }
}

async fn detail(
    Shared(state): Shared<Arc<State>>,
    AppPath(id): AppPath<ArtistId>,
) -> ApiResult<AppJson<DetailAnswer>> {
    let (artist, member_count) = artists::find(&state.pool, id)
        .await?
        .ok_or_else(refusal::artist_not_found)?;
    let events = artists::events(&state.pool, id).await?;
    Ok(AppJson(DetailAnswer {
        artist,
        member_count,
        events: events.into_iter().map(ArtistEvent::from).collect(),
    }))
}
