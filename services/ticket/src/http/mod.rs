//! The HTTP surface, one file per resource.

pub mod admin;
pub mod artists;
pub mod best_seats;
pub mod booker;
pub mod check_ins;
pub mod doorkeeper;
pub mod events;
pub mod images;
pub mod internal;
pub mod memberships;
pub mod my_tickets;
pub mod reservations;
pub mod seats;
pub mod tickets;
pub mod time;
pub mod transfers;

use std::sync::Arc;

use axum::Router;
use bytes::Bytes;
use http::{HeaderValue, header::CONTENT_TYPE};

use crate::State;

/// All routes of this service.
pub fn routes(state: &Arc<State>) -> Router<Arc<State>> {
    Router::new()
        .merge(admin::routes(state))
        .merge(artists::routes())
        .merge(best_seats::routes())
        .merge(check_ins::routes())
        .merge(events::routes())
        .merge(images::routes(state))
        .merge(memberships::routes())
        .merge(my_tickets::routes())
        .merge(reservations::routes())
        .merge(seats::routes())
        .merge(tickets::routes())
        .merge(time::routes())
        .merge(transfers::routes())
        .merge(internal::routes())
}

/// A body that is JSON already.
type JsonBytes = ([(http::HeaderName, HeaderValue); 1], Bytes);

fn json_bytes(body: Bytes) -> JsonBytes {
    (
        [(CONTENT_TYPE, HeaderValue::from_static("application/json"))],
        body,
    )
}
