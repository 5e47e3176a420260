//! JSON bodies of auth, where the contract words what cannot be read.

use axum::extract::{FromRequest, Request};
use http::StatusCode;
use serde::de::DeserializeOwned;
use urr_kit::{ApiError, extract::AppJson};

use super::errors;

/// A JSON body. Whatever cannot be read as one is the contract's 400; a body beyond the
/// limit stays 413.
pub(super) struct Fields<T>(pub(super) T);

impl<S, T> FromRequest<S> for Fields<T>
where
    S: Send + Sync,
    T: DeserializeOwned,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        AppJson::<T>::from_request(request, state)
            .await
            .map(|AppJson(fields)| Self(fields))
            .map_err(unreadable)
    }
}

/// The contract's words for a body that cannot be read.
pub(super) fn unreadable(error: ApiError) -> ApiError {
    if error.status() == StatusCode::BAD_REQUEST {
        errors::unreadable()
    } else {
        error
    }
}
