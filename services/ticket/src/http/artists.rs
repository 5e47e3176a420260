//! Artists: list and detail; administrators have them looked up.

use std::sync::Arc;

use axum::extract::State as Shared;
use serde::Serialize;
use urr_contract::ArtistId;
use urr_kit::{
    ApiResult,
    extract::{AppJson, AppPath, AppQuery},
    identity::Admin,
    openapi::{OpenApiRouter, routes},
    page::{Page, PageQuery, Pagination},
};
use utoipa::ToSchema;

use super::admin::audit::{Act, audited};
use crate::{
    State,
    domain::presale::PresaleSchedule,
    enrichment::{self, Enrichment},
    refusal,
    store::{
        artists,
        artists::{ArtistEventRow, ArtistListRow, ArtistRow},
    },
};

const ENRICH: Act = Act {
    action: "ENRICH_ARTISTS",
    resource_type: "artist",
};
const DEFAULT_LIMIT: i64 = 50;
const MAX_LIMIT: i64 = 100;

pub(super) fn routes() -> OpenApiRouter<Arc<State>> {
    OpenApiRouter::default()
        .routes(audited(ENRICH, routes!(enrich)))
        .routes(routes!(list))
        .routes(routes!(detail))
}

/// Artists.
#[derive(Serialize, ToSchema)]
#[schema(as = ArtistList)]
struct ListAnswer {
    /// The artists.
    artists: Vec<ArtistListRow>,
    /// Which part of all this is.
    pagination: Pagination,
}

/// Artists by name.
#[utoipa::path(
    get,
    path = "/api/artists",
    operation_id = "listArtists",
    tag = "Artists",
    params(PageQuery),
    responses(
        (status = 200, description = "The artists.", body = ListAnswer),
    )
)]
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

/// An artist's page.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ArtistDetail)]
struct DetailAnswer {
    /// The artist.
    artist: ArtistRow,
    /// How many members there are.
    member_count: i64,
    /// Events of the artist.
    events: Vec<ArtistEvent>,
}

/// An event of an artist.
#[derive(Serialize, ToSchema)]
struct ArtistEvent {
    #[serde(flatten)]
    row: ArtistEventRow,
    /// When which tier buys; null where nobody buys before others.
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

/// One artist with their events.
#[utoipa::path(
    get,
    path = "/api/artists/{artist}",
    operation_id = "getArtist",
    tag = "Artists",
    params(("artist" = ArtistId, Path)),
    responses(
        (status = 200, description = "The artist.", body = DetailAnswer),
        (status = 404, description = "`ARTIST_NOT_FOUND`: there is no such artist."),
    )
)]
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

/// What a run came to.
#[derive(Serialize, ToSchema)]
#[schema(as = ArtistsEnriched)]
struct EnrichAnswer {
    /// How it ended, for people.
    #[schema(example = "Artist enrichment complete")]
    message: String,
    /// Artists of whom something was found.
    enriched: u64,
    /// Artists who were looked up. Absent where nobody was.
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<u64>,
}

/// Fetches pictures and genres of artists who have none from Spotify.
///
/// Needs an account there (`SPOTIFY_CLIENT_ID`); without one it does nothing and says so. A
/// run ends after some seconds; the next one goes on with the others.
#[utoipa::path(
    post,
    path = "/api/artists/enrich",
    operation_id = "enrichArtists",
    tag = "Administration",
    security(("bearer" = ["admin"])),
    responses(
        (status = 200, description = "How far it came.", body = EnrichAnswer),
    )
)]
async fn enrich(_: Admin, Shared(state): Shared<Arc<State>>) -> ApiResult<AppJson<EnrichAnswer>> {
    let nothing = |message| EnrichAnswer {
        message,
        enriched: 0,
        total: None,
    };
    let answer = match enrichment::run(&state).await? {
        Enrichment::NotConfigured => nothing("Spotify credentials not configured".to_owned()),
        Enrichment::Refused(why) => nothing(format!("Spotify authentication failed: {why}")),
        Enrichment::Done {
            enriched,
            total,
            stopped,
        } => EnrichAnswer {
            message: stopped.map_or_else(
                || "Artist enrichment complete".to_owned(),
                |why| format!("Artist enrichment stopped: {why}"),
            ),
            enriched,
            total: Some(total),
        },
    };
    Ok(AppJson(answer))
}
