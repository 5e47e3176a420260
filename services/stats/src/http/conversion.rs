//! How many who begin also pay: `/conversion`.

use std::sync::Arc;

use axum::extract::State as Shared;
use serde_json::{Value, json};
use urr_kit::{extract::AppQuery, identity::Admin};

use super::{Answer, DaysQuery, answer};
use crate::{
    State,
    domain::figures::percent,
    store::days::{self, Started},
};

/// `GET /api/stats/conversion`: of the reservations begun in the window. Each is completed
/// (whatever came after payment), ended unpaid (`cancelled`) or pending.
pub(super) async fn conversion(
    Shared(state): Shared<Arc<State>>,
    _: Admin,
    AppQuery(query): AppQuery<DaysQuery>,
) -> Answer {
    let days = days::started(&state.pool, query.since_month(&state)).await?;
    let sum = |figure: fn(&Started) -> i64| days.iter().map(figure).sum::<i64>();
    let total = sum(|day| day.total);
    let completed = sum(|day| day.completed);
    let ended = sum(|day| day.ended);
    let pending = total - completed - ended;
    Ok(answer(json!({
        "funnel": {
            "total_started": total,
            "completed": completed,
            "cancelled": ended,
            "pending": pending,
        },
        "rates": {
            "conversion_rate": percent(completed, total),
            "cancellation_rate": percent(ended, total),
            "pending_rate": percent(pending, total),
        },
        "dailyTrend": days.iter().map(day).collect::<Vec<_>>(),
    })))
}

fn day(day: &Started) -> Value {
    json!({
        "date": day.date.to_jiff().to_string(),
        "total": day.total,
        "completed": day.completed,
        "conversion_rate": percent(day.completed, day.total),
    })
}
