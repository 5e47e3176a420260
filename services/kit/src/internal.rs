//! Calls from other services: `/internal/**` takes the internal token and nothing else.

use axum::extract::FromRequestParts;
use http::{StatusCode, header::AUTHORIZATION, request::Parts};
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use crate::{ApiError, ApiResult};

/// The secret that services share among themselves.
#[derive(Clone, Debug)]
pub struct InternalToken(SecretString);

impl InternalToken {
    /// That secret.
    pub fn new(secret: SecretString) -> Self {
        Self(secret)
    }

    /// The secret, to be sent.
    pub fn secret(&self) -> &SecretString {
        &self.0
    }

    /// Whether that is the token. Takes the same time for every wrong one.
    pub fn matches(&self, given: &str) -> bool {
        self.0
            .expose_secret()
            .as_bytes()
            .ct_eq(given.as_bytes())
            .into()
    }
}

/// Implemented by a service's state, so that [`InternalCaller`] finds the token.
pub trait HasInternalToken {
    /// The token that callers must show.
    fn internal_token(&self) -> &InternalToken;
}

impl<T: HasInternalToken> HasInternalToken for std::sync::Arc<T> {
    fn internal_token(&self) -> &InternalToken {
        (**self).internal_token()
    }
}

/// Another service. 401 without a bearer token, 403 with a wrong one.
#[derive(Clone, Copy, Debug)]
pub struct InternalCaller;

impl<S: HasInternalToken + Send + Sync> FromRequestParts<S> for InternalCaller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> ApiResult<Self> {
        let given = parts
            .headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "))
            .ok_or_else(|| {
                ApiError::new(
                    StatusCode::UNAUTHORIZED,
                    "INTERNAL_TOKEN_REQUIRED",
                    "Internal token required",
                )
            })?;
        if state.internal_token().matches(given.trim()) {
            Ok(Self)
        } else {
            Err(ApiError::forbidden(
                "INVALID_INTERNAL_TOKEN",
                "Invalid internal token",
            ))
        }
    }
}
