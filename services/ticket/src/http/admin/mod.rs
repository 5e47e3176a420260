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

use axum::Router;

use crate::State;

pub(super) fn routes(state: &Arc<State>) -> Router<Arc<State>> {
    Router::new()
        .merge(audit::routes())
        .merge(dashboard::routes())
        .merge(door::routes(state))
        .merge(events::routes(state))
        .merge(payouts::routes(state))
        .merge(reservations::routes(state))
        .merge(seats::routes(state))
        .merge(ticket_types::routes(state))
}

/// A filter of a list: blank is none, and what Postgres text cannot hold is left out.
fn filter(word: Option<String>) -> Option<String> {
    word.map(|word| word.trim().replace('\0', ""))
        .filter(|word| !word.is_empty())
}
