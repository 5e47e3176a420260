//! Registration and login.

use std::sync::Arc;

use axum::{extract, response::Response};
use http::{HeaderMap, StatusCode, header::ACCEPT_LANGUAGE};
use serde::Deserialize;
use urr_contract::Language;
use urr_kit::{ApiError, ApiResult};
use utoipa::ToSchema;

use super::{
    body::Fields,
    errors,
    signed_in::{SignedIn, SignedInBody},
};
use crate::{
    State,
    domain::{
        account::Account,
        email::Email,
        password::{Password, StoredHash},
        registration::{Credentials, Registration},
        session::RefreshToken,
    },
    store::{token_families, users},
};

/// Body of a registration.
#[derive(Deserialize, ToSchema)]
pub(super) struct RegisterBody {
    /// The address to sign in with.
    #[schema(required, format = Email, max_length = 254, example = "fan@example.com")]
    email: Option<String>,
    /// At least 8 characters.
    #[schema(required, min_length = 8, format = Password, example = "correct horse")]
    password: Option<String>,
    /// What the person is called.
    #[schema(required, min_length = 1, example = "김우르")]
    name: Option<String>,
    /// Telephone number, for whoever wants to leave one.
    #[schema(example = "010-1234-5678")]
    phone: Option<String>,
}

/// Body of a login.
#[derive(Deserialize, ToSchema)]
pub(super) struct LoginBody {
    /// The address of the account.
    #[schema(required, example = "fan@example.com")]
    email: Option<String>,
    /// Its password.
    #[schema(required, format = Password, example = "correct horse")]
    password: Option<String>,
}

/// Makes an account and signs it in.
///
/// The person is written to in the language that the browser prefers.
#[utoipa::path(
    post,
    path = "/register",
    operation_id = "register",
    tag = "Accounts",
    request_body = RegisterBody,
    responses(
        (status = 201, description = "The account is made. Sets both cookies.", body = SignedInBody<'_>),
        (status = 400, description = "`INVALID_INPUT` or `UNREADABLE_INPUT`: a field is wrong. \
            `EMAIL_TAKEN`: there is an account with this e-mail."),
        (status = 503, description = "`SIGN_IN_BUSY`: too many people are signing in."),
    )
)]
pub(super) async fn register(
    extract::State(state): extract::State<Arc<State>>,
    headers: HeaderMap,
    Fields(body): Fields<RegisterBody>,
) -> ApiResult<Response> {
    let wish = Registration::new(body.email, body.password, body.name, body.phone)
        .map_err(errors::violation)?;
    if users::email_is_taken(&state.pool, wish.email.as_str()).await? {
        return Err(errors::email_taken());
    }
    let hash = state
        .hashing
        .hash(wish.password.clone())
        .await
        .map_err(errors::busy)?
        .map_err(ApiError::internal)?;
    let now = state.clock.now();
    let refresh = RefreshToken::first(now, state.lifetimes);
    let mut transaction = state.pool.begin().await?;
    let account = users::insert(&mut *transaction, &wish, &hash, language(&headers))
        .await?
        .ok_or_else(errors::email_taken)?;
    token_families::found(&mut *transaction, account.id, &refresh, now).await?;
    transaction.commit().await?;
    SignedIn {
        account: &account,
        refresh,
    }
    .answer(&state, now, StatusCode::CREATED, "Registration completed")
}

/// Signs in by e-mail and password.
///
/// After several wrong passwords the right one is not looked at for a while either; the
/// answer is the same.
#[utoipa::path(
    post,
    path = "/login",
    operation_id = "login",
    tag = "Accounts",
    request_body = LoginBody,
    responses(
        (status = 200, description = "Signed in. Sets both cookies.", body = SignedInBody<'_>),
        (status = 400, description = "`WRONG_CREDENTIALS`: not this password, or no such account. \
            `INVALID_INPUT` or `UNREADABLE_INPUT`: a field is wrong."),
        (status = 503, description = "`SIGN_IN_BUSY`: too many people are signing in."),
    )
)]
pub(super) async fn log_in(
    extract::State(state): extract::State<Arc<State>>,
    Fields(body): Fields<LoginBody>,
) -> ApiResult<Response> {
    let credentials = Credentials::new(body.email, body.password).map_err(errors::violation)?;
    let (account, hash) = authenticate(&state, credentials).await?;
    let now = state.clock.now();
    let refresh = RefreshToken::first(now, state.lifetimes);
    if !token_families::found_by_password(&state.pool, account.id, &hash, &refresh, now).await? {
        return Err(errors::wrong_credentials());
    }
    SignedIn {
        account: &account,
        refresh,
    }
    .answer(&state, now, StatusCode::OK, "Login successful")
}

/// The account whose password this is, with its hash, or one refusal for all that is wrong.
/// An unknown e-mail costs as much as a wrong password.
async fn authenticate(state: &State, credentials: Credentials) -> ApiResult<(Account, String)> {
    let Credentials { email, password } = credentials;
    let found = users::by_email_with_hash(&state.pool, email.as_str()).await?;
    let stored = StoredHash::new(found.as_ref().map(|(_, hash)| hash.clone()));
    let is_right = is_password(state, &email, stored, password).await?;
    let found = found
        .filter(|_| is_right)
        .ok_or_else(errors::wrong_credentials)?;
    state.metrics.logins.inc();
    Ok(found)
}

/// Whether the password is the one of that account, as one more counted attempt: too soon
/// after others it is not even compared.
pub(super) async fn is_password(
    state: &State,
    email: &Email,
    stored: StoredHash,
    password: Password,
) -> ApiResult<bool> {
    if !state.attempts.lock().may_try(email, state.clock.now()) {
        state.metrics.slowed_logins.inc();
        return Ok(false);
    }
    match state.hashing.matches(password, stored).await {
        Ok(true) => {
            state.attempts.lock().succeeded(email);
            Ok(true)
        }
        Ok(false) => {
            state.metrics.failed_logins.inc();
            Ok(false)
        }
        Err(busy) => {
            state.attempts.lock().withdraw(email);
            Err(errors::busy(busy))
        }
    }
}

/// The language that the browser prefers, Korean where it says none that is spoken here.
pub(super) fn language(headers: &HeaderMap) -> Language {
    headers
        .get(ACCEPT_LANGUAGE)
        .and_then(|value| value.to_str().ok())
        .and_then(Language::preferred)
        .unwrap_or_default()
}
