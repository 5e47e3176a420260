//! Events and how they sell: `/events`, `/events/{eventId}`.

use std::{cmp::Reverse, sync::Arc};

use axum::{
    extract::State as Shared,
    response::{IntoResponse, Response},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use urr_contract::{EventId, internal::EventSummary};
use urr_kit::{
    ApiError, ApiResult,
    extract::{AppPath, AppQuery},
    identity::Admin,
};
use utoipa::{IntoParams, ToSchema};

use super::{DaysQuery, Envelope, answer_of};
use crate::{
    State,
    domain::{days::window, figures::percent},
    store::{
        days,
        events::{self, Event},
    },
};

/// `?limit=&sortBy=`
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// Events, 10 where not said. Pulled into 1 to 100.
    limit: Option<i64>,
    /// `revenue`, `reservations` or `occupancy`; `revenue` where it is anything else.
    sort_by: Option<String>,
}

/// What both answers have in common. The web client knows some figures by other names, so
/// they have both. What ticket knows is null while it cannot be asked.
#[derive(Serialize, ToSchema)]
#[schema(as = EventFigures)]
struct Common<'a> {
    /// The event; the same as `event_id`.
    id: EventId,
    /// The event.
    event_id: EventId,
    /// The title.
    title: String,
    /// Where it is; null while that is not known.
    venue: Option<&'a str>,
    /// When it is; null while that is not known.
    event_date: Option<Timestamp>,
    /// Where its sale stands; null while that is not known.
    status: Option<&'a str>,
    /// All reservations.
    total_reservations: i64,
    /// Those that were paid.
    confirmed_reservations: i64,
    /// Won.
    total_revenue: i64,
    /// All seats and standing places.
    total_seats: i64,
    /// Those that are sold.
    sold_seats: i64,
    /// Percent.
    occupancy_rate: f64,
    /// Percent.
    seat_utilization: f64,
    /// How often the event's page was looked at.
    view_count: i64,
}

/// One event of the list.
#[derive(Serialize, ToSchema)]
#[schema(as = EventFiguresRow)]
pub(super) struct EventRow<'a> {
    #[serde(flatten)]
    common: Common<'a>,
    /// The same as `total_reservations`.
    reservations: i64,
    /// Won.
    revenue: i64,
}

/// One event.
#[derive(Serialize, ToSchema)]
#[schema(as = EventFiguresOverview)]
struct Overview<'a> {
    #[serde(flatten)]
    common: Common<'a>,
    /// Those that are held and not paid yet.
    pending_reservations: i64,
    /// Those that were cancelled.
    cancelled_reservations: i64,
    /// Those that can be had.
    available_seats: i64,
}

/// One event and its days.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = EventFiguresDetail)]
pub(super) struct Detail<'a> {
    /// All together.
    overview: Overview<'a>,
    /// Day by day.
    daily_trend: Vec<DayRow>,
}

/// One day.
#[derive(Serialize, ToSchema)]
#[schema(as = EventFiguresOfDay)]
struct DayRow {
    /// The day in the time zone of the statistics, as `2026-05-01`.
    #[schema(value_type = jiff::civil::Date)]
    date: String,
    /// Reservations of the day.
    reservations: i64,
    /// Won.
    revenue: i64,
}

/// Events and how they sell.
#[utoipa::path(
    get,
    path = "/api/stats/events",
    operation_id = "listEventFigures",
    tag = "Statistics",
    params(ListQuery),
    security(("bearer" = ["admin"])),
    responses(
        (status = 200, description = "The figures.", body = Envelope<Vec<EventRow<'_>>>),
    )
)]
pub(super) async fn list(
    Shared(state): Shared<Arc<State>>,
    _: Admin,
    AppQuery(query): AppQuery<ListQuery>,
) -> ApiResult<Response> {
    let events = events::all(&state.pool).await?;
    let ids: Vec<EventId> = events.iter().map(|event| event.id).collect();
    let mut known = state.events.summaries(&ids).await;
    let mut selling: Vec<Selling> = events
        .into_iter()
        .map(|event| Selling {
            summary: known.of.remove(&event.id),
            event,
        })
        .collect();
    sort(&mut selling, query.sort_by.as_deref());
    let limit = usize::try_from(window(query.limit, 10, 100)).unwrap_or(100);
    selling.truncate(limit);
    let rows: Vec<_> = selling.iter().map(Selling::row).collect();
    Ok(answer_of(known.complete, rows).into_response())
}

/// By revenue unless another known word is given, the largest first.
fn sort(selling: &mut [Selling], by: Option<&str>) {
    match by {
        Some("reservations") => selling.sort_by_key(|one| Reverse(one.event.reservations)),
        Some("occupancy") => {
            selling.sort_by(|a, b| b.occupancy().total_cmp(&a.occupancy()));
        }
        _ => selling.sort_by_key(|one| Reverse(one.event.revenue)),
    }
}

/// One event and how it sells by day.
#[utoipa::path(
    get,
    path = "/api/stats/events/{id}",
    operation_id = "getEventFigures",
    tag = "Statistics",
    params(("id" = EventId, Path)),
    security(("bearer" = ["admin"])),
    responses(
        (status = 200, description = "The figures.", body = Envelope<Detail<'_>>),
        (status = 404, description = "`EVENT_NOT_FOUND`: neither facts nor ticket know of it."),
    )
)]
pub(super) async fn show(
    Shared(state): Shared<Arc<State>>,
    _: Admin,
    AppPath(id): AppPath<EventId>,
) -> ApiResult<Response> {
    let told = events::find(&state.pool, id).await?;
    let mut known = state.events.summaries(&[id]).await;
    let summary = known.of.remove(&id);
    if told.is_none() && summary.is_none() {
        return Err(ApiError::not_found("EVENT_NOT_FOUND", "Event not found"));
    }
    let since = DaysQuery { days: None }.since_month(&state);
    let days = days::of_event(&state.pool, id, since).await?;
    let daily_trend = days
        .iter()
        .map(|day| DayRow {
            date: day.date.to_jiff().to_string(),
            reservations: day.reservations,
            revenue: day.revenue,
        })
        .collect();
    let selling = Selling {
        event: told.unwrap_or_else(|| Event::untold(id)),
        summary,
    };
    let detail = Detail {
        overview: selling.overview(),
        daily_trend,
    };
    Ok(answer_of(known.complete, detail).into_response())
}

/// What facts tell of an event, and what ticket knows of it, if it can be asked.
struct Selling {
    event: Event,
    summary: Option<EventSummary>,
}

impl Selling {
    fn total_seats(&self) -> i64 {
        self.summary.as_ref().map_or(0, |event| event.total_seats)
    }

    /// Percent of the seats that are sold; 0 where their number is not known.
    fn occupancy(&self) -> f64 {
        percent(self.event.sold_seats, self.total_seats())
    }

    /// What both answers have in common.
    fn common(&self) -> Common<'_> {
        let summary = self.summary.as_ref();
        Common {
            id: self.event.id,
            event_id: self.event.id,
            title: title_of(self.event.id, summary),
            venue: summary.map(|event| event.venue.as_str()),
            event_date: summary.map(|event| event.event_date),
            status: summary.map(|event| event.status.as_str()),
            total_reservations: self.event.reservations,
            confirmed_reservations: self.event.confirmed,
            total_revenue: self.event.revenue,
            total_seats: self.total_seats(),
            sold_seats: self.event.sold_seats,
            occupancy_rate: self.occupancy(),
            seat_utilization: self.occupancy(),
            view_count: summary.map_or(0, |event| event.views),
        }
    }

    fn row(&self) -> EventRow<'_> {
        EventRow {
            common: self.common(),
            reservations: self.event.reservations,
            revenue: self.event.revenue,
        }
    }

    fn overview(&self) -> Overview<'_> {
        Overview {
            common: self.common(),
            pending_reservations: self.event.pending,
            cancelled_reservations: self.event.cancelled,
            available_seats: (self.total_seats() - self.event.sold_seats).max(0),
        }
    }
}

/// The title, or something to tell events apart by.
pub(super) fn title_of(id: EventId, summary: Option<&EventSummary>) -> String {
    summary.map_or_else(
        || format!("Event {:.8}", id.to_string()),
        |event| event.title.clone(),
    )
}
