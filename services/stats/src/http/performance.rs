//! How well the sale works: `/performance`.

use std::sync::Arc;

use axum::extract::State as Shared;
use jiff::SignedDuration;
use serde::Serialize;
use urr_kit::identity::Admin;
use utoipa::ToSchema;

use super::{Answer, DaysQuery, Envelope, answer_of};
use crate::{
    State,
    domain::figures::{average, percent, two_decimals},
    store::{hours, live},
};

/// What counts as recent.
const RECENT: SignedDuration = SignedDuration::from_hours(24);
/// Days whose hours make the pattern.
const PATTERN_DAYS: i64 = 7;

/// How well the sale works. Requests are holds, and succeed when they are paid.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Performance)]
pub(super) struct Figures {
    /// What is stored.
    database: Database,
    /// The last day.
    recent_performance: RecentPerformance,
    /// Rates of the last day.
    metrics: Metrics,
    /// By hour of the day.
    load_pattern: Vec<HourRow>,
}

/// What is stored.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = StoredFigures)]
struct Database {
    /// For people.
    size: String,
    /// Size of the statistics' database, in bytes.
    size_bytes: i64,
    /// How many there are of each.
    table_counts: TableCounts,
}

/// How many there are. Users are 0 while auth cannot be asked, events and seats while ticket
/// cannot.
#[derive(Serialize, ToSchema)]
struct TableCounts {
    /// Accounts.
    users: i64,
    /// Events.
    events: i64,
    /// Reservations.
    reservations: i64,
    /// Seats and standing places.
    seats: i64,
    /// Payments.
    payments: i64,
}

/// Of the last day.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct RecentPerformance {
    /// Percent.
    success_rate: f64,
    /// Holds that were begun.
    total_requests: i64,
}

/// Of the last day.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PerformanceMetrics)]
struct Metrics {
    /// Seconds from hold to payment, with two decimals.
    #[schema(example = "41.90")]
    avg_seat_lock_seconds: String,
    /// Orders that were paid and could not be honoured, in percent of all that were paid.
    payment_failure_rate: f64,
}

/// One hour of the day.
#[derive(Serialize, ToSchema)]
#[schema(as = LoadOfHour)]
struct HourRow {
    /// The hour of the day, 0 to 23.
    hour: i32,
    /// Holds that were begun.
    request_count: i64,
    /// The same a day, on average.
    avg_per_day: f64,
}

/// How well the sale works.
///
/// Requests are holds, and succeed when they are paid.
#[utoipa::path(
    get,
    path = "/api/stats/performance",
    operation_id = "getPerformance",
    tag = "Statistics",
    security(("bearer" = ["admin"])),
    responses(
        (status = 200, description = "The figures.", body = Envelope<Figures>),
    )
)]
pub(super) async fn performance(Shared(state): Shared<Arc<State>>, _: Admin) -> Answer<Figures> {
    let stored = live::stored(&state.pool).await?;
    let recent = live::recent(&state.pool, state.now() - RECENT).await?;
    let since = DaysQuery { days: None }.since(&state, PATTERN_DAYS, PATTERN_DAYS);
    let hours = hours::since(&state.pool, since, state.zone_name()).await?;
    let load_pattern = hours
        .iter()
        .map(|hour| HourRow {
            hour: hour.hour,
            request_count: hour.reservations,
            avg_per_day: average(hour.reservations, PATTERN_DAYS),
        })
        .collect();
    let accounts = state.accounts.counts().await;
    let catalogue = state.catalogue.figures().await;
    let complete = accounts.is_some() && catalogue.is_some();
    let catalogue = catalogue.unwrap_or_default();
    let table_counts = TableCounts {
        users: accounts.map_or(0, |counts| counts.users + counts.admins),
        events: catalogue.events,
        reservations: stored.reservations,
        seats: catalogue.seats,
        payments: stored.payments,
    };
    let figures = Figures {
        database: Database {
            size: stored.size,
            size_bytes: stored.bytes,
            table_counts,
        },
        recent_performance: RecentPerformance {
            success_rate: percent(recent.confirmed, recent.reservations),
            total_requests: recent.reservations,
        },
        metrics: Metrics {
            avg_seat_lock_seconds: two_decimals(recent.hold_seconds),
            payment_failure_rate: percent(recent.rejected, recent.confirmed + recent.rejected),
        },
        load_pattern,
    };
    Ok(answer_of(complete, figures))
}
