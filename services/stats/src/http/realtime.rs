//! What is going on: `/realtime`.

use std::sync::Arc;

use axum::extract::State as Shared;
use jiff::SignedDuration;
use serde_json::{Value, json};
use urr_contract::EventId;
use urr_kit::identity::Admin;

use super::{Answer, answer, events::title_of};
use crate::{
    State,
    store::{events, live},
};

/// No hold lives longer, paying included.
const LONGEST_HOLD: SignedDuration = SignedDuration::from_hours(1);
/// Who did something so long ago is active.
const ACTIVE: SignedDuration = SignedDuration::from_mins(5);
const LAST_HOUR: SignedDuration = SignedDuration::from_hours(1);
/// What counts as a trend.
const TREND: SignedDuration = SignedDuration::from_hours(24);

/// `GET /api/stats/realtime`
pub(super) async fn realtime(Shared(state): Shared<Arc<State>>, _: Admin) -> Answer {
    let now = state.now();
    let current = live::now(&state.pool, now - LONGEST_HOLD, now - ACTIVE).await?;
    let last_hour = live::recent(&state.pool, now - LAST_HOUR).await?;
    let trending = events::trending(&state.pool, now - TREND).await?;
    let ids: Vec<EventId> = trending.iter().map(|event| event.id).collect();
    let summaries = state.events.summaries(&ids).await;
    let trending: Vec<Value> = trending
        .iter()
        .map(|event| {
            json!({
                "id": event.id,
                "event_id": event.id,
                "title": title_of(event.id, summaries.get(&event.id)),
                "recent_reservations": event.reservations,
                "reservations": event.reservations,
            })
        })
        .collect();
    Ok(answer(json!({
        "current": {
            "locked_seats": current.held_seats,
            "active_payments": current.payments,
            "active_users": current.users,
        },
        "lastHour": {"reservations": last_hour.reservations, "revenue": last_hour.revenue},
        "recentActivity": [],
        "trendingEvents": trending,
    })))
}
