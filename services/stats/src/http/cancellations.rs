//! Who gives back: `/cancellations`.

use std::{collections::HashMap, sync::Arc};

use axum::extract::State as Shared;
use serde_json::{Value, json};
use urr_contract::{EventId, internal::EventSummary};
use urr_kit::{extract::AppQuery, identity::Admin};

use super::{Answer, DaysQuery, answer, events::title_of};
use crate::{
    State,
    domain::figures::{percent, rounded},
    store::{
        cancellations::{self, Event},
        days, hours,
    },
};

/// `GET /api/stats/cancellations`
pub(super) async fn cancellations(
    Shared(state): Shared<Arc<State>>,
    _: Admin,
    AppQuery(query): AppQuery<DaysQuery>,
) -> Answer {
    let since = query.since_month(&state);
    let overview = cancellations::overview(&state.pool, since).await?;
    let hours = hours::since(&state.pool, since, state.zone_name()).await?;
    let events = cancellations::by_event(&state.pool, since).await?;
    let days = days::since(&state.pool, since).await?;
    let ids: Vec<EventId> = events.iter().map(|event| event.id).collect();
    let summaries = state.events.summaries(&ids).await;
    let hourly = hours
        .iter()
        .map(|hour| json!({"hour": hour.hour, "cancellations": hour.cancelled}));
    let daily = days
        .iter()
        .filter(|day| day.cancelled > 0)
        .map(|day| json!({"date": day.date.to_jiff().to_string(), "cancellations": day.cancelled}));
    Ok(answer(json!({
        "overview": {
            "total_cancelled": overview.cancelled,
            "avg_hours_before_cancel": rounded(overview.hours),
            "total_refund_amount": overview.refunded,
        },
        "hourlyPattern": hourly.collect::<Vec<_>>(),
        "byEvent": events.iter().map(|event| row(event, &summaries)).collect::<Vec<_>>(),
        "dailyTrend": daily.collect::<Vec<_>>(),
    })))
}

fn row(event: &Event, summaries: &HashMap<EventId, EventSummary>) -> Value {
    let title = title_of(event.id, summaries.get(&event.id));
    json!({
        "id": event.id,
        "event_id": event.id,
        "title": title,
        "event_title": title,
        "total_reservations": event.reservations,
        "cancelled": event.cancelled,
        "cancelled_count": event.cancelled,
        "total_cancelled": event.cancelled,
        "cancellation_rate": percent(event.cancelled, event.reservations),
        "refund_amount": event.refunded,
        "total_refund": event.refunded,
    })
}
