//! Which seats are liked: `/seat-preferences`.
//!
//! Facts tell how many seats were sold and for how much, not where they are. So there is
//! one section that stands for all of them, seats by price without their total number, and
//! no rows.

use std::sync::Arc;

use axum::extract::State as Shared;
use serde::{Deserialize, Serialize};
use urr_contract::{EventId, Won};
use urr_kit::{ApiResult, extract::AppQuery, identity::Admin};
use utoipa::{IntoParams, ToSchema};

use super::{Answer, Envelope, answer};
use crate::{
    State,
    domain::{
        figures::{average, percent},
        groups::Tier,
    },
    store::{
        events,
        prices::{self, Sold},
    },
};

/// `?eventId=`
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct SeatsQuery {
    /// Only seats of this event.
    event_id: Option<EventId>,
}

/// Which seats are liked.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SeatPreferences)]
pub(super) struct Preferences {
    by_section: Vec<SectionRow>,
    by_price_tier: Vec<TierRow>,
    /// Always empty.
    top_rows: [SectionRow; 0],
}

/// All seats, as one section.
#[derive(Serialize, ToSchema)]
#[schema(as = SeatsOfSection)]
struct SectionRow {
    /// Always `ALL`.
    section: &'static str,
    total_seats: i64,
    reserved_seats: i64,
    /// Percent.
    reservation_rate: f64,
}

/// Seats of one price tier.
#[derive(Serialize, ToSchema)]
#[schema(as = SeatsOfPriceTier)]
struct TierRow {
    price_tier: &'static str,
    /// The same as `price_tier`.
    tier: &'static str,
    /// Always 0: facts do not tell how many there are.
    total_seats: i64,
    reserved_seats: i64,
    /// Always 0.
    reservation_rate: f64,
    /// Won.
    avg_price: f64,
}

/// Which seats are liked, by price.
#[utoipa::path(
    get,
    path = "/api/stats/seat-preferences",
    operation_id = "getSeatPreferences",
    tag = "Statistics",
    params(SeatsQuery),
    security(("bearer" = ["admin"])),
    responses(
        (status = 200, description = "The figures.", body = Envelope<Preferences>),
    )
)]
pub(super) async fn preferences(
    Shared(state): Shared<Arc<State>>,
    _: Admin,
    AppQuery(query): AppQuery<SeatsQuery>,
) -> Answer<Preferences> {
    let sold = prices::sold(&state.pool, query.event_id).await?;
    let tiers = Tier::ALL.map(|tier| tier_row(tier, &sold));
    Ok(answer(Preferences {
        by_section: sections(&state, query.event_id, &sold).await?,
        by_price_tier: tiers.into_iter().flatten().collect(),
        top_rows: [],
    }))
}

/// One section for all seats; none where nothing was sold.
async fn sections(
    state: &State,
    event: Option<EventId>,
    sold: &[Sold],
) -> ApiResult<Vec<SectionRow>> {
    let reserved = seats(sold.iter());
    if reserved == 0 {
        return Ok(Vec::new());
    }
    let ids = match event {
        Some(event) => vec![event],
        None => events::ids(&state.pool).await?,
    };
    let summaries = state.events.summaries(&ids).await;
    let total = summaries.values().map(|event| event.total_seats).sum();
    Ok(vec![SectionRow {
        section: "ALL",
        total_seats: total,
        reserved_seats: reserved,
        reservation_rate: percent(reserved, total),
    }])
}

/// The seats sold in one tier, judged by what a seat cost on average; none where none was.
fn tier_row(tier: Tier, sold: &[Sold]) -> Option<TierRow> {
    let of_tier = |sold: &&Sold| Tier::of(Won(sold.amount / sold.seats)) == tier;
    let reserved = seats(sold.iter().filter(of_tier));
    let amount = sold
        .iter()
        .filter(of_tier)
        .map(|sold| sold.amount * sold.reservations)
        .sum();
    (reserved > 0).then(|| TierRow {
        price_tier: tier.name(),
        tier: tier.name(),
        total_seats: 0,
        reserved_seats: reserved,
        reservation_rate: 0.0,
        avg_price: average(amount, reserved),
    })
}

fn seats<'a>(sold: impl Iterator<Item = &'a Sold>) -> i64 {
    sold.map(|sold| sold.seats * sold.reservations).sum()
}
