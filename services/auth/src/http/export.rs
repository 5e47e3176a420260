//! `GET /api/auth/me/export`: everything that is held about a person, as one document.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    extract,
    response::{IntoResponse, Response},
};
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use urr_contract::{Language, UserId};
use urr_kit::{ApiResult, extract::AppJson};
use utoipa::ToSchema;

use super::{bearer::Live, errors};
use crate::{
    State,
    domain::account::Role,
    refusals,
    store::{
        token_families::{self, Login},
        users::{self, Private},
    },
};

/// The document. What other services hold stands beside it under their names.
#[derive(Serialize, ToSchema)]
#[schema(as = PersonalData)]
#[serde(rename_all = "camelCase")]
struct Document {
    /// When the document was made.
    exported_at: Timestamp,
    /// The account.
    account: AccountBody,
    /// Its logins.
    logins: Vec<LoginBody>,
    #[serde(flatten)]
    elsewhere: BTreeMap<String, Value>,
}

/// The account.
#[derive(Serialize, ToSchema)]
#[schema(as = ExportedAccount)]
#[serde(rename_all = "camelCase")]
struct AccountBody {
    /// The account.
    id: UserId,
    /// The e-mail address.
    email: String,
    /// The name.
    name: String,
    /// The telephone number.
    phone: Option<String>,
    /// What the account may do.
    role: Role,
    /// In which language the person is written to.
    language: Language,
    /// The id of the Google account with which it signs in.
    google_id: Option<String>,
    /// When it was made.
    created_at: Timestamp,
}

/// One login.
#[expect(
    clippy::struct_field_names,
    reason = "times on the wire are named with `At`"
)]
#[derive(Serialize, ToSchema)]
#[schema(as = ExportedLogin)]
#[serde(rename_all = "camelCase")]
struct LoginBody {
    /// When somebody signed in.
    started_at: Timestamp,
    /// When it ends by itself.
    expires_at: Timestamp,
    /// When it was ended; null while it is not.
    ended_at: Option<Timestamp>,
}

impl From<Private> for AccountBody {
    fn from(owner: Private) -> Self {
        Self {
            id: owner.account.id,
            email: owner.account.email,
            name: owner.account.name,
            phone: owner.phone,
            role: owner.account.role,
            language: owner.account.language,
            google_id: owner.google_id,
            created_at: owner.account.created_at,
        }
    }
}

impl From<Login> for LoginBody {
    fn from(login: Login) -> Self {
        Self {
            started_at: login.started_at,
            expires_at: login.expires_at,
            ended_at: login.ended_at,
        }
    }
}

/// Everything that is held about whoever is signed in, as one document.
///
/// Complete or not given.
#[utoipa::path(
    get,
    path = "/me/export",
    operation_id = "exportMe",
    tag = "Accounts",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The document; what other services hold stands under their names.", body = Document),
        (status = 400, description = "`USER_NOT_FOUND`: the account is gone."),
        (status = 503, description = "`EXPORT_INCOMPLETE`: the services in `missing` did not answer."),
    )
)]
pub(super) async fn export(
    extract::State(state): extract::State<Arc<State>>,
    Live(claims): Live,
) -> ApiResult<Response> {
    let user = claims.user_id;
    let owner = users::private(&state.pool, user)
        .await?
        .ok_or_else(errors::user_not_found)?;
    let logins = token_families::of_user(&state.pool, user).await?;
    let elsewhere = state
        .holders
        .personal_data(user)
        .await
        .map_err(refusals::export_incomplete)?;
    let document = Document {
        exported_at: state.clock.now(),
        account: owner.into(),
        logins: logins.into_iter().map(LoginBody::from).collect(),
        elsewhere,
    };
    let headers = [
        (CACHE_CONTROL, "no-store"),
        (
            CONTENT_DISPOSITION,
            "attachment; filename=\"urr-personal-data.json\"",
        ),
    ];
    Ok((headers, AppJson(document)).into_response())
}
