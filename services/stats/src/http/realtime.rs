//! What is going on: `/realtime`.

use std::sync::Arc;

use axum::extract::State as Shared;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use urr_contract::EventId;
use urr_kit::identity::Admin;
use utoipa::ToSchema;

use super::{Answer, Envelope, answer_of, events::title_of};
use crate::{
    State,
    store::{
        events,
        live::{self, What},
    },
};

/// No hold lives longer, paying included.
const LONGEST_HOLD: SignedDuration = SignedDuration::from_hours(1);
/// Who did something so long ago is active.
const ACTIVE: SignedDuration = SignedDuration::from_mins(5);
const LAST_HOUR: SignedDuration = SignedDuration::from_hours(1);
/// What counts as a trend.
const TREND: SignedDuration = SignedDuration::from_hours(24);
/// How much of what happened last is shown.
const RECENT: i64 = 20;

/// What is going on.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Realtime {
    /// Now.
    current: Current,
    /// The last hour.
    last_hour: LastHour,
    /// What happened last, the newest first.
    recent_activity: Vec<Activity>,
    /// Events that were reserved most in the last day.
    trending_events: Vec<Trending>,
}

/// At this moment.
#[derive(Serialize, ToSchema)]
#[schema(as = RealtimeNow)]
struct Current {
    /// Seats and places that are held.
    locked_seats: i64,
    /// Payments of the last five minutes.
    active_payments: i64,
    /// People who did something in the last five minutes.
    active_users: i64,
}

/// In the last hour.
#[derive(Serialize, ToSchema)]
struct LastHour {
    /// Reservations that were begun.
    reservations: i64,
    /// Won.
    revenue: i64,
}

/// An event that many reserve.
#[derive(Serialize, ToSchema)]
#[schema(as = TrendingEvent)]
struct Trending {
    /// The event; the same as `event_id`.
    id: EventId,
    /// The event.
    event_id: EventId,
    /// The title.
    title: String,
    /// Reservations of the last day.
    recent_reservations: i64,
    /// The same as `recent_reservations`.
    reservations: i64,
}

/// Something that happened to a reservation.
#[derive(Serialize, ToSchema)]
#[schema(as = RecentActivity)]
struct Activity {
    /// What was done.
    #[serde(rename = "type")]
    kind: What,
    /// The event.
    event_id: Option<EventId>,
    /// The title.
    title: Option<String>,
    /// Seats and standing places.
    seats: i64,
    /// Won paid; 0 of all that is no payment.
    amount: i64,
    /// When.
    at: Timestamp,
}

/// What is going on.
#[utoipa::path(
    get,
    path = "/api/stats/realtime",
    operation_id = "getRealtime",
    tag = "Statistics",
    security(("bearer" = ["admin"])),
    responses(
        (status = 200, description = "The figures.", body = Envelope<Realtime>),
    )
)]
pub(super) async fn realtime(Shared(state): Shared<Arc<State>>, _: Admin) -> Answer<Realtime> {
    let now = state.now();
    let current = live::now(&state.pool, now - LONGEST_HOLD, now - ACTIVE).await?;
    let last_hour = live::recent(&state.pool, now - LAST_HOUR).await?;
    let trending = events::trending(&state.pool, now - TREND).await?;
    let recent = live::latest(&state.pool, RECENT).await?;
    let ids: Vec<EventId> = trending
        .iter()
        .map(|event| event.id)
        .chain(recent.iter().filter_map(|act| act.event))
        .collect();
    let summaries = state.events.summaries(&ids).await;
    let title = |id: EventId| title_of(id, summaries.of.get(&id));
    let trending_events = trending
        .iter()
        .map(|event| Trending {
            id: event.id,
            event_id: event.id,
            title: title(event.id),
            recent_reservations: event.reservations,
            reservations: event.reservations,
        })
        .collect();
    let recent_activity = recent
        .iter()
        .map(|act| Activity {
            kind: act.what,
            event_id: act.event,
            title: act.event.map(title),
            seats: act.seats,
            amount: act.amount,
            at: act.at.to_jiff(),
        })
        .collect();
    let realtime = Realtime {
        current: Current {
            locked_seats: current.held_seats,
            active_payments: current.payments,
            active_users: current.users,
        },
        last_hour: LastHour {
            reservations: last_hour.reservations,
            revenue: last_hour.revenue,
        },
        recent_activity,
        trending_events,
    };
    Ok(answer_of(summaries.complete, realtime))
}
