//! What ticket knows of events: titles, places, dates, seats. Remembered for a minute, and
//! done without while ticket is away.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use tracing::debug;
use urr_contract::{
    EventId,
    internal::{EventBatch, EventSummary, IdBatch},
};
use urr_kit::{Clock, client::InternalClient};

/// How long an answer is good for.
const REMEMBERED: SignedDuration = SignedDuration::from_mins(1);
/// Most ids that ticket takes at a time.
const BATCH: usize = 500;
/// Beyond this everything is asked for again, so that memory stays bounded.
const MOST_REMEMBERED: usize = 10_000;

/// What is known of the events that were asked for.
#[derive(Debug)]
pub struct Summaries {
    /// Those that ticket knows.
    pub of: HashMap<EventId, EventSummary>,
    /// Whether ticket could be asked about all of them.
    pub complete: bool,
}

/// Summaries of events.
#[derive(Debug)]
pub struct Events {
    ticket: InternalClient,
    clock: Clock,
    remembered: Mutex<HashMap<EventId, (Timestamp, Option<EventSummary>)>>,
}

impl Events {
    /// Summaries as ticket has them.
    pub fn new(ticket: InternalClient, clock: Clock) -> Self {
        Self {
            ticket,
            clock,
            remembered: Mutex::default(),
        }
    }

    /// The summaries of those events that ticket knows, as far as it can be asked.
    pub async fn summaries(&self, ids: &[EventId]) -> Summaries {
        let now = self.clock.now();
        let mut complete = true;
        for batch in self.unknown(ids, now).chunks(BATCH) {
            match self.ask(batch).await {
                Ok(found) => self.remember(batch, found, now),
                Err(error) => {
                    debug!(%error, "events are not known");
                    complete = false;
                    break;
                }
            }
        }
        let remembered = self.remembered.lock();
        let of = ids
            .iter()
            .filter_map(|id| Some((*id, remembered.get(id)?.1.clone()?)))
            .collect();
        Summaries { of, complete }
    }

    /// Those that are not remembered, or for too long.
    fn unknown(&self, ids: &[EventId], now: Timestamp) -> Vec<EventId> {
        let remembered = self.remembered.lock();
        let fresh = |id: &EventId| {
            remembered
                .get(id)
                .is_some_and(|(asked_at, _)| now.duration_since(*asked_at) < REMEMBERED)
        };
        ids.iter().copied().filter(|id| !fresh(id)).collect()
    }

    async fn ask(
        &self,
        ids: &[EventId],
    ) -> Result<HashMap<EventId, EventSummary>, urr_kit::client::CallError> {
        let body = IdBatch {
            ids: ids.iter().map(|id| id.0).collect(),
        };
        let batch: EventBatch = self
            .ticket
            .post_idempotent("/internal/events/batch", &body)
            .await?;
        let events = batch.events.into_iter();
        Ok(events.map(|event| (event.id, event)).collect())
    }

    /// Also what is not there, so that a deleted event is not asked for each time.
    fn remember(
        &self,
        asked: &[EventId],
        mut found: HashMap<EventId, EventSummary>,
        now: Timestamp,
    ) {
        let mut remembered = self.remembered.lock();
        if remembered.len() > MOST_REMEMBERED {
            remembered.clear();
        }
        for id in asked {
            remembered.insert(*id, (now, found.remove(id)));
        }
    }
}
