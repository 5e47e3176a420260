//! The HTTP surface of stats. Administrators only.
//!
//! The web client reads some figures under other names than the contract lists, so those
//! are sent under both.

use std::sync::Arc;

use axum::{Router, routing::get};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use urr_kit::{ApiResult, extract::AppJson};

use crate::{
    State,
    domain::days::{first_day, window},
};

mod audience;
mod cancellations;
mod conversion;
mod days;
mod events;
mod overview;
mod performance;
mod realtime;
mod seats;
mod traffic;

/// All routes.
pub(crate) fn router(state: Arc<State>) -> Router {
    Router::new()
        .route("/api/stats/overview", get(overview::overview))
        .route("/api/stats/payments", get(overview::payments))
        .route("/api/stats/users", get(overview::users))
        .route("/api/stats/daily", get(days::daily))
        .route("/api/stats/revenue", get(days::revenue))
        .route("/api/stats/events", get(events::list))
        .route("/api/stats/events/{id}", get(events::show))
        .route("/api/stats/hourly-traffic", get(traffic::hourly))
        .route("/api/stats/conversion", get(conversion::conversion))
        .route(
            "/api/stats/cancellations",
            get(cancellations::cancellations),
        )
        .route("/api/stats/realtime", get(realtime::realtime))
        .route("/api/stats/seat-preferences", get(seats::preferences))
        .route("/api/stats/user-behavior", get(audience::behavior))
        .route("/api/stats/performance", get(performance::performance))
        .with_state(state)
}

/// The envelope of every answer.
#[derive(Serialize)]
struct Envelope {
    success: bool,
    data: Value,
}

/// What every handler returns.
type Answer = ApiResult<AppJson<Envelope>>;

fn answer(data: Value) -> AppJson<Envelope> {
    AppJson(Envelope {
        success: true,
        data,
    })
}

/// `?days=`
#[derive(Clone, Copy, Deserialize)]
struct DaysQuery {
    days: Option<i64>,
}

impl DaysQuery {
    /// The first day to look at.
    fn since(self, state: &State, default: i64, most: i64) -> Date {
        first_day(state.today(), window(self.days, default, most))
    }

    /// 30 days by default, at most 365.
    fn since_month(self, state: &State) -> Date {
        self.since(state, 30, 365)
    }
}
