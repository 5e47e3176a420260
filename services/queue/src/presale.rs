//! From when each person may line up for an event that members of its artist buy first. Ticket
//! knows; it is asked once for a person who joins, never for a poll, and never once everybody
//! may.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use moka::future::Cache;
use serde_json::json;
use urr_contract::{
    EventId, UserId,
    internal::{EntryWindow, QueueInfo},
};
use urr_kit::{
    ApiError, ApiResult,
    client::{CallError, InternalClient},
};

use crate::{
    domain::{person::Person, presale::too_early},
    http::line_unavailable,
};

/// How long an answer is believed: how late a tier that rises is noticed.
const BELIEVED: Duration = Duration::from_secs(15);
/// Answers kept.
const CAPACITY: u64 = 200_000;

/// Who may line up when.
#[derive(Clone, Debug)]
pub(crate) struct Windows {
    ticket: InternalClient,
    known: Cache<(EventId, UserId), Arc<EntryWindow>>,
}

impl Windows {
    /// Nothing known yet.
    pub(crate) fn new(ticket: InternalClient) -> Self {
        Self {
            ticket,
            known: Cache::builder()
                .max_capacity(CAPACITY)
                .time_to_live(BELIEVED)
                .build(),
        }
    }

    /// 403 for a person whose window has not opened; 503 where that depends on the person and
    /// ticket cannot be asked. A visitor may be anybody, and waits until everybody may.
    pub(crate) async fn check(
        &self,
        event: EventId,
        person: Person,
        info: &QueueInfo,
        now: Timestamp,
    ) -> ApiResult<()> {
        let Some(general) = info.general_sale_starts_at.filter(|general| now < *general) else {
            return Ok(());
        };
        if !person.account {
            return Err(not_open(general, None).with("signInRequired", json!(true)));
        }
        let window = self.of(event, UserId(person.id)).await;
        let window = window.map_err(line_unavailable)?;
        match too_early(window.opens_at, info.sale_starts_at, now) {
            Some(opens_at) => Err(not_open(opens_at, Some(&window.tier))),
            None => Ok(()),
        }
    }

    async fn of(&self, event: EventId, user: UserId) -> Result<Arc<EntryWindow>, Arc<CallError>> {
        let path = format!("/internal/events/{event}/entry?userId={user}");
        let ask = async { Ok::<_, CallError>(Arc::new(self.ticket.get(&path).await?)) };
        self.known.try_get_with((event, user), ask).await
    }
}

/// The same answer as that of ticket to a hold.
fn not_open(opens_at: Timestamp, tier: Option<&str>) -> ApiError {
    let whom = tier.unwrap_or("everybody");
    ApiError::forbidden(
        "PRESALE_NOT_OPEN",
        format!("The sale opens for {whom} at {opens_at}"),
    )
    .with("tier", json!(tier))
    .with("opensAt", json!(opens_at))
}
