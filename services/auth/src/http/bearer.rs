//! Who asks, by the bearer token of the request. The gateway has turned the cookie into it.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::{HeaderMap, header::AUTHORIZATION, request::Parts};
use jiff::Timestamp;
use urr_contract::tokens::{AccessClaims, SessionTokenType, TokenKey};
use urr_kit::ApiError;

use super::errors;
use crate::{
    State,
    domain::account::{Account, Role},
    store::{token_families, users},
};

/// Claims of a valid access token. 401 without one.
pub(super) struct Bearer(pub(super) AccessClaims);

impl FromRequestParts<Arc<State>> for Bearer {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<State>) -> Result<Self, ApiError> {
        bearer_token(&parts.headers)
            .and_then(|token| access_claims(&state.tokens, token, state.clock.now()))
            .map(Self)
            .ok_or_else(ApiError::unauthorized)
    }
}

/// Claims of a valid access token whose login nobody has ended. 401 without one.
pub(super) struct Live(pub(super) AccessClaims);

impl FromRequestParts<Arc<State>> for Live {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<State>) -> Result<Self, ApiError> {
        let Bearer(claims) = Bearer::from_request_parts(parts, state).await?;
        if let Some(family) = claims.family_id
            && token_families::has_ended(&state.pool, family).await?
        {
            return Err(ApiError::unauthorized());
        }
        Ok(Self(claims))
    }
}

/// The account of whoever is signed in, where it may administer: as it is stored, since a role
/// may have been taken away. 401 where nobody is signed in, 403 where somebody else is.
pub(super) struct Administrator(pub(super) Account);

impl FromRequestParts<Arc<State>> for Administrator {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<State>) -> Result<Self, ApiError> {
        let Live(claims) = Live::from_request_parts(parts, state).await?;
        users::by_id(&state.pool, claims.user_id)
            .await?
            .filter(|account| account.role == Role::Admin)
            .map(Self)
            .ok_or_else(errors::admin_only)
    }
}

/// Claims of a valid access token, if the request has one.
pub(super) struct MaybeBearer(pub(super) Option<AccessClaims>);

impl FromRequestParts<Arc<State>> for MaybeBearer {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &Arc<State>,
    ) -> Result<Self, Self::Rejection> {
        Ok(Self(
            Bearer::from_request_parts(parts, state)
                .await
                .ok()
                .map(|Bearer(claims)| claims),
        ))
    }
}

/// The token after `Bearer `, whose case does not matter.
pub(super) fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then_some(token.trim())
}

/// The claims, if the token is ours, an access token, and has not ended.
pub(super) fn access_claims(key: &TokenKey, token: &str, now: Timestamp) -> Option<AccessClaims> {
    key.verify::<AccessClaims>(token, now)
        .ok()
        .filter(|claims| claims.token_type == SessionTokenType::Access)
}
