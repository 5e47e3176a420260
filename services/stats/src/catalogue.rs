//! What ticket knows of everything there is to sell: how much it is, and how places of each
//! kind sell. Remembered for a minute, since ticket counts seats one by one.

use std::{sync::Arc, time::Duration};

use moka::future::Cache;
use tracing::debug;
use urr_contract::{
    EventId,
    internal::{AlikePlaces, CatalogueFigures, SeatFigures},
};
use urr_kit::client::{CallError, InternalClient};

/// How long an answer is good for.
const REMEMBERED: Duration = Duration::from_mins(1);
/// Most events whose places are remembered.
const MOST_REMEMBERED: u64 = 100;

/// Asks ticket for sums. Whoever asks while ticket is counting waits for that answer.
#[derive(Clone, Debug)]
pub struct Catalogue {
    ticket: InternalClient,
    figures: Cache<(), CatalogueFigures>,
    places: Cache<Option<EventId>, Arc<[AlikePlaces]>>,
}

impl Catalogue {
    /// Sums as ticket has them.
    pub fn new(ticket: InternalClient) -> Self {
        Self {
            ticket,
            figures: Cache::builder().time_to_live(REMEMBERED).build(),
            places: Cache::builder()
                .time_to_live(REMEMBERED)
                .max_capacity(MOST_REMEMBERED)
                .build(),
        }
    }

    /// How much there is; `None` while ticket is away.
    pub async fn figures(&self) -> Option<CatalogueFigures> {
        let ask = self.ticket.get("/internal/events/figures");
        known(self.figures.try_get_with((), ask).await)
    }

    /// The places of one event or of all, those that are alike together; `None` while ticket
    /// is away.
    pub async fn places(&self, event: Option<EventId>) -> Option<Arc<[AlikePlaces]>> {
        let path = match event {
            Some(event) => format!("/internal/seats/figures?eventId={event}"),
            None => "/internal/seats/figures".to_owned(),
        };
        let ask = async {
            let answer: SeatFigures = self.ticket.get(&path).await?;
            Ok(answer.places.into())
        };
        known(self.places.try_get_with(event, ask).await)
    }
}

fn known<T>(answer: Result<T, Arc<CallError>>) -> Option<T> {
    answer
        .inspect_err(|error| debug!(%error, "the catalogue is not known"))
        .ok()
}
