//! Who gives back: `/cancellations`.

use std::{collections::HashMap, sync::Arc};

use axum::extract::State as Shared;
use serde::Serialize;
use urr_contract::{EventId, internal::EventSummary};
use urr_kit::{extract::AppQuery, identity::Admin};
use utoipa::ToSchema;

use super::{Answer, DaysQuery, Envelope, answer_of, events::title_of};
use crate::{
    State,
    domain::figures::{percent, rounded},
    store::{
        cancellations::{self, Event},
        days, hours,
    },
};

/// Who gives back.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Cancellations {
    /// All together.
    overview: Overview,
    /// By hour of the day.
    hourly_pattern: Vec<HourRow>,
    /// By event, most cancellations first.
    by_event: Vec<EventRow>,
    /// Days without a cancellation are left out.
    daily_trend: Vec<DayRow>,
}

/// Sums over the window.
#[derive(Serialize, ToSchema)]
#[schema(as = CancellationOverview)]
struct Overview {
    /// How many were cancelled.
    total_cancelled: i64,
    /// Hours from reservation to cancellation, on average.
    avg_hours_before_cancel: f64,
    /// Won.
    total_refund_amount: i64,
}

/// One hour of the day.
#[derive(Serialize, ToSchema)]
#[schema(as = CancellationsOfHour)]
struct HourRow {
    /// The hour of the day, 0 to 23.
    hour: i32,
    /// How many were cancelled.
    cancellations: i64,
}

/// One day.
#[derive(Serialize, ToSchema)]
#[schema(as = CancellationsOfDay)]
struct DayRow {
    /// The day in the time zone of the statistics, as `2026-05-01`.
    #[schema(value_type = jiff::civil::Date)]
    date: String,
    /// How many were cancelled.
    cancellations: i64,
}

/// One event. The web client knows some figures by other names, so they have both.
#[derive(Serialize, ToSchema)]
#[schema(as = CancellationsOfEvent)]
struct EventRow {
    /// The event; the same as `event_id`.
    id: EventId,
    /// The event.
    event_id: EventId,
    /// Its title; the same as `event_title`.
    title: String,
    /// The title of the event.
    event_title: String,
    /// All reservations.
    total_reservations: i64,
    /// How many were cancelled.
    cancelled: i64,
    /// The same as `cancelled`.
    cancelled_count: i64,
    /// The same as `cancelled`.
    total_cancelled: i64,
    /// Percent.
    cancellation_rate: f64,
    /// Won.
    refund_amount: i64,
    /// Won.
    total_refund: i64,
}

/// Who gives back.
#[utoipa::path(
    get,
    path = "/api/stats/cancellations",
    operation_id = "getCancellations",
    tag = "Statistics",
    params(DaysQuery),
    security(("bearer" = ["admin"])),
    responses(
        (status = 200, description = "The figures.", body = Envelope<Cancellations>),
    )
)]
pub(super) async fn cancellations(
    Shared(state): Shared<Arc<State>>,
    _: Admin,
    AppQuery(query): AppQuery<DaysQuery>,
) -> Answer<Cancellations> {
    let since = query.since_month(&state);
    let overview = cancellations::overview(&state.pool, since).await?;
    let hours = hours::since(&state.pool, since, state.zone_name()).await?;
    let events = cancellations::by_event(&state.pool, since).await?;
    let days = days::since(&state.pool, since).await?;
    let ids: Vec<EventId> = events.iter().map(|event| event.id).collect();
    let summaries = state.events.summaries(&ids).await;
    let hourly = hours.iter().map(|hour| HourRow {
        hour: hour.hour,
        cancellations: hour.cancelled,
    });
    let daily = days
        .iter()
        .filter(|day| day.cancelled > 0)
        .map(|day| DayRow {
            date: day.date.to_jiff().to_string(),
            cancellations: day.cancelled,
        });
    let figures = Cancellations {
        overview: Overview {
            total_cancelled: overview.cancelled,
            avg_hours_before_cancel: rounded(overview.hours),
            total_refund_amount: overview.refunded,
        },
        hourly_pattern: hourly.collect(),
        by_event: events
            .iter()
            .map(|event| row(event, &summaries.of))
            .collect(),
        daily_trend: daily.collect(),
    };
    Ok(answer_of(summaries.complete, figures))
}

fn row(event: &Event, summaries: &HashMap<EventId, EventSummary>) -> EventRow {
    let title = title_of(event.id, summaries.get(&event.id));
    EventRow {
        id: event.id,
        event_id: event.id,
        event_title: title.clone(),
        title,
        total_reservations: event.reservations,
        cancelled: event.cancelled,
        cancelled_count: event.cancelled,
        total_cancelled: event.cancelled,
        cancellation_rate: percent(event.cancelled, event.reservations),
        refund_amount: event.refunded,
        total_refund: event.refunded,
    }
}
