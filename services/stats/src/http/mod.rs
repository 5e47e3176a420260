//! The HTTP surface of stats. Administrators only.
//!
//! The web client reads some figures under other names than the contract lists, so those
//! are sent under both.

use std::sync::Arc;

use axum::Router;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use urr_kit::{
    ApiResult,
    extract::AppJson,
    openapi::{OpenApiRouter, routes},
};
use utoipa::{IntoParams, ToSchema};

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
    Router::from(public()).with_state(state)
}

/// What administrators may call, with its description.
pub(crate) fn public() -> OpenApiRouter<Arc<State>> {
    OpenApiRouter::default()
        .routes(routes!(overview::overview))
        .routes(routes!(overview::payments))
        .routes(routes!(overview::users))
        .routes(routes!(days::daily))
        .routes(routes!(days::revenue))
        .routes(routes!(events::list))
        .routes(routes!(events::show))
        .routes(routes!(traffic::hourly))
        .routes(routes!(conversion::conversion))
        .routes(routes!(cancellations::cancellations))
        .routes(routes!(realtime::realtime))
        .routes(routes!(seats::preferences))
        .routes(routes!(audience::behavior))
        .routes(routes!(performance::performance))
}

/// The envelope of every answer.
#[derive(Serialize, ToSchema)]
#[schema(as = Statistics)]
struct Envelope<T> {
    /// Always true.
    success: bool,
    /// True where another service could not be asked: what only it knows is 0, null or left
    /// out. Else absent.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    degraded: bool,
    /// The figures.
    data: T,
}

/// What every handler returns.
type Answer<T> = ApiResult<AppJson<Envelope<T>>>;

fn answer<T>(data: T) -> AppJson<Envelope<T>> {
    answer_of(true, data)
}

/// An answer with what another service knows, `complete` if it could be asked.
fn answer_of<T>(complete: bool, data: T) -> AppJson<Envelope<T>> {
    AppJson(Envelope {
        success: true,
        degraded: !complete,
        data,
    })
}

/// `?days=`
#[derive(Clone, Copy, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct DaysQuery {
    /// How many days to look back, today included. What is out of range is pulled into it.
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
