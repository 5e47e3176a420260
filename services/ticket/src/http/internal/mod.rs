//! What other services ask. The internal token only; the gateway never routes here.

pub mod events;
pub mod memberships;
pub mod orders;
pub mod policy;
pub mod reservations;
pub mod resources;
pub mod seats;
pub mod transfers;

use std::sync::Arc;

use axum::Router;
use urr_kit::personal_data;

use crate::State;

pub(super) fn routes() -> Router<Arc<State>> {
    Router::new()
        .merge(events::routes())
        .merge(memberships::routes())
        .merge(orders::routes())
        .merge(policy::routes())
        .merge(reservations::routes())
        .merge(resources::routes())
        .merge(seats::routes())
        .merge(transfers::routes())
        .merge(personal_data::routes())
}
