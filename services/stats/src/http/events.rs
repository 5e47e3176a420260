//! Events and how they sell: `/events`, `/events/{eventId}`.

use std::{cmp::Reverse, sync::Arc};

use axum::extract::State as Shared;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use urr_contract::{EventId, internal::EventSummary};
use urr_kit::{
    ApiError,
    extract::{AppPath, AppQuery},
    identity::Admin,
};

use super::{Answer, DaysQuery, answer};
use crate::{
    State,
    domain::{days::window, figures::percent},
    store::{
        days,
        events::{self, Event},
    },
};

/// `?limit=&sortBy=`
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListQuery {
    limit: Option<i64>,
    sort_by: Option<String>,
}

/// `GET /api/stats/events`
pub(super) async fn list(
    Shared(state): Shared<Arc<State>>,
    _: Admin,
    AppQuery(query): AppQuery<ListQuery>,
) -> Answer {
    let events = events::all(&state.pool).await?;
    let ids: Vec<EventId> = events.iter().map(|event| event.id).collect();
    let mut summaries = state.events.summaries(&ids).await;
    let mut selling: Vec<Selling> = events
        .into_iter()
        .map(|event| Selling {
            summary: summaries.remove(&event.id),
            event,
        })
        .collect();
    sort(&mut selling, query.sort_by.as_deref());
    let limit = usize::try_from(window(query.limit, 10, 100)).unwrap_or(100);
    selling.truncate(limit);
    Ok(answer(selling.iter().map(Selling::row).collect()))
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

/// `GET /api/stats/events/{eventId}`
pub(super) async fn show(
    Shared(state): Shared<Arc<State>>,
    _: Admin,
    AppPath(id): AppPath<EventId>,
) -> Answer {
    let told = events::find(&state.pool, id).await?;
    let summary = state.events.summary(id).await;
    if told.is_none() && summary.is_none() {
        return Err(ApiError::not_found("EVENT_NOT_FOUND", "Event not found"));
    }
    let since = DaysQuery { days: None }.since_month(&state);
    let days = days::of_event(&state.pool, id, since).await?;
    let trend: Vec<Value> = days
        .iter()
        .map(|day| {
            json!({
                "date": day.date.to_jiff().to_string(),
                "reservations": day.reservations,
                "revenue": day.revenue,
            })
        })
        .collect();
    let selling = Selling {
        event: told.unwrap_or_else(|| Event::untold(id)),
        summary,
    };
    Ok(answer(
        json!({"overview": selling.overview(), "dailyTrend": trend}),
    ))
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
    fn common(&self) -> Map<String, Value> {
        let summary = self.summary.as_ref();
        let fields = json!({
            "id": self.event.id,
            "event_id": self.event.id,
            "title": title_of(self.event.id, summary),
            "venue": summary.map(|event| &event.venue),
            "event_date": summary.map(|event| event.event_date),
            "status": summary.map(|event| &event.status),
            "total_reservations": self.event.reservations,
            "confirmed_reservations": self.event.confirmed,
            "total_revenue": self.event.revenue,
            "total_seats": self.total_seats(),
            "sold_seats": self.event.sold_seats,
            "occupancy_rate": self.occupancy(),
            "seat_utilization": self.occupancy(),
        });
        match fields {
            Value::Object(fields) => fields,
            _ => Map::new(),
        }
    }

    fn row(&self) -> Value {
        let mut row = self.common();
        row.insert("reservations".to_owned(), self.event.reservations.into());
        row.insert("revenue".to_owned(), self.event.revenue.into());
        Value::Object(row)
    }

    fn overview(&self) -> Value {
        let available = (self.total_seats() - self.event.sold_seats).max(0);
        let mut overview = self.common();
        overview.insert("pending_reservations".to_owned(), self.event.pending.into());
        overview.insert(
            "cancelled_reservations".to_owned(),
            self.event.cancelled.into(),
        );
        overview.insert("available_seats".to_owned(), available.into());
        Value::Object(overview)
    }
}

/// The title, or something to tell events apart by.
pub(super) fn title_of(id: EventId, summary: Option<&EventSummary>) -> String {
    summary.map_or_else(
        || format!("Event {:.8}", id.to_string()),
        |event| event.title.clone(),
    )
}
