//! The account of whoever is signed in.

use std::sync::Arc;

use axum::extract;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use urr_contract::{Language, UserId};
use urr_kit::{ApiResult, extract::AppJson};

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
#[derive(Serialize)]
pub(super) struct MeAnswer {
    user: Profile,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Profile {
    id: UserId,
    email: String,
    name: String,
    role: Role,
    language: Language,
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
#[derive(Deserialize)]
pub(super) struct ChangeBody {
    name: Option<String>,
    language: Option<String>,
}

/// `GET /api/auth/me`: fresh from the database, so a changed role shows.
pub(super) async fn show(
    extract::State(state): extract::State<Arc<State>>,
    Live(claims): Live,
) -> ApiResult<AppJson<MeAnswer>> {
    let account = users::by_id(&state.pool, claims.user_id)
        .await?
        .ok_or_else(errors::user_not_found)?;
    Ok(AppJson(account.into()))
}

/// `PATCH /api/auth/me`: changes the name and the language in which one is written to.
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
