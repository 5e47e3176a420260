//! How well the sale works: `/performance`.

use std::sync::Arc;

use axum::extract::State as Shared;
use jiff::SignedDuration;
use serde_json::{Value, json};
use urr_kit::{ApiResult, identity::Admin};

use super::{Answer, DaysQuery, answer};
use crate::{
    State,
    domain::figures::{average, percent, two_decimals},
    store::{
        events, hours,
        live::{self, Stored},
    },
};

/// What counts as recent.
const RECENT: SignedDuration = SignedDuration::from_hours(24);
/// Days whose hours make the pattern.
const PATTERN_DAYS: i64 = 7;

/// `GET /api/stats/performance`: requests are holds, and succeed when they are paid.
pub(super) async fn performance(Shared(state): Shared<Arc<State>>, _: Admin) -> Answer {
    let stored = live::stored(&state.pool).await?;
    let recent = live::recent(&state.pool, state.now() - RECENT).await?;
    let since = DaysQuery { days: None }.since(&state, PATTERN_DAYS, PATTERN_DAYS);
    let hours = hours::since(&state.pool, since, state.zone_name()).await?;
    let pattern: Vec<Value> = hours
        .iter()
        .map(|hour| {
            json!({
                "hour": hour.hour,
                "request_count": hour.reservations,
                "avg_per_day": average(hour.reservations, PATTERN_DAYS),
            })
        })
        .collect();
    Ok(answer(json!({
        "database": {
            "size": stored.size,
            "sizeBytes": stored.bytes,
            "tableCounts": table_counts(&state, &stored).await?,
        },
        "recentPerformance": {
            "successRate": percent(recent.confirmed, recent.reservations),
            "totalRequests": recent.reservations,
        },
        "metrics": {
            "avgSeatLockSeconds": two_decimals(recent.hold_seconds),
            "paymentFailureRate": percent(recent.rejected, recent.confirmed + recent.rejected),
        },
        "loadPattern": pattern,
    })))
}

async fn table_counts(state: &State, stored: &Stored) -> ApiResult<Value> {
    let ids = events::ids(&state.pool).await?;
    let summaries = state.events.summaries(&ids).await;
    let seats: i64 = summaries.values().map(|event| event.total_seats).sum();
    let accounts = state.accounts.counts().await;
    Ok(json!({
        "users": accounts.map_or(0, |counts| counts.users + counts.admins),
        "events": ids.len(),
        "reservations": stored.reservations,
        "seats": seats,
        "payments": stored.payments,
    }))
}
