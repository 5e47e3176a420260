//! The HTTP surface of auth.

use std::sync::Arc;

use axum::{
    Router,
    middleware::from_fn_with_state,
    routing::{get, post},
};
use urr_kit::{
    ApiError,
    openapi::{OpenApiRouter, routes},
};

use crate::State;

mod accounts;
mod bearer;
mod body;
mod erasure;
mod errors;
mod export;
mod google;
mod internal;
mod me;
mod sessions;
mod signed_in;

/// All routes.
pub(crate) fn router(state: Arc<State>) -> Router {
    // The guard stands before unknown paths too: nobody learns which exist.
    let internal = Router::new()
        .route("/users/{id}", get(internal::user))
        .route("/users/batch", post(internal::batch))
        .route("/users/counts", get(internal::counts))
        .route("/users/daily", post(internal::daily))
        .fallback(async || ApiError::not_found("NOT_FOUND", "Not found"))
        .layer(from_fn_with_state(state.clone(), internal::guard));
    Router::from(public())
        .nest("/internal", internal)
        .with_state(state)
}

/// What everybody may call, with its description.
pub(crate) fn public() -> OpenApiRouter<Arc<State>> {
    let accounts = OpenApiRouter::default()
        .routes(routes!(accounts::register))
        .routes(routes!(accounts::log_in))
        .routes(routes!(me::show, me::change, erasure::leave))
        .routes(routes!(export::export))
        .routes(routes!(sessions::verify_token))
        .routes(routes!(sessions::refresh))
        .routes(routes!(sessions::log_out))
        .routes(routes!(google::sign_in));
    let administration = OpenApiRouter::default()
        .routes(routes!(erasure::erase))
        .routes(routes!(erasure::show));
    OpenApiRouter::default()
        .nest("/api/auth", accounts)
        .nest("/api/admin", administration)
}
