//! How many who begin also pay: `/conversion`.

use std::sync::Arc;

use axum::extract::State as Shared;
use serde::Serialize;
use urr_kit::{extract::AppQuery, identity::Admin};
use utoipa::ToSchema;

use super::{Answer, DaysQuery, Envelope, answer};
use crate::{
    State,
    domain::figures::percent,
    store::days::{self, Started},
};

/// How many who begin also pay.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Conversion {
    /// How far reservations came.
    funnel: Funnel,
    /// The same in percent.
    rates: Rates,
    /// Day by day.
    daily_trend: Vec<DayRow>,
}

/// Reservations by what became of them.
#[derive(Serialize, ToSchema)]
struct Funnel {
    /// All reservations.
    total_started: i64,
    /// Paid, whatever came afterwards.
    completed: i64,
    /// Ended unpaid.
    cancelled: i64,
    /// Those that are held and not paid yet.
    pending: i64,
}

/// The same in percent.
#[derive(Serialize, ToSchema)]
#[schema(as = ConversionRates)]
#[expect(clippy::struct_field_names, reason = "the wire has these fields")]
struct Rates {
    /// Percent that were paid.
    conversion_rate: f64,
    /// Percent that were cancelled.
    cancellation_rate: f64,
    /// Percent that are held and not paid yet.
    pending_rate: f64,
}

/// One day.
#[derive(Serialize, ToSchema)]
#[schema(as = ConversionOfDay)]
struct DayRow {
    /// The day in the time zone of the statistics, as `2026-05-01`.
    #[schema(value_type = jiff::civil::Date)]
    date: String,
    /// All reservations of the day.
    total: i64,
    /// Those that were paid.
    completed: i64,
    /// Percent.
    conversion_rate: f64,
}

/// How many who begin also pay.
///
/// Of the reservations begun in the window. Each is completed (whatever came after payment),
/// ended unpaid (`cancelled`) or pending.
#[utoipa::path(
    get,
    path = "/api/stats/conversion",
    operation_id = "getConversion",
    tag = "Statistics",
    params(DaysQuery),
    security(("bearer" = ["admin"])),
    responses(
        (status = 200, description = "The figures.", body = Envelope<Conversion>),
    )
)]
pub(super) async fn conversion(
    Shared(state): Shared<Arc<State>>,
    _: Admin,
    AppQuery(query): AppQuery<DaysQuery>,
) -> Answer<Conversion> {
    let days = days::started(&state.pool, query.since_month(&state)).await?;
    let sum = |figure: fn(&Started) -> i64| days.iter().map(figure).sum::<i64>();
    let total = sum(|day| day.total);
    let completed = sum(|day| day.completed);
    let ended = sum(|day| day.ended);
    let pending = total - completed - ended;
    Ok(answer(Conversion {
        funnel: Funnel {
            total_started: total,
            completed,
            cancelled: ended,
            pending,
        },
        rates: Rates {
            conversion_rate: percent(completed, total),
            cancellation_rate: percent(ended, total),
            pending_rate: percent(pending, total),
        },
        daily_trend: days.iter().map(day).collect(),
    }))
}

fn day(day: &Started) -> DayRow {
    DayRow {
        date: day.date.to_jiff().to_string(),
        total: day.total,
        completed: day.completed,
        conversion_rate: percent(day.completed, day.total),
    }
}
