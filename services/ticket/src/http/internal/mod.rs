//! What other services ask. The internal token only; the gateway never routes here.

pub mod events;
pub mod memberships;
pub mod reservations;
pub mod seats;
pub mod transfers;

use std::sync::Arc;

use axum::Router;

use crate::State;

pub(super) fn routes() -> Router<Arc<State>> {
    Router::new()
        .merge(events::routes())
        .merge(memberships::routes())
        .merge(reservations::routes())
        .merge(seats::routes())
        .merge(transfers::routes())
}
