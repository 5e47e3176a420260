//! Figures of a sale, counted at most once a second however many ask: the queue for each
//! line in use, the operator for its status.

use std::{sync::Arc, time::Duration};

use moka::future::Cache;
use sqlx::PgPool;
use urr_contract::EventId;
use urr_kit::ApiResult;

use crate::{domain::availability::Availability, refusal, store::availability};

/// How old figures may be.
const MAX_AGE: Duration = Duration::from_secs(1);
/// Most events kept.
const MAX_EVENTS: u64 = 1_000;

/// Figures of events.
#[derive(Clone, Debug)]
pub struct SaleFigures {
    pool: PgPool,
    figures: Cache<EventId, Option<Availability>>,
}

impl SaleFigures {
    /// Figures of the events in `pool`.
    pub fn new(pool: PgPool) -> Self {
        Self {
            pool,
            figures: Cache::builder()
                .max_capacity(MAX_EVENTS)
                .time_to_live(MAX_AGE)
                .build(),
        }
    }

    /// The figures of an event; `None` where there is no such event. Whoever asks while they
    /// are being counted waits for that count.
    pub async fn get(&self, event: EventId) -> ApiResult<Option<Availability>> {
        let count = availability::of_event(&self.pool, event);
        let counted = self.figures.try_get_with(event, count).await;
        counted.map_err(|error: Arc<sqlx::Error>| refusal::unavailable(error))
    }
}
