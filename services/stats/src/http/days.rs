//! Days and what they brought: `/daily`, `/revenue`.

use std::sync::Arc;

use axum::extract::State as Shared;
use serde::{Deserialize, Serialize};
use urr_kit::{extract::AppQuery, identity::Admin};
use utoipa::{IntoParams, ToSchema};

use super::{Answer, DaysQuery, Envelope, answer};
use crate::{
    State,
    domain::{days::Period, figures::average},
    store::days,
};

/// One day.
#[derive(Serialize, ToSchema)]
#[schema(as = FiguresOfDay)]
pub(super) struct DayRow {
    /// The day in the time zone of the statistics, as `2026-05-01`.
    #[schema(value_type = jiff::civil::Date)]
    date: String,
    /// Reservations of the day.
    reservations: i64,
    /// The same as `reservations`.
    total_reservations: i64,
    /// Those that were paid.
    confirmed: i64,
    /// Those that were cancelled.
    cancelled: i64,
    /// Won.
    revenue: i64,
    /// The same as `revenue`.
    total_revenue: i64,
}

/// Days and what they brought, in the order of time.
#[utoipa::path(
    get,
    path = "/api/stats/daily",
    operation_id = "getDailyFigures",
    tag = "Statistics",
    params(DaysQuery),
    security(("bearer" = ["admin"])),
    responses(
        (status = 200, description = "The figures.", body = Envelope<Vec<DayRow>>),
    )
)]
pub(super) async fn daily(
    Shared(state): Shared<Arc<State>>,
    _: Admin,
    AppQuery(query): AppQuery<DaysQuery>,
) -> Answer<Vec<DayRow>> {
    let days = days::since(&state.pool, query.since_month(&state)).await?;
    let rows = days.iter().map(|day| DayRow {
        date: day.date.to_jiff().to_string(),
        reservations: day.reservations,
        total_reservations: day.reservations,
        confirmed: day.confirmed,
        cancelled: day.cancelled,
        revenue: day.revenue,
        total_revenue: day.revenue,
    });
    Ok(answer(rows.collect()))
}

/// `?period=&days=`
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct RevenueQuery {
    /// `daily`, `weekly` or `monthly`; `daily` where it is anything else.
    period: Option<String>,
    /// How many days to look back, 30 where not said. What is out of range is pulled into it.
    days: Option<i64>,
}

/// One period.
#[derive(Serialize, ToSchema)]
#[schema(as = RevenueOfPeriod)]
pub(super) struct RevenueRow {
    /// Its first day.
    #[schema(value_type = jiff::civil::Date)]
    period: String,
    /// How many payments.
    payment_count: i64,
    /// Won.
    total_revenue: i64,
    /// The same as `total_revenue`.
    revenue: i64,
    /// Won.
    average_amount: f64,
}

/// Revenue by day, week or month.
#[utoipa::path(
    get,
    path = "/api/stats/revenue",
    operation_id = "getRevenue",
    tag = "Statistics",
    params(RevenueQuery),
    security(("bearer" = ["admin"])),
    responses(
        (status = 200, description = "The figures.", body = Envelope<Vec<RevenueRow>>),
    )
)]
pub(super) async fn revenue(
    Shared(state): Shared<Arc<State>>,
    _: Admin,
    AppQuery(query): AppQuery<RevenueQuery>,
) -> Answer<Vec<RevenueRow>> {
    let period = Period::parse(query.period.as_deref());
    let since = DaysQuery { days: query.days }.since_month(&state);
    let rows = days::revenue(&state.pool, period.unit(), since)
        .await?
        .iter()
        .map(|row| RevenueRow {
            period: row.period.to_jiff().to_string(),
            payment_count: row.payments,
            total_revenue: row.revenue,
            revenue: row.revenue,
            average_amount: average(row.revenue, row.payments),
        })
        .collect();
    Ok(answer(rows))
}
