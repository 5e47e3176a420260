//! Sign-in with Google.

use std::sync::Arc;

use anyhow::anyhow;
use axum::{extract, response::Response};
use http::HeaderMap;
use jiff::Timestamp;
use serde::Deserialize;
use urr_contract::Language;
use urr_kit::{ApiError, ApiResult};
use utoipa::ToSchema;

use super::{
    accounts::language,
    body::Fields,
    errors,
    signed_in::{SignedIn, SignedInBody},
};
use crate::{
    State,
    domain::{account::Account, google_identity::GoogleIdentity, session::RefreshToken},
    store::{
        token_families::{self, EndReason},
        users,
    },
};

/// Tries to find or make the account while other sign-ins of the same person make it too.
const TRIES: usize = 3;

/// Body of a sign-in.
#[derive(Deserialize, ToSchema)]
pub(super) struct GoogleBody {
    /// The ID token that Google gave to the browser.
    #[schema(required, min_length = 1)]
    credential: Option<String>,
}

/// Signs in with Google, and makes the account where there is none.
#[utoipa::path(
    post,
    path = "/google",
    operation_id = "signInWithGoogle",
    tag = "Accounts",
    request_body = GoogleBody,
    responses(
        (status = 200, description = "Signed in. Sets both cookies.", body = SignedInBody<'_>),
        (status = 400, description = "`GOOGLE_CREDENTIAL_REQUIRED`, `INVALID_GOOGLE_TOKEN`, \
            `INVALID_GOOGLE_PAYLOAD`, `GOOGLE_EMAIL_UNVERIFIED`: Google does not vouch for anybody. \
            `GOOGLE_NOT_CONFIGURED`: not offered here. `UNREADABLE_INPUT`: the body is no JSON."),
        (status = 503, description = "`GOOGLE_UNAVAILABLE`: Google's keys cannot be had."),
    )
)]
pub(super) async fn sign_in(
    extract::State(state): extract::State<Arc<State>>,
    headers: HeaderMap,
    Fields(body): Fields<GoogleBody>,
) -> ApiResult<Response> {
    let credential = body
        .credential
        .filter(|credential| !credential.trim().is_empty())
        .ok_or_else(errors::google_credential_required)?;
    let google = state
        .google
        .as_ref()
        .ok_or_else(errors::google_not_configured)?;
    let now = state.clock.now();
    let identity = google
        .verify(credential.trim(), now)
        .await
        .map_err(errors::google)?;
    let account = account_of(&state, &identity, language(&headers), now).await?;
    let refresh = RefreshToken::first(now, state.lifetimes);
    token_families::found(&state.pool, account.id, &refresh, now).await?;
    SignedIn {
        account: &account,
        refresh,
    }
    .google_answer(&state, now, identity.picture)
}

/// The person's account, in which nobody else is signed in any more if they take it over.
async fn account_of(
    state: &State,
    identity: &GoogleIdentity,
    language: Language,
    now: Timestamp,
) -> ApiResult<Account> {
    for _ in 0..TRIES {
        let mut transaction = state.pool.begin().await?;
        let Some(vouched) = users::for_google(&mut transaction, identity, language).await? else {
            continue;
        };
        let id = vouched.account.id;
        if vouched.is_taken_over {
            token_families::end_all_of(&mut *transaction, id, EndReason::Takeover, now).await?;
        }
        transaction.commit().await?;
        return Ok(vouched.account);
    }
    Err(ApiError::internal(anyhow!(
        "neither found nor made the account of a Google sign-in"
    )))
}
