//! Memberships of the person who asks.

use std::sync::Arc;

use axum::{
    Router,
    extract::State as Shared,
    routing::{get, post},
};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use urr_contract::{ArtistId, MembershipId, Won};
use urr_kit::{
    ApiError, ApiResult,
    extract::{AppJson, AppPath},
    identity::User,
};

use crate::{
    State,
    domain::membership::{Benefits, Standing, Tier},
    membership, refusal,
    store::{
        memberships,
        memberships::{MembershipRow, PointRow},
    },
};

pub(super) fn routes() -> Router<Arc<State>> {
    Router::new()
        .route("/api/memberships/subscribe", post(subscribe))
        .route("/api/memberships/my", get(my))
        .route("/api/memberships/my/{artist}", get(my_of_artist))
        .route("/api/memberships/benefits/{artist}", get(benefits))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SubscribeBody {
    artist_id: ArtistId,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SubscribeAnswer {
    membership_id: MembershipId,
    artist_id: ArtistId,
    artist_name: String,
    price: Won,
    status: &'static str,
}

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
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    row: MembershipRow,
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

#[derive(Serialize)]
struct MyAnswer {
    memberships: Vec<Shown>,
}

async fn my(user: User, Shared(state): Shared<Arc<State>>) -> ApiResult<AppJson<MyAnswer>> {
    let rows = memberships::of_person(&state.pool, user.id, None).await?;
    Ok(AppJson(MyAnswer {
        memberships: rows.into_iter().map(Shown::from).collect(),
    }))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ArtistAnswer {
    membership: Shown,
    point_history: Vec<PointRow>,
    benefits: Benefits,
}

async fn my_of_artist(
    user: User,
    Shared(state): Shared<Arc<State>>,
    AppPath(artist): AppPath<ArtistId>,
) -> ApiResult<AppJson<Value>> {
    let mut rows = memberships::of_person(&state.pool, user.id, Some(artist)).await?;
    let Some(row) = rows.pop() else {
        let none = json!({"membership": {}, "pointHistory": [], "tier": Tier::Bronze});
        return Ok(AppJson(none));
    };
    let membership = Shown::from(row);
    let answer = ArtistAnswer {
        benefits: membership.effective_tier.benefits(),
        membership,
        point_history: memberships::history(&state.pool, user.id, artist).await?,
    };
    serde_json::to_value(answer)
        .map(AppJson)
        .map_err(ApiError::internal)
}

#[derive(Serialize)]
struct BenefitsAnswer {
    #[serde(flatten)]
    benefits: Benefits,
    tier: Tier,
    /// What a year costs. Beside the rest in the style of rows, as clients look for it.
    membership_price: Won,
}

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
