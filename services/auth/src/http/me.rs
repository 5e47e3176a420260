//! The account of whoever is signed in.

use std::sync::Arc;

use axum::extract;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use urr_contract::{Language, UserId};
use urr_kit::{ApiResult, extract::AppJson};
use utoipa::ToSchema;

use super::{bearer::Live, body::Fields, errors};
use crate::{
    State,
    domain::{
        account::{Account, Role},
        registration::ProfileChange,
    },
    store::users,
};

/// The account, as its owner sees it.
#[derive(Serialize, ToSchema)]
#[schema(as = Me)]
pub(super) struct MeAnswer {
    /// The account.
    user: Profile,
}

/// The account, as its owner sees it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Profile {
    /// The account.
    id: UserId,
    /// The e-mail address.
    email: String,
    /// The name.
    name: String,
    /// What the account may do.
    role: Role,
    /// In which language the person is written to.
    language: Language,
    /// When it was made.
    created_at: Timestamp,
}

impl From<Account> for MeAnswer {
    fn from(account: Account) -> Self {
        Self {
            user: Profile {
                id: account.id,
                email: account.email,
                name: account.name,
                role: account.role,
                language: account.language,
                created_at: account.created_at,
            },
        }
    }
}

/// Body of a change. What is absent or null stays.
#[derive(Deserialize, ToSchema)]
#[schema(as = ChangeMe)]
pub(super) struct ChangeBody {
    /// The new name.
    #[schema(min_length = 1, max_length = 100)]
    name: Option<String>,
    /// The new language.
    #[schema(value_type = Option<Language>)]
    language: Option<String>,
}

/// The account of whoever is signed in.
///
/// Fresh from the database, so a changed role shows.
#[utoipa::path(
    get,
    path = "/me",
    operation_id = "getMe",
    tag = "Accounts",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The account.", body = MeAnswer),
        (status = 400, description = "`USER_NOT_FOUND`: the account is gone."),
    )
)]
pub(super) async fn show(
    extract::State(state): extract::State<Arc<State>>,
    Live(claims): Live,
) -> ApiResult<AppJson<MeAnswer>> {
    let account = users::by_id(&state.pool, claims.user_id)
        .await?
        .ok_or_else(errors::user_not_found)?;
    Ok(AppJson(account.into()))
}

/// Changes the name, and the language in which one is written to.
#[utoipa::path(
    patch,
    path = "/me",
    operation_id = "changeMe",
    tag = "Accounts",
    request_body = ChangeBody,
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The account as it is now.", body = MeAnswer),
        (status = 400, description = "`INVALID_INPUT` or `UNREADABLE_INPUT`: a field is wrong. \
            `USER_NOT_FOUND`: the account is gone."),
    )
)]
pub(super) async fn change(
    extract::State(state): extract::State<Arc<State>>,
    Live(claims): Live,
    Fields(body): Fields<ChangeBody>,
) -> ApiResult<AppJson<MeAnswer>> {
    let change =
        ProfileChange::new(body.name, body.language.as_deref()).map_err(errors::violation)?;
    let account = users::change(&state.pool, claims.user_id, &change)
        .await?
        .ok_or_else(errors::user_not_found)?;
    Ok(AppJson(account.into()))
}
