//! When people come: `/hourly-traffic`.

use std::sync::Arc;

use axum::extract::State as Shared;
use serde_json::{Value, json};
use urr_kit::{extract::AppQuery, identity::Admin};

use super::{Answer, DaysQuery, answer};
use crate::{
    State,
    domain::figures::average,
    store::hours::{self, DayType, Hour},
};

/// `GET /api/stats/hourly-traffic`
pub(super) async fn hourly(
    Shared(state): Shared<Arc<State>>,
    _: Admin,
    AppQuery(query): AppQuery<DaysQuery>,
) -> Answer {
    let since = query.since(&state, 7, 90);
    let hours = hours::since(&state.pool, since, state.zone_name()).await?;
    let types = hours::day_types(&state.pool, since).await?;
    Ok(answer(json!({
        "hourly": hours.iter().map(hour).collect::<Vec<_>>(),
        "weekdayComparison": types.iter().map(day_type).collect::<Vec<_>>(),
        "peakHour": peak(&hours),
    })))
}

fn hour(hour: &Hour) -> Value {
    json!({
        "hour": hour.hour,
        "total_reservations": hour.reservations,
        "reservations": hour.reservations,
        "confirmed": hour.confirmed,
        "cancelled": hour.cancelled,
        "revenue": hour.revenue,
    })
}

fn day_type(days: &DayType) -> Value {
    json!({
        "day_type": if days.weekend { "weekend" } else { "weekday" },
        "reservations": days.reservations,
        "avg_amount": average(days.amount, days.confirmed),
    })
}

/// The hour with the most holds, the earlier of two.
fn peak(hours: &[Hour]) -> Value {
    let peak = hours
        .iter()
        .rev()
        .max_by_key(|hour| hour.reservations)
        .map_or((0, 0), |hour| (hour.hour, hour.reservations));
    json!({"hour": peak.0, "reservations": peak.1})
}
