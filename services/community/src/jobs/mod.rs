//! Periodic work of community.

use std::{future::Future, sync::Arc, time::Duration};

use urr_kit::Runtime;

use crate::State;

pub mod compose_notices;
pub mod deliver_points;
pub mod deliver_webhooks;
pub mod flush_views;
pub mod measure_backlog;
pub mod purge;
pub mod send_mails;

/// How often earned points are handed over.
const DELIVER_PERIOD: Duration = Duration::from_secs(1);
/// How often it is looked for somebody to be told.
const TELL_PERIOD: Duration = Duration::from_secs(1);
/// How often it is measured how much waits.
const MEASURE_PERIOD: Duration = Duration::from_secs(10);
/// How often views are written down.
const FLUSH_PERIOD: Duration = Duration::from_secs(5);
/// How often old rows are deleted.
const PURGE_PERIOD: Duration = Duration::from_hours(1);

/// Starts all jobs.
pub fn spawn(runtime: &Runtime, state: &Arc<State>) {
    every(
        runtime,
        state,
        "deliver_points",
        DELIVER_PERIOD,
        |state| async move { deliver_points::run(&state).await },
    );
    every(
        runtime,
        state,
        "flush_views",
        FLUSH_PERIOD,
        |state| async move { flush_views::run(&state).await },
    );
    every(
        runtime,
        state,
        "compose_notices",
        TELL_PERIOD,
        |state| async move { compose_notices::run(&state).await },
    );
    every(
        runtime,
        state,
        "deliver_webhooks",
        TELL_PERIOD,
        |state| async move { deliver_webhooks::run(&state).await },
    );
    every(
        runtime,
        state,
        "send_mails",
        TELL_PERIOD,
        |state| async move { send_mails::run(&state).await },
    );
    every(
        runtime,
        state,
        "measure_backlog",
        MEASURE_PERIOD,
        |state| async move { measure_backlog::run(&state).await },
    );
    every(runtime, state, "purge", PURGE_PERIOD, |state| async move {
        purge::run(&state).await
    });
}

fn every<F: Future<Output = anyhow::Result<()>> + Send + 'static>(
    runtime: &Runtime,
    state: &Arc<State>,
    name: &'static str,
    period: Duration,
    work: impl Fn(Arc<State>) -> F + Send + 'static,
) {
    let state = state.clone();
    runtime
        .tasks
        .every(name, period, move || work(state.clone()));
}
