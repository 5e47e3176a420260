//! What becomes of a session after login: verification, refresh, logout.

use std::sync::Arc;

use axum::{extract, response::Response};
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tracing::warn;
use urr_contract::{
    UserId, headers,
    tokens::{AccessClaims, RefreshClaims, SessionTokenType},
};
use urr_kit::{ApiError, ApiResult, extract::AppJson, serve::cookie, telemetry::chain};
use utoipa::ToSchema;

use super::{
    bearer::{MaybeBearer, access_claims},
    body::{Fields, unreadable},
    errors,
    signed_in::{SignedIn, SignedInBody, SignedOutBody, signed_out},
};
use crate::{
    State,
    domain::{
        account::{Account, Role},
        session::{Presented, RefreshToken, presented},
    },
    store::{
        token_families::{self, EndReason},
        users,
    },
};

/// Body of a verification.
#[derive(Deserialize, ToSchema)]
pub(super) struct VerifyBody {
    /// An access token.
    #[schema(required, min_length = 1)]
    token: Option<String>,
}

/// A token that is worth something, and whose it is.
#[derive(Serialize, ToSchema)]
pub(super) struct Verified {
    /// Always true: a worthless token is refused.
    valid: bool,
    /// The account.
    user: VerifiedUser,
}

/// The owner of a token.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct VerifiedUser {
    /// The account.
    user_id: UserId,
    /// The e-mail address.
    email: String,
    /// The name.
    name: String,
    /// What the account may do.
    role: Role,
}

/// Body of a refresh without cookie.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct RefreshBody {
    /// The refresh token, where it is in no cookie.
    #[schema(min_length = 1)]
    refresh_token: Option<String>,
}

/// Says whether an access token is worth anything, and whose it is.
#[utoipa::path(
    post,
    path = "/verify-token",
    operation_id = "verifyToken",
    tag = "Accounts",
    request_body = VerifyBody,
    responses(
        (status = 200, description = "It is.", body = Verified),
        (status = 400, description = "`INVALID_TOKEN`: it is not. `USER_NOT_FOUND`: its owner is \
            gone. `INVALID_INPUT` or `UNREADABLE_INPUT`: there is no token."),
    )
)]
pub(super) async fn verify_token(
    extract::State(state): extract::State<Arc<State>>,
    Fields(body): Fields<VerifyBody>,
) -> ApiResult<AppJson<Verified>> {
    let token = not_blank(body.token).ok_or_else(errors::blank)?;
    let claims = access_claims(&state.tokens, token.trim(), state.clock.now())
        .ok_or_else(errors::invalid_token)?;
    if let Some(family) = claims.family_id
        && token_families::has_ended(&state.pool, family).await?
    {
        return Err(errors::invalid_token());
    }
    let account = users::by_id(&state.pool, claims.user_id)
        .await?
        .ok_or_else(errors::user_not_found)?;
    Ok(AppJson(Verified {
        valid: true,
        user: VerifiedUser {
            user_id: account.id,
            email: account.email,
            name: account.name,
            role: account.role,
        },
    }))
}

/// Exchanges a refresh token for a new pair of tokens.
///
/// The token of the cookie `refresh_token`, else the body's. A token is worth one exchange;
/// for a few seconds after it, the same again gives the same new token. Whoever shows an
/// older one ends the whole session, because then two people have it.
#[utoipa::path(
    post,
    path = "/refresh",
    operation_id = "refreshSession",
    tag = "Accounts",
    params(("refresh_token" = Option<String>, Cookie, description = "The refresh token.")),
    request_body = Option<RefreshBody>,
    responses(
        (status = 200, description = "A new pair. Sets both cookies.", body = SignedInBody<'_>),
        (status = 400, description = "`REFRESH_TOKEN_REQUIRED`: there is none. \
            `INVALID_REFRESH_TOKEN`: it is worth nothing any more. `REFRESH_TOKEN_REUSED`: it was \
            exchanged before, and the session is ended. `UNREADABLE_INPUT`: the body is no JSON."),
    )
)]
pub(super) async fn refresh(
    extract::State(state): extract::State<Arc<State>>,
    headers: HeaderMap,
    body: Result<Option<AppJson<RefreshBody>>, ApiError>,
) -> ApiResult<Response> {
    let token = match cookie(&headers, headers::COOKIE_REFRESH) {
        Some(token) => token.to_owned(),
        None => body_token(body)?,
    };
    let now = state.clock.now();
    let claims = refresh_claims(&state, &token, now).ok_or_else(errors::invalid_refresh_token)?;
    let (account, refresh) = exchange(&state, &claims, now).await?;
    SignedIn {
        account: &account,
        refresh,
    }
    .answer(&state, now, StatusCode::OK, "Token refreshed")
}

fn body_token(body: Result<Option<AppJson<RefreshBody>>, ApiError>) -> ApiResult<String> {
    let body = body.map_err(unreadable)?;
    body.and_then(|AppJson(body)| not_blank(body.refresh_token))
        .ok_or_else(errors::refresh_token_required)
}

/// Gives the token that a presented one is worth. Whatever is decided is committed before
/// it is answered: an ended family must stay ended although the answer is a refusal.
async fn exchange(
    state: &State,
    claims: &RefreshClaims,
    now: Timestamp,
) -> ApiResult<(Account, RefreshToken)> {
    let mut transaction = state.pool.begin().await?;
    let family = token_families::lock(&mut *transaction, claims.family_id)
        .await?
        .ok_or_else(errors::invalid_refresh_token)?;
    let (token, rotated_at) =
        token_families::token(&mut *transaction, claims.family_id, claims.jti)
            .await?
            .ok_or_else(errors::invalid_refresh_token)?;
    let outcome = match presented(&token, rotated_at, family.ended_at, now) {
        Presented::Live => {
            let successor = token.successor(now, state.lifetimes);
            token_families::mark_rotated(&mut *transaction, token.id, now).await?;
            token_families::add_successor(&mut *transaction, &successor).await?;
            Ok(successor)
        }
        Presented::JustRotated => {
            Ok(token_families::live_token(&mut *transaction, token.family).await?)
        }
        Presented::Reused => {
            token_families::end(&mut *transaction, token.family, EndReason::Reuse, now).await?;
            state.metrics.reused_tokens.inc();
            Err(errors::reused_refresh_token())
        }
        Presented::Expired => Err(errors::invalid_refresh_token()),
    };
    transaction.commit().await?;
    outcome.map(|refresh| (family.account, refresh))
}

/// Ends the session, and takes both cookies away.
///
/// Always succeeds for the browser.
#[utoipa::path(
    post,
    path = "/logout",
    operation_id = "logout",
    tag = "Accounts",
    params(("refresh_token" = Option<String>, Cookie, description = "The refresh token.")),
    security((), ("bearer" = [])),
    responses((status = 200, description = "Signed out.", body = SignedOutBody))
)]
pub(super) async fn log_out(
    extract::State(state): extract::State<Arc<State>>,
    MaybeBearer(access): MaybeBearer,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let now = state.clock.now();
    let refresh = cookie(&headers, headers::COOKIE_REFRESH)
        .and_then(|token| refresh_claims(&state, token, now));
    if let Err(error) = end_session(&state, access, refresh, now).await {
        warn!(error = %chain(&error), "a session could not be ended");
    }
    signed_out(state.cookie_secure)
}

/// Ends the login that the tokens belong to. An access token that names none, as old
/// issuers made them, ends all of its owner.
async fn end_session(
    state: &State,
    access: Option<AccessClaims>,
    refresh: Option<RefreshClaims>,
    now: Timestamp,
) -> sqlx::Result<()> {
    if let Some(claims) = refresh {
        token_families::end(&state.pool, claims.family_id, EndReason::Logout, now).await?;
    }
    match access {
        Some(claims) => match claims.family_id {
            Some(family) => token_families::end(&state.pool, family, EndReason::Logout, now).await,
            None => {
                token_families::end_all_of(&state.pool, claims.user_id, EndReason::Logout, now)
                    .await
            }
        },
        None => Ok(()),
    }
}

/// The claims, if the token is ours, a refresh token, and has not ended.
fn refresh_claims(state: &State, token: &str, now: Timestamp) -> Option<RefreshClaims> {
    state
        .tokens
        .verify::<RefreshClaims>(token.trim(), now)
        .ok()
        .filter(|claims| claims.token_type == SessionTokenType::Refresh)
}

fn not_blank(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty())
}
