//! What ticket knows of an event: whether it exists, its title, its sale window. Asked once
//! a minute at most; while ticket is away, the last answer stands.

use std::{sync::Arc, time::Duration};

use http::StatusCode;
use moka::future::Cache;
use urr_contract::{EventId, internal::QueueInfo};
use urr_kit::client::{CallError, InternalClient};

/// How long an answer is taken for current.
const FRESH: Duration = Duration::from_mins(1);
/// How long it stands in for ticket.
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
    fresh: Cache<EventId, Arc<QueueInfo>>,
    kept: Cache<EventId, Arc<QueueInfo>>,
    unknown: Cache<EventId, ()>,
}

impl Events {
    /// Nothing known yet.
    pub fn new(ticket: InternalClient) -> Self {
        let cache = |life| Cache::builder().max_capacity(CAPACITY).time_to_live(life);
        Self {
            ticket,
            fresh: cache(FRESH).build(),
            kept: cache(KEPT).build(),
            unknown: Cache::builder()
                .max_capacity(CAPACITY)
                .time_to_live(UNKNOWN)
                .build(),
        }
    }

    /// What is known of that event; ticket is asked by one caller at a time.
    pub async fn info(&self, event: EventId) -> Result<Arc<QueueInfo>, NoInfo> {
        if self.unknown.contains_key(&event) {
            return Err(NoInfo::Unknown);
        }
        match self.fresh.try_get_with(event, self.ask(event)).await {
            Ok(info) => Ok(info),
            Err(error) if error.status == Some(StatusCode::NOT_FOUND) => {
                self.unknown.insert(event, ()).await;
                Err(NoInfo::Unknown)
            }
            Err(error) => self
                .last_known(event)
                .await
                .ok_or(NoInfo::Unreachable(error)),
        }
    }

    /// What was last heard, without asking.
    pub async fn last_known(&self, event: EventId) -> Option<Arc<QueueInfo>> {
        self.kept.get(&event).await
    }

    async fn ask(&self, event: EventId) -> Result<Arc<QueueInfo>, CallError> {
        let path = format!("/internal/events/{event}/queue-info");
        let info: Arc<QueueInfo> = Arc::new(self.ticket.get(&path).await?);
        self.kept.insert(event, Arc::clone(&info)).await;
        Ok(info)
    }
}
