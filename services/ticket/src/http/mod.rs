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

use axum::{Extension, Router};
use bytes::Bytes;
use http::{HeaderValue, header::CONTENT_TYPE};
use urr_kit::openapi::OpenApiRouter;

use crate::State;

/// All routes of this service. What administrators do is written down with the state that
/// it finds among the extensions.
pub fn routes(state: &Arc<State>) -> Router<Arc<State>> {
    Router::from(public())
        .layer(Extension(Arc::clone(state)))
        .merge(internal::routes())
}

/// What everybody may call, with its description.
pub fn public() -> OpenApiRouter<Arc<State>> {
    OpenApiRouter::default()
        .merge(admin::routes())
        .merge(artists::routes())
        .merge(best_seats::routes())
        .merge(check_ins::routes())
        .merge(events::routes())
        .merge(images::routes())
        .merge(memberships::routes())
        .merge(my_tickets::routes())
        .merge(reservations::routes())
        .merge(seats::routes())
        .merge(tickets::routes())
        .merge(time::routes())
        .merge(transfers::routes())
}

/// A body that is JSON already.
type JsonBytes = ([(http::HeaderName, HeaderValue); 1], Bytes);

fn json_bytes(body: Bytes) -> JsonBytes {
    (
        [(CONTENT_TYPE, HeaderValue::from_static("application/json"))],
        body,
    )
}
