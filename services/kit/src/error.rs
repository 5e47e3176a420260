//! The one error of the HTTP surface and its one shape on the wire:
//! `{"error": text, "message": text, "code": word}`.
//!
//! `code` is stable and for programs; the text is for people and is the contract's where
//! the contract fixes one. The cause is logged once, by the layer in [`crate::serve`],
//! and never sent.

use std::sync::Arc;

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header::RETRY_AFTER};
use serde_json::{Map, Value};

use crate::client::{CallError, Fault};

/// What a handler returns.
pub type ApiResult<T> = Result<T, ApiError>;

/// Seconds after which a client may try again where nobody knows better.
const DEFAULT_RETRY_AFTER: u64 = 1;

/// An answer that is not a success.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    code: &'static str,
    detail: String,
    retry_after: Option<u64>,
    fields: Map<String, Value>,
    source: Option<anyhow::Error>,
}

/// Left in the response's extensions for the layer that logs it.
#[derive(Clone, Debug)]
pub(crate) struct LoggedCause(pub(crate) Arc<anyhow::Error>);

impl ApiError {
    /// Any status. Prefer the constructors by meaning.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            code,
            detail: detail.into(),
            retry_after: None,
            fields: Map::new(),
            source: None,
        }
    }

    /// 400: the request itself is wrong.
    pub fn bad_request(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// 401: nobody is signed in.
    pub fn unauthorized() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "AUTHENTICATION_REQUIRED",
            "Authentication required",
        )
    }

    /// 403: somebody is signed in and may not.
    pub fn forbidden(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, detail)
    }

    /// 404: there is no such thing, or not for this person.
    pub fn not_found(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, detail)
    }

    /// 409: the state of things does not allow it.
    pub fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    /// 422: same idempotency key, other request.
    pub fn unprocessable(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail)
    }

    /// 502: another party answered nonsense.
    pub fn bad_gateway(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_GATEWAY, code, detail)
    }

    /// 503: not now; try again after so many seconds.
    pub fn unavailable(code: &'static str, detail: impl Into<String>, retry_after: u64) -> Self {
        Self {
            retry_after: Some(retry_after),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail)
        }
    }

    /// 500: our fault. The cause is logged, the client learns nothing of it.
    pub fn internal(source: impl Into<anyhow::Error>) -> Self {
        Self {
            source: Some(source.into()),
            ..Self::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "INTERNAL_ERROR",
                "Internal server error",
            )
        }
    }

    /// Adds a field to the body, beside `error`, `message` and `code`.
    #[must_use]
    pub fn with(mut self, field: &str, value: Value) -> Self {
        self.fields.insert(field.to_owned(), value);
        self
    }

    /// Adds the cause, which is logged and never sent.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<anyhow::Error>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Status of the answer.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The stable word.
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// The text.
    pub fn detail(&self) -> &str {
        &self.detail
    }
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}: {}", self.status.as_u16(), self.code, self.detail)
    }
}

impl std::error::Error for ApiError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| &**source as _)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut body = Map::new();
        body.insert("error".to_owned(), Value::String(self.detail.clone()));
        body.insert("message".to_owned(), Value::String(self.detail));
        body.insert("code".to_owned(), Value::String(self.code.to_owned()));
        body.extend(self.fields);
        let mut response = (self.status, Json(body)).into_response();
        if let Some(seconds) = self.retry_after {
            response
                .headers_mut()
                .insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(source) = self.source {
            response
                .extensions_mut()
                .insert(LoggedCause(Arc::new(source)));
        }
        response
    }
}

/// A database that cannot be reached, or is too busy to decide, is 503; every other failure
/// is ours.
impl From<sqlx::Error> for ApiError {
    fn from(error: sqlx::Error) -> Self {
        if crate::database::is_passing(&error) {
            Self::unavailable(
                "DATABASE_UNAVAILABLE",
                "Service temporarily unavailable. Please retry.",
                DEFAULT_RETRY_AFTER,
            )
            .caused_by(error)
        } else {
            Self::internal(error)
        }
    }
}

impl From<redis::RedisError> for ApiError {
    fn from(error: redis::RedisError) -> Self {
        Self::unavailable(
            "REDIS_UNAVAILABLE",
            "Service temporarily unavailable. Please retry.",
            DEFAULT_RETRY_AFTER,
        )
        .caused_by(error)
    }
}

impl From<anyhow::Error> for ApiError {
    fn from(error: anyhow::Error) -> Self {
        match error.downcast::<sqlx::Error>() {
            Ok(error) => error.into(),
            Err(error) => Self::internal(error),
        }
    }
}

/// A refusal by a peer passes through with its status and text; a peer that cannot be
/// reached is 503.
impl From<CallError> for ApiError {
    fn from(error: CallError) -> Self {
        match (error.fault, error.status) {
            (Fault::Caller, Some(status)) => {
                Self::new(status, "REFUSED_BY_PEER", error.detail.clone())
            }
            _ => Self::unavailable(
                "PEER_UNAVAILABLE",
                "Service temporarily unavailable. Please retry.",
                DEFAULT_RETRY_AFTER,
            )
            .caused_by(error),
        }
    }
}
