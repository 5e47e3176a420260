//! Keeps what ticket says of events current for the lines in use, and puts it in force: polls
//! must not wait for ticket or Postgres.

use std::{sync::Arc, time::Duration};

use futures::{StreamExt, stream};
use tracing::{debug, warn};
use urr_kit::{Runtime, telemetry::chain};

use crate::{State, events::NoInfo, lines::Line};

/// How often lines in use are looked through for events to ask about.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Events asked about at the same time.
const CONCURRENCY: usize = 16;

/// Starts to ask.
pub fn spawn(runtime: &Runtime, state: &Arc<State>) {
    runtime
        .tasks
        .every("renew events", LOOK_EVERY, state, |state| async move {
            renew_all(&state).await;
            Ok(())
        });
}

/// Asks about every event in use whose answer has aged, and puts in force what is new.
pub async fn renew_all(state: &State) {
    stream::iter(state.lines.in_use())
        .for_each_concurrent(CONCURRENCY, async |line| renew(state, &line).await)
        .await;
}

async fn renew(state: &State, line: &Line) {
    let event = line.event();
    match state.events.renew(event).await {
        Ok(info) => {
            if let Err(error) = state.lines.enforce_news(line, &info).await {
                warn!(event.id = %event, error = %chain(&*error), "cannot put a policy in force");
            }
        }
        Err(NoInfo::Unknown) => state.lines.forget_event(event),
        Err(error @ NoInfo::Unreachable(_)) => {
            debug!(event.id = %event, error = %chain(&error), "cannot renew what is known of an event");
        }
    }
}
