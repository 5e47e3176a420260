//! Which seats are liked: `/seat-preferences`.
//!
//! Facts tell how many seats were sold and for how much, not where they are. So there is
//! one section that stands for all of them, seats by price without their total number, and
//! no rows.

use std::sync::Arc;

use axum::extract::State as Shared;
use serde::Deserialize;
use serde_json::{Value, json};
use urr_contract::{EventId, Won};
use urr_kit::{ApiResult, extract::AppQuery, identity::Admin};

use super::{Answer, answer};
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
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SeatsQuery {
    event_id: Option<EventId>,
}

/// `GET /api/stats/seat-preferences`
pub(super) async fn preferences(
    Shared(state): Shared<Arc<State>>,
    _: Admin,
    AppQuery(query): AppQuery<SeatsQuery>,
) -> Answer {
    let sold = prices::sold(&state.pool, query.event_id).await?;
    let tiers = Tier::ALL.map(|tier| tier_row(tier, &sold));
    Ok(answer(json!({
        "bySection": sections(&state, query.event_id, &sold).await?,
        "byPriceTier": tiers.into_iter().flatten().collect::<Vec<_>>(),
        "topRows": [],
    })))
}

/// One section for all seats; none where nothing was sold.
async fn sections(state: &State, event: Option<EventId>, sold: &[Sold]) -> ApiResult<Vec<Value>> {
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
    Ok(vec![json!({
        "section": "ALL",
        "total_seats": total,
        "reserved_seats": reserved,
        "reservation_rate": percent(reserved, total),
    })])
}

/// The seats sold in one tier, judged by what a seat cost on average; none where none was.
fn tier_row(tier: Tier, sold: &[Sold]) -> Option<Value> {
    let of_tier = |sold: &&Sold| Tier::of(Won(sold.amount / sold.seats)) == tier;
    let reserved = seats(sold.iter().filter(of_tier));
    let amount = sold
        .iter()
        .filter(of_tier)
        .map(|sold| sold.amount * sold.reservations)
        .sum();
    (reserved > 0).then(|| {
        json!({
            "price_tier": tier.name(),
            "tier": tier.name(),
            "total_seats": 0,
            "reserved_seats": reserved,
            "reservation_rate": 0.0,
            "avg_price": average(amount, reserved),
        })
    })
}

fn seats<'a>(sold: impl Iterator<Item = &'a Sold>) -> i64 {
    sold.map(|sold| sold.seats * sold.reservations).sum()
}
