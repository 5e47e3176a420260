//! Leaving: a person erases their account, or an administrator does at their wish.

use std::sync::Arc;

use axum::{
    extract,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use urr_contract::{FamilyId, UserId};
use urr_kit::{
    ApiError, ApiResult,
    extract::{AppJson, AppPath},
};
use utoipa::ToSchema;

use super::{
    accounts::is_password,
    bearer::{Administrator, Live},
    body::unreadable,
    errors,
    signed_in::without_cookies,
};
use crate::{
    State,
    domain::{
        email::Email,
        erasure::is_recent,
        password::{Password, StoredHash},
    },
    erasing,
    store::{
        erasures::{self, Erasure},
        token_families,
        users::{self, Private},
    },
};

/// Body of a wish to leave.
#[derive(Deserialize, ToSchema)]
#[schema(as = Leave)]
pub(super) struct LeaveBody {
    /// The password once more, where the account has one.
    #[schema(max_length = 72)]
    password: Option<String>,
}

/// How far an erasure is.
#[derive(Serialize, ToSchema)]
#[schema(as = ErasureProgress)]
pub(super) struct ErasureAnswer {
    /// What was done, for people.
    message: &'static str,
    /// How far it is.
    erasure: ErasureBody,
}

/// How far an erasure is.
#[derive(Serialize, ToSchema)]
#[schema(as = Erasure)]
#[serde(rename_all = "camelCase")]
struct ErasureBody {
    /// When it was asked for.
    requested_at: Timestamp,
    /// Null while some service has not erased yet.
    completed_at: Option<Timestamp>,
    /// What each service has done.
    steps: Vec<StepBody>,
}

/// What one service has done.
#[derive(Serialize, ToSchema)]
#[schema(as = ErasureStep)]
#[serde(rename_all = "camelCase")]
struct StepBody {
    /// The service.
    service: String,
    /// When it erased; null while it did not.
    erased_at: Option<Timestamp>,
}

impl From<Erasure> for ErasureAnswer {
    fn from(erasure: Erasure) -> Self {
        let message = match erasure.completed_at {
            Some(_) => "The account has been erased",
            None => "The account has been closed and its data is being erased",
        };
        let steps = erasure.steps.into_iter().map(|step| StepBody {
            service: step.holder,
            erased_at: step.erased_at,
        });
        Self {
            message,
            erasure: ErasureBody {
                requested_at: erasure.requested_at,
                completed_at: erasure.completed_at,
                steps: steps.collect(),
            },
        }
    }
}

/// Leaves: closes the account of whoever is signed in and erases what is held about them.
///
/// Needs the password once more, or a recent sign-in with Google where the account has none.
/// What the law wants kept stays with the id alone. The e-mail is free at once.
#[utoipa::path(
    delete,
    path = "/me",
    operation_id = "eraseMe",
    tag = "Accounts",
    request_body = Option<LeaveBody>,
    security(("bearer" = [])),
    responses(
        (status = 202, description = "Nobody can sign in any more; all cookies are taken away.", body = ErasureAnswer),
        (status = 400, description = "`PASSWORD_REQUIRED`, `WRONG_PASSWORD`; `INVALID_INPUT` or `UNREADABLE_INPUT`: \
            a field is wrong. `USER_NOT_FOUND`: the account is gone."),
        (status = 403, description = "`SIGN_IN_AGAIN`: the last sign-in with Google was more than ten minutes ago."),
        (status = 409, description = "`OPEN_MATTERS`: something is open, see `openMatters`. \
            `LAST_ADMINISTRATOR`: nobody would be left to administer."),
        (status = 503, description = "`OPEN_MATTERS_UNKNOWN`: the services in `missing` did not answer. \
            `SIGN_IN_BUSY`: too many passwords are being compared."),
    )
)]
pub(super) async fn leave(
    extract::State(state): extract::State<Arc<State>>,
    Live(claims): Live,
    body: Result<Option<AppJson<LeaveBody>>, ApiError>,
) -> ApiResult<Response> {
    let body = body.map_err(unreadable)?;
    let password = body.and_then(|AppJson(body)| body.password);
    let owner = users::private(&state.pool, claims.user_id)
        .await?
        .ok_or_else(errors::user_not_found)?;
    prove(&state, &owner, password, claims.family_id).await?;
    erasing::promise(&state, owner.account.id, owner.account.id).await?;
    let answer = erasure_of(&state, owner.account.id).await?;
    let cookies = without_cookies(state.cookie_secure)?;
    Ok((StatusCode::ACCEPTED, cookies, AppJson(answer)).into_response())
}

/// Erases somebody who asked for it in another way.
///
/// Asked again, it says how far the erasure is.
#[utoipa::path(
    delete,
    path = "/users/{id}",
    operation_id = "eraseUser",
    tag = "Accounts",
    params(("id" = UserId, Path)),
    security(("bearer" = ["admin"])),
    responses(
        (status = 202, description = "Nobody can sign in to the account any more.", body = ErasureAnswer),
        (status = 404, description = "`USER_NOT_FOUND`: there is no such account."),
        (status = 409, description = "`OPEN_MATTERS`: something is open, see `openMatters`. \
            `LAST_ADMINISTRATOR`: nobody would be left to administer."),
        (status = 503, description = "`OPEN_MATTERS_UNKNOWN`: the services in `missing` did not answer."),
    )
)]
pub(super) async fn erase(
    extract::State(state): extract::State<Arc<State>>,
    Administrator(admin): Administrator,
    AppPath(user): AppPath<UserId>,
) -> ApiResult<(StatusCode, AppJson<ErasureAnswer>)> {
    erasing::promise(&state, user, admin.id).await?;
    let answer = erasure_of(&state, user).await?;
    Ok((StatusCode::ACCEPTED, AppJson(answer)))
}

/// How far the erasure of an account is.
#[utoipa::path(
    get,
    path = "/users/{id}/erasure",
    operation_id = "getErasure",
    tag = "Accounts",
    params(("id" = UserId, Path)),
    security(("bearer" = ["admin"])),
    responses(
        (status = 200, description = "What each service has done.", body = ErasureAnswer),
        (status = 404, description = "`USER_NOT_FOUND`: no such account is being erased."),
    )
)]
pub(super) async fn show(
    extract::State(state): extract::State<Arc<State>>,
    _: Administrator,
    AppPath(user): AppPath<UserId>,
) -> ApiResult<AppJson<ErasureAnswer>> {
    erasure_of(&state, user).await.map(AppJson)
}

async fn erasure_of(state: &State, user: UserId) -> ApiResult<ErasureAnswer> {
    let mut connection = state.pool.acquire().await?;
    let erasure = erasures::find(&mut connection, user)
        .await?
        .ok_or_else(errors::no_such_account)?;
    Ok(erasure.into())
}

/// Somebody who found a signed-in browser must not be able to end the account.
async fn prove(
    state: &State,
    owner: &Private,
    password: Option<String>,
    family: Option<FamilyId>,
) -> ApiResult<()> {
    let stored = StoredHash::new(Some(owner.password_hash.clone()));
    if !stored.is_of_a_password() {
        return signed_in_recently(state, family).await;
    }
    let password = password.ok_or_else(errors::password_required)?;
    let password =
        Password::to_compare(password).map_err(|error| errors::violation(error.into()))?;
    let email = Email::parse(&owner.account.email)
        .ok_or_else(|| ApiError::internal(anyhow::anyhow!("a stored e-mail is none")))?;
    if is_password(state, &email, stored, password).await? {
        Ok(())
    } else {
        Err(errors::wrong_password())
    }
}

async fn signed_in_recently(state: &State, family: Option<FamilyId>) -> ApiResult<()> {
    let Some(family) = family else {
        return Err(errors::sign_in_again());
    };
    let started_at = token_families::started_at(&state.pool, family).await?;
    if started_at.is_some_and(|started_at| is_recent(started_at, state.clock.now())) {
        Ok(())
    } else {
        Err(errors::sign_in_again())
    }
}
