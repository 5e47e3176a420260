//! Days and what they brought: `/daily`, `/revenue`.

use std::sync::Arc;

use axum::extract::State as Shared;
use serde::Deserialize;
use serde_json::{Value, json};
use urr_kit::{extract::AppQuery, identity::Admin};

use super::{Answer, DaysQuery, answer};
use crate::{
    State,
    domain::{days::Period, figures::average},
    store::days,
};

/// `GET /api/stats/daily`
pub(super) async fn daily(
    Shared(state): Shared<Arc<State>>,
    _: Admin,
    AppQuery(query): AppQuery<DaysQuery>,
) -> Answer {
    let days = days::since(&state.pool, query.since_month(&state)).await?;
    let rows = days.iter().map(|day| {
        json!({
            "date": day.date.to_jiff().to_string(),
            "reservations": day.reservations,
            "total_reservations": day.reservations,
            "confirmed": day.confirmed,
            "cancelled": day.cancelled,
            "revenue": day.revenue,
            "total_revenue": day.revenue,
        })
    });
    Ok(answer(rows.collect()))
}

/// `?period=&days=`
#[derive(Deserialize)]
pub(super) struct RevenueQuery {
    period: Option<String>,
    days: Option<i64>,
}

/// `GET /api/stats/revenue`
pub(super) async fn revenue(
    Shared(state): Shared<Arc<State>>,
    _: Admin,
    AppQuery(query): AppQuery<RevenueQuery>,
) -> Answer {
    let period = Period::parse(query.period.as_deref());
    let since = DaysQuery { days: query.days }.since_month(&state);
    let rows: Vec<Value> = days::revenue(&state.pool, period.unit(), since)
        .await?
        .iter()
        .map(|row| {
            json!({
                "period": row.period.to_jiff().to_string(),
                "payment_count": row.payments,
                "total_revenue": row.revenue,
                "revenue": row.revenue,
                "average_amount": average(row.revenue, row.payments),
            })
        })
        .collect();
    Ok(answer(Value::Array(rows)))
}
