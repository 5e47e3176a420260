//! How long a line is, for those who watch over sales.

use std::sync::Arc;

use axum::extract;
use urr_contract::{EventId, internal::LineFigures};
use urr_kit::{
    ApiResult,
    extract::{AppJson, AppPath},
    internal::InternalCaller,
};

use super::line_unavailable;
use crate::State;

/// `GET /internal/events/{event}/line`. Read from Redis as it is: to look at a line neither
/// begins one nor keeps it in use.
pub(super) async fn figures(
    extract::State(state): extract::State<Arc<State>>,
    _: InternalCaller,
    AppPath(event): AppPath<EventId>,
) -> ApiResult<AppJson<LineFigures>> {
    let line = state.lines.rooms().line(event);
    let snapshot = line.snapshot().await.map_err(line_unavailable)?;
    Ok(AppJson(snapshot.map_or_else(
        LineFigures::default,
        |snapshot| LineFigures {
            waiting: snapshot.waiting.total(),
            active: snapshot.inside(snapshot.taken_ms),
            admitted: snapshot.admitted,
        },
    )))
}
