//! Periodic work of community.

use std::{sync::Arc, time::Duration};

use urr_kit::Tasks;

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
pub fn spawn(tasks: &Tasks, state: &Arc<State>) {
    tasks.every(
        "deliver_points",
        DELIVER_PERIOD,
        state,
        |state| async move { deliver_points::run(&state).await },
    );
    tasks.every("flush_views", FLUSH_PERIOD, state, |state| async move {
        flush_views::run(&state).await
    });
    tasks.every("compose_notices", TELL_PERIOD, state, |state| async move {
        compose_notices::run(&state).await
    });
    tasks.every("deliver_webhooks", TELL_PERIOD, state, |state| async move {
        deliver_webhooks::run(&state).await
    });
    tasks.every("send_mails", TELL_PERIOD, state, |state| async move {
        send_mails::run(&state).await
    });
    tasks.every(
        "measure_backlog",
        MEASURE_PERIOD,
        state,
        |state| async move { measure_backlog::run(&state).await },
    );
    tasks.every("purge", PURGE_PERIOD, state, |state| async move {
        purge::run(&state).await
    });
}
