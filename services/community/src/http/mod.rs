//! The HTTP surface of community.

use std::sync::Arc;

use axum::{
    Router,
    routing::{delete, get},
};
use urr_kit::personal_data;

use crate::State;

mod comments;
mod errors;
mod news;
mod posts;

/// All routes.
pub(crate) fn router(state: Arc<State>) -> Router {
    Router::new()
        .route("/api/news", get(news::list).post(news::create))
        .route(
            "/api/news/{id}",
            get(news::show).put(news::update).delete(news::remove),
        )
        .route("/api/community/posts", get(posts::list).post(posts::create))
        .route(
            "/api/community/posts/{id}",
            get(posts::show).put(posts::update).delete(posts::remove),
        )
        .route(
            "/api/community/posts/{id}/comments",
            get(comments::list).post(comments::create),
        )
        .route(
            "/api/community/posts/{id}/comments/{comment_id}",
            delete(comments::remove),
        )
        .merge(personal_data::routes())
        .with_state(state)
}
