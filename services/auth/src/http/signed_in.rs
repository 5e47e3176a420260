//! The answer that signs somebody in: account, both tokens, both cookies.

use axum::response::{AppendHeaders, IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header::SET_COOKIE};
use jiff::Timestamp;
use serde::Serialize;
use urr_contract::{UserId, headers};
use urr_kit::{ApiError, ApiResult, extract::AppJson};
use utoipa::ToSchema;

use crate::{
    State,
    domain::{
        account::{Account, Role},
        session::{self, RefreshToken},
    },
};

/// Cookies of both tokens go where they are needed: identity everywhere, the refresh token
/// to the API only. `/api` covers `/api/auth` and `/api/v1/auth`.
const ACCESS_PATH: &str = "/";
const REFRESH_PATH: &str = "/api";

/// The answer that signs somebody in.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SignedIn)]
pub(super) struct SignedInBody<'a> {
    /// What was done, for people.
    message: &'a str,
    /// The access token.
    token: String,
    /// The refresh token: worth one exchange.
    refresh_token: String,
    /// The account.
    user: UserBody<'a>,
}

/// An account as the answers of register, login, refresh and google show it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SignedInUser)]
struct UserBody<'a> {
    /// The account.
    id: UserId,
    /// The same as `id`.
    user_id: UserId,
    /// The e-mail address.
    email: &'a str,
    /// The name.
    name: &'a str,
    /// What the account may do.
    role: Role,
    /// The portrait at Google; only after a sign-in there.
    #[serde(skip_serializing_if = "Option::is_none")]
    picture: Option<Portrait>,
}

/// Where somebody's portrait is; null where Google has none.
#[derive(Debug, Serialize, ToSchema)]
#[serde(transparent)]
struct Portrait(Option<String>);

/// The answer that signs somebody out.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SignedOut)]
pub(super) struct SignedOutBody {
    /// What was done, for people.
    message: &'static str,
}

/// A session that has been stored and is to be handed out.
pub(super) struct SignedIn<'a> {
    pub(super) account: &'a Account,
    pub(super) refresh: RefreshToken,
}

impl SignedIn<'_> {
    /// The answer, with `message` for people.
    pub(super) fn answer(
        &self,
        state: &State,
        now: Timestamp,
        status: StatusCode,
        message: &str,
    ) -> ApiResult<Response> {
        self.answer_with(state, now, status, message, self.user(None))
    }

    /// The answer to a Google sign-in, whose user has a portrait.
    pub(super) fn google_answer(
        &self,
        state: &State,
        now: Timestamp,
        picture: Option<String>,
    ) -> ApiResult<Response> {
        let user = self.user(Some(Portrait(picture)));
        self.answer_with(state, now, StatusCode::OK, "Google login successful", user)
    }

    fn answer_with(
        &self,
        state: &State,
        now: Timestamp,
        status: StatusCode,
        message: &str,
        user: UserBody<'_>,
    ) -> ApiResult<Response> {
        let access =
            session::access_claims(self.account, self.refresh.family, now, state.lifetimes);
        let access = state.tokens.sign(&access).map_err(ApiError::internal)?;
        let refresh = self.refresh.claims(self.account.id);
        let refresh = state.tokens.sign(&refresh).map_err(ApiError::internal)?;
        let cookies = [
            access_cookie(
                &access,
                state.lifetimes.access.as_secs(),
                state.cookie_secure,
            )?,
            refresh_cookie(
                &refresh,
                state.lifetimes.refresh.as_secs(),
                state.cookie_secure,
            )?,
        ];
        let body = SignedInBody {
            message,
            token: access,
            refresh_token: refresh,
            user,
        };
        Ok((status, AppendHeaders(cookies), AppJson(body)).into_response())
    }

    fn user(&self, picture: Option<Portrait>) -> UserBody<'_> {
        let Account {
            id,
            email,
            name,
            role,
            ..
        } = self.account;
        UserBody {
            id: *id,
            user_id: *id,
            email,
            name,
            role: *role,
            picture,
        }
    }
}

/// Takes both cookies away.
pub(super) fn signed_out(secure: bool) -> ApiResult<Response> {
    let body = SignedOutBody {
        message: "Logged out successfully",
    };
    Ok((without_cookies(secure)?, AppJson(body)).into_response())
}

/// The headers that take both cookies away.
pub(super) fn without_cookies(
    secure: bool,
) -> ApiResult<AppendHeaders<[(HeaderName, HeaderValue); 2]>> {
    Ok(AppendHeaders([
        access_cookie("", 0, secure)?,
        refresh_cookie("", 0, secure)?,
    ]))
}

fn access_cookie(value: &str, max_age: i64, secure: bool) -> ApiResult<(HeaderName, HeaderValue)> {
    cookie(headers::COOKIE_ACCESS, value, ACCESS_PATH, max_age, secure)
}

fn refresh_cookie(value: &str, max_age: i64, secure: bool) -> ApiResult<(HeaderName, HeaderValue)> {
    cookie(
        headers::COOKIE_REFRESH,
        value,
        REFRESH_PATH,
        max_age,
        secure,
    )
}

fn cookie(
    name: &str,
    value: &str,
    path: &str,
    max_age: i64,
    secure: bool,
) -> ApiResult<(HeaderName, HeaderValue)> {
    let secure = if secure { "; Secure" } else { "" };
    let text =
        format!("{name}={value}; Max-Age={max_age}; Path={path}; HttpOnly; SameSite=Lax{secure}");
    let value = HeaderValue::try_from(text).map_err(ApiError::internal)?;
    Ok((SET_COOKIE, value))
}
