//! When people come: `/hourly-traffic`.

use std::sync::Arc;

use axum::extract::State as Shared;
use serde::Serialize;
use urr_kit::{extract::AppQuery, identity::Admin};
use utoipa::ToSchema;

use super::{Answer, DaysQuery, Envelope, answer};
use crate::{
    State,
    domain::figures::average,
    store::hours::{self, DayType, Hour},
};

/// When people come.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = HourlyTraffic)]
pub(super) struct Traffic {
    /// By hour of the day.
    hourly: Vec<HourRow>,
    /// Working days and weekends.
    weekday_comparison: Vec<DayTypeRow>,
    /// The hour with most reservations.
    peak_hour: PeakRow,
}

/// One hour of the day.
#[derive(Serialize, ToSchema)]
#[schema(as = FiguresOfHour)]
struct HourRow {
    /// Hour of the day in Seoul, from 0.
    hour: i32,
    /// All reservations.
    total_reservations: i64,
    /// The same as `total_reservations`.
    reservations: i64,
    /// Those that were paid.
    confirmed: i64,
    /// Those that were cancelled.
    cancelled: i64,
    /// Won.
    revenue: i64,
}

/// Weekdays or weekends.
#[derive(Serialize, ToSchema)]
#[schema(as = FiguresOfDayType)]
struct DayTypeRow {
    /// `weekday` or `weekend`.
    day_type: &'static str,
    /// Reservations.
    reservations: i64,
    /// Won of a paid reservation.
    avg_amount: f64,
}

/// The hour with the most holds.
#[derive(Serialize, ToSchema)]
#[schema(as = PeakHour)]
struct PeakRow {
    /// The hour of the day, 0 to 23.
    hour: i32,
    /// Its reservations.
    reservations: i64,
}

/// When people come.
#[utoipa::path(
    get,
    path = "/api/stats/hourly-traffic",
    operation_id = "getHourlyTraffic",
    tag = "Statistics",
    params(DaysQuery),
    security(("bearer" = ["admin"])),
    responses(
        (status = 200, description = "The figures.", body = Envelope<Traffic>),
    )
)]
pub(super) async fn hourly(
    Shared(state): Shared<Arc<State>>,
    _: Admin,
    AppQuery(query): AppQuery<DaysQuery>,
) -> Answer<Traffic> {
    let since = query.since(&state, 7, 90);
    let hours = hours::since(&state.pool, since, state.zone_name()).await?;
    let types = hours::day_types(&state.pool, since).await?;
    Ok(answer(Traffic {
        hourly: hours.iter().map(hour).collect(),
        weekday_comparison: types.iter().map(day_type).collect(),
        peak_hour: peak(&hours),
    }))
}

fn hour(hour: &Hour) -> HourRow {
    HourRow {
        hour: hour.hour,
        total_reservations: hour.reservations,
        reservations: hour.reservations,
        confirmed: hour.confirmed,
        cancelled: hour.cancelled,
        revenue: hour.revenue,
    }
}

fn day_type(days: &DayType) -> DayTypeRow {
    DayTypeRow {
        day_type: if days.weekend { "weekend" } else { "weekday" },
        reservations: days.reservations,
        avg_amount: average(days.amount, days.confirmed),
    }
}

/// The hour with the most holds, the earlier of two.
fn peak(hours: &[Hour]) -> PeakRow {
    let (hour, reservations) = hours
        .iter()
        .rev()
        .max_by_key(|hour| hour.reservations)
        .map_or((0, 0), |hour| (hour.hour, hour.reservations));
    PeakRow { hour, reservations }
}
