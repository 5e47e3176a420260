//! The HTTP surface of auth.

use std::sync::Arc;

use axum::{
    Router,
    middleware::from_fn_with_state,
    routing::{get, post},
};
use urr_kit::ApiError;

use crate::State;

mod accounts;
mod bearer;
mod body;
mod errors;
mod google;
mod internal;
mod me;
mod sessions;
mod signed_in;

/// All routes.
pub(crate) fn router(state: Arc<State>) -> Router {
    let public = Router::new()
        .route("/register", post(accounts::register))
        .route("/login", post(accounts::log_in))
        .route("/me", get(me::show).patch(me::change))
        .route("/verify-token", post(sessions::verify_token))
        .route("/refresh", post(sessions::refresh))
        .route("/logout", post(sessions::log_out))
        .route("/google", post(google::sign_in));
    // The guard stands before unknown paths too: nobody learns which exist.
    let internal = Router::new()
        .route("/users/{id}", get(internal::user))
        .route("/users/batch", post(internal::batch))
        .route("/users/counts", get(internal::counts))
        .fallback(async || ApiError::not_found("NOT_FOUND", "Not found"))
        .layer(from_fn_with_state(state.clone(), internal::guard));
    Router::new()
        .nest("/api/auth", public)
        .nest("/internal", internal)
        .with_state(state)
}
