//! Basic authentication with the secret key as user name and no password.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use base64::Engine;
use http::{header::AUTHORIZATION, request::Parts};
use secrecy::ExposeSecret;
use subtle::ConstantTimeEq;

use super::Refused;
use crate::{State, domain::refusals};

/// The merchant, known by its secret key.
pub(super) struct Merchant;

impl FromRequestParts<Arc<State>> for Merchant {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<State>) -> Result<Self, Refused> {
        let encoded = parts
            .headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Basic "))
            .ok_or(refusals::UNAUTHORIZED_KEY)?;
        let decoded = base64::engine::general_purpose::STANDARD
            .decode(encoded.trim())
            .map_err(|_| refusals::INCORRECT_BASIC_AUTH)?;
        let key = decoded
            .strip_suffix(b":")
            .ok_or(refusals::INCORRECT_BASIC_AUTH)?;
        let known: bool = state
            .secret_key
            .expose_secret()
            .as_bytes()
            .ct_eq(key)
            .into();
        if known {
            Ok(Self)
        } else {
            Err(refusals::UNAUTHORIZED_KEY.into())
        }
    }
}
