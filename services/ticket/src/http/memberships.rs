//! Memberships of the person who asks.

use std::sync::Arc;

use axum::extract::State as Shared;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use urr_contract::{ArtistId, MembershipId, Won};
use urr_kit::{
    ApiResult,
    extract::{AppJson, AppPath},
    identity::User,
    openapi::{OpenApiRouter, routes},
};
use utoipa::ToSchema;

use crate::{
    State,
    domain::membership::{Benefits, Standing, Tier},
    membership, refusal,
    store::{
        memberships,
        memberships::{MembershipRow, PointRow},
    },
};

pub(super) fn routes() -> OpenApiRouter<Arc<State>> {
    OpenApiRouter::default()
        .routes(routes!(subscribe))
        .routes(routes!(my))
        .routes(routes!(my_of_artist))
        .routes(routes!(benefits))
}

/// Of whom somebody wants to be a member.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Subscribe)]
struct SubscribeBody {
    /// The artist.
    artist_id: ArtistId,
}

/// A membership that waits to be paid.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Subscribed)]
struct SubscribeAnswer {
    /// The membership: `referenceId` of its payment.
    membership_id: MembershipId,
    /// The artist.
    artist_id: ArtistId,
    /// The artist's name.
    artist_name: String,
    /// What it costs, in won.
    price: Won,
    /// Where it stands.
    status: &'static str,
}

/// Asks for a membership of an artist. It begins when it is paid.
#[utoipa::path(
    post,
    path = "/api/memberships/subscribe",
    operation_id = "subscribe",
    tag = "Memberships",
    request_body = SubscribeBody,
    security(("bearer" = [])),
    responses(
        (status = 201, description = "To be paid.", body = SubscribeAnswer),
        (status = 404, description = "`ARTIST_NOT_FOUND`: there is no such artist."),
        (status = 409, description = "`ALREADY_MEMBER`: there is an active one."),
        (status = 503, description = "`REQUEST_IN_PROGRESS`: the same is being asked for at this moment."),
    )
)]
async fn subscribe(
    user: User,
    Shared(state): Shared<Arc<State>>,
    AppJson(body): AppJson<SubscribeBody>,
) -> ApiResult<(StatusCode, AppJson<SubscribeAnswer>)> {
    let subscribed = membership::subscribe(&state, user.id, body.artist_id).await?;
    let answer = SubscribeAnswer {
        membership_id: subscribed.id,
        artist_id: body.artist_id,
        artist_name: subscribed.offer.artist_name,
        price: subscribed.offer.price,
        status: "pending",
    };
    Ok((StatusCode::CREATED, AppJson(answer)))
}

/// A membership with what it is worth at the time of the answer.
#[derive(Serialize, ToSchema)]
#[schema(as = Membership)]
struct Shown {
    #[serde(flatten)]
    row: MembershipRow,
    /// The tier that counts now.
    effective_tier: Tier,
}

impl From<MembershipRow> for Shown {
    fn from(mut row: MembershipRow) -> Self {
        let standing = Standing::at(&row.status, row.expires_at.time(), row.now.time());
        standing.as_str().clone_into(&mut row.status);
        Self {
            effective_tier: standing.tier(row.points),
            row,
        }
    }
}

/// One's memberships.
#[derive(Serialize, ToSchema)]
#[schema(as = MyMemberships)]
struct MyAnswer {
    /// The memberships.
    memberships: Vec<Shown>,
}

/// One's own memberships.
#[utoipa::path(
    get,
    path = "/api/memberships/my",
    operation_id = "listMyMemberships",
    tag = "Memberships",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The memberships.", body = MyAnswer),
    )
)]
async fn my(user: User, Shared(state): Shared<Arc<State>>) -> ApiResult<AppJson<MyAnswer>> {
    let rows = memberships::of_person(&state.pool, user.id, None).await?;
    Ok(AppJson(MyAnswer {
        memberships: rows.into_iter().map(Shown::from).collect(),
    }))
}

/// One membership.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = MembershipDetail)]
struct ArtistAnswer {
    /// The membership.
    membership: Shown,
    /// The points that made its tier, the newest first.
    point_history: Vec<PointRow>,
    /// What the membership is worth.
    benefits: Benefits,
}

/// What the artist's page shows: a membership, or that there is none.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = MembershipOfArtist)]
enum OfArtistAnswer {
    Member(Box<ArtistAnswer>),
    Stranger(StrangerAnswer),
}

/// What the artist's page shows where there is no membership.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = NoMembership)]
struct StrangerAnswer {
    /// An object without fields.
    membership: NoMembership,
    /// Always empty.
    point_history: [PointRow; 0],
    /// The tier that counts now.
    tier: Tier,
}

/// An object without fields, as clients look for it.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Nothing)]
struct NoMembership {}

/// One's own membership of an artist, with the points that made its tier.
#[utoipa::path(
    get,
    path = "/api/memberships/my/{artist}",
    operation_id = "getMyMembership",
    tag = "Memberships",
    params(("artist" = ArtistId, Path)),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The membership, or that there is none.", body = OfArtistAnswer),
    )
)]
async fn my_of_artist(
    user: User,
    Shared(state): Shared<Arc<State>>,
    AppPath(artist): AppPath<ArtistId>,
) -> ApiResult<AppJson<OfArtistAnswer>> {
    let mut rows = memberships::of_person(&state.pool, user.id, Some(artist)).await?;
    let Some(row) = rows.pop() else {
        return Ok(AppJson(OfArtistAnswer::Stranger(StrangerAnswer {
            membership: NoMembership {},
            point_history: [],
            tier: Tier::Bronze,
        })));
    };
    let membership = Shown::from(row);
    let answer = ArtistAnswer {
        benefits: membership.effective_tier.benefits(),
        membership,
        point_history: memberships::history(&state.pool, user.id, artist).await?,
    };
    Ok(AppJson(OfArtistAnswer::Member(Box::new(answer))))
}

/// What a membership of an artist is worth.
#[derive(Serialize, ToSchema)]
#[schema(as = BenefitsOfArtist)]
struct BenefitsAnswer {
    #[serde(flatten)]
    benefits: Benefits,
    /// The tier that counts now.
    tier: Tier,
    /// What a year costs. Beside the rest in the style of rows, as clients look for it.
    membership_price: Won,
}

/// What one's tier at an artist is worth.
#[utoipa::path(
    get,
    path = "/api/memberships/benefits/{artist}",
    operation_id = "getBenefits",
    tag = "Memberships",
    params(("artist" = ArtistId, Path)),
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The benefits.", body = BenefitsAnswer),
        (status = 404, description = "`ARTIST_NOT_FOUND`: there is no such artist."),
    )
)]
async fn benefits(
    user: User,
    Shared(state): Shared<Arc<State>>,
    AppPath(artist): AppPath<ArtistId>,
) -> ApiResult<AppJson<BenefitsAnswer>> {
    let mut connection = state.pool.acquire().await?;
    let offer = memberships::offer(&mut connection, artist)
        .await?
        .ok_or_else(refusal::artist_not_found)?;
    let tier = memberships::tier(&mut connection, user.id, artist).await?;
    Ok(AppJson(BenefitsAnswer {
        benefits: tier.benefits(),
        tier,
        membership_price: offer.price,
    }))
}
