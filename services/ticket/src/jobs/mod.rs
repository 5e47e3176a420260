//! Periodic work. Every run may be cut off anywhere and may run beside another replica's.

pub mod called_off;
pub mod event_status;
pub mod expiry;
pub mod flush_views;
pub mod image_clear_up;
pub mod membership_expiry;
pub mod reconciliation;
pub mod retention;
pub mod ticket_issue;

use std::{sync::Arc, time::Duration};

use urr_kit::Tasks;

use crate::State;

/// How often each job runs.
#[derive(Clone, Copy, Debug)]
pub struct Intervals {
    /// Ends of holds.
    pub expiry: Duration,
    /// Captured orders nobody told us about.
    pub reconciliation: Duration,
    /// The status column of events.
    pub event_status: Duration,
}

/// What was kept long enough, and what uploads left behind, is removed so often.
const RETENTION_INTERVAL: Duration = Duration::from_hours(1);
/// Memberships whose year is over are written down so often; reading knows it at once.
const MEMBERSHIP_INTERVAL: Duration = Duration::from_mins(10);
/// Tickets that are out of step with their reservations are looked for so often.
const TICKET_INTERVAL: Duration = Duration::from_mins(10);
/// What is live of events that were called off is looked for so often.
const CALLED_OFF_INTERVAL: Duration = Duration::from_secs(2);
/// Looks at the pages of events are written down so often.
const VIEWS_INTERVAL: Duration = Duration::from_secs(5);

/// Starts all jobs.
pub fn spawn(tasks: &Tasks, state: &Arc<State>, intervals: Intervals) {
    tasks.every("hold-expiry", intervals.expiry, state, |state| async move {
        expiry::release_overdue(&state).await.map(drop)
    });
    tasks.every(
        "payment-resolution",
        intervals.expiry,
        state,
        |state| async move { expiry::resolve_overdue(&state).await.map(drop) },
    );
    tasks.every(
        "called-off",
        CALLED_OFF_INTERVAL,
        state,
        |state| async move { called_off::run(&state).await.map(drop) },
    );
    tasks.every(
        "reconciliation",
        intervals.reconciliation,
        state,
        |state| async move { reconciliation::run(&state).await.map(drop) },
    );
    tasks.every(
        "event-status",
        intervals.event_status,
        state,
        |state| async move { event_status::run(&state).await.map(drop) },
    );
    tasks.every(
        "membership-expiry",
        MEMBERSHIP_INTERVAL,
        state,
        |state| async move { membership_expiry::run(&state).await.map(drop) },
    );
    tasks.every("ticket-issue", TICKET_INTERVAL, state, |state| async move {
        ticket_issue::run(&state).await.map(drop)
    });
    tasks.every("flush-views", VIEWS_INTERVAL, state, |state| async move {
        flush_views::run(&state).await
    });
    tasks.every(
        "image-clear-up",
        RETENTION_INTERVAL,
        state,
        |state| async move { image_clear_up::run(&state).await },
    );
    tasks.every("retention", RETENTION_INTERVAL, state, |state| async move {
        retention::run(&state).await
    });
}
