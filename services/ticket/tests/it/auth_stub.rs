//! The auth service as ticket sees it: it knows everybody's name, unless it is down.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::post,
};
use urr_contract::{
    Language,
    internal::{UserBatch, UserIdBatch, UserSummary},
};

/// Auth, up or down.
#[derive(Clone, Debug, Default)]
pub(crate) struct AuthStub(Arc<AtomicBool>);

impl AuthStub {
    /// Serves it; returns its base URL.
    pub(crate) async fn serve(&self) -> String {
        let router = Router::new()
            .route("/internal/users/batch", post(batch))
            .with_state(self.clone());
        urr_testkit::serve(router).await
    }

    /// Whether every call fails from now on.
    pub(crate) fn set_down(&self, down: bool) {
        self.0.store(down, Ordering::Relaxed);
    }
}

async fn batch(State(stub): State<AuthStub>, Json(batch): Json<UserIdBatch>) -> Response {
    if stub.0.load(Ordering::Relaxed) {
        return StatusCode::BAD_GATEWAY.into_response();
    }
    let users = batch
        .user_ids
        .into_iter()
        .map(|id| UserSummary {
            id,
            email: format!("{id}@test.invalid"),
            name: format!("Name of {id}"),
            language: Language::Ko,
        })
        .collect();
    Json(UserBatch { users }).into_response()
}
