//! What ticket knows of an event: whether it exists, its title, its sale window. A request
//! waits for ticket only where nothing was ever heard of the event; after that it is asked
//! again in the background, and while it is away the last answer stands.

use std::{sync::Arc, time::Duration};

use http::StatusCode;
use moka::future::Cache;
use urr_contract::{EventId, internal::QueueInfo};
use urr_kit::client::{CallError, InternalClient};

/// How long an answer stands in for ticket.
const KEPT: Duration = Duration::from_hours(24);
/// How long an event stays unknown: somebody may be about to create it.
const UNKNOWN: Duration = Duration::from_secs(5);
/// Events kept.
const CAPACITY: u64 = 10_000;

/// Why there is no information about an event.
#[derive(Debug, thiserror::Error)]
pub enum NoInfo {
    /// There is no such event.
    #[error("no such event")]
    Unknown,
    /// Ticket could not be asked, and never was before.
    #[error("ticket cannot be asked")]
    Unreachable(#[source] Arc<CallError>),
}

/// What is known of events.
#[derive(Clone, Debug)]
pub struct Events {
    ticket: InternalClient,
    asked: Cache<EventId, ()>,
    kept: Cache<EventId, Arc<QueueInfo>>,
    unknown: Cache<EventId, ()>,
}

impl Events {
    /// Nothing known yet. Answers are taken for current for `fresh`.
    pub fn new(ticket: InternalClient, fresh: Duration) -> Self {
        let marks = |life| Cache::builder().max_capacity(CAPACITY).time_to_live(life);
        Self {
            ticket,
            asked: marks(fresh).build(),
            kept: Cache::builder()
                .max_capacity(CAPACITY)
                .time_to_live(KEPT)
                .build(),
            unknown: marks(UNKNOWN).build(),
        }
    }

    /// What is known of that event; ticket is asked where that is nothing, by one caller at
    /// a time.
    pub async fn info(&self, event: EventId) -> Result<Arc<QueueInfo>, NoInfo> {
        if self.unknown.contains_key(&event) {
            return Err(NoInfo::Unknown);
        }
        match self.kept.try_get_with(event, self.ask(event)).await {
            Ok(info) => Ok(info),
            Err(error) => Err(self.refused(event, error).await),
        }
    }

    /// What is known of that event, after asking ticket unless that was done just now.
    pub async fn renew(&self, event: EventId) -> Result<Arc<QueueInfo>, NoInfo> {
        if self.asked.contains_key(&event) {
            return self.info(event).await;
        }
        match self.ask(event).await {
            Ok(info) => {
                self.kept.insert(event, Arc::clone(&info)).await;
                Ok(info)
            }
            Err(error) => Err(self.refused(event, Arc::new(error)).await),
        }
    }

    /// What was last heard, without asking.
    pub async fn last_known(&self, event: EventId) -> Option<Arc<QueueInfo>> {
        self.kept.get(&event).await
    }

    async fn ask(&self, event: EventId) -> Result<Arc<QueueInfo>, CallError> {
        self.asked.insert(event, ()).await;
        let path = format!("/internal/events/{event}/queue-info");
        Ok(Arc::new(self.ticket.get(&path).await?))
    }

    async fn refused(&self, event: EventId, error: Arc<CallError>) -> NoInfo {
        if error.status != Some(StatusCode::NOT_FOUND) {
            return NoInfo::Unreachable(error);
        }
        self.kept.invalidate(&event).await;
        self.unknown.insert(event, ()).await;
        NoInfo::Unknown
    }
}
