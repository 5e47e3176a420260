//! What administrators see and do. Every act is written down, whatever comes of it. Paths of
//! the newer description stand beside those that clients use.

pub(super) mod audit;
pub mod dashboard;
pub mod door;
pub mod events;
pub mod names;
pub mod payouts;
pub mod reservations;
pub mod seats;
pub mod ticket_types;

use std::sync::Arc;

use urr_kit::openapi::OpenApiRouter;

use crate::State;

pub(super) fn routes() -> OpenApiRouter<Arc<State>> {
    OpenApiRouter::default()
        .merge(audit::routes())
        .merge(dashboard::routes())
        .merge(door::routes())
        .merge(events::routes())
        .merge(payouts::routes())
        .merge(reservations::routes())
        .merge(seats::routes())
        .merge(ticket_types::routes())
}

/// A filter of a list: blank is none, and what Postgres text cannot hold is left out.
fn filter(word: Option<String>) -> Option<String> {
    word.map(|word| word.trim().replace('\0', ""))
        .filter(|word| !word.is_empty())
}
