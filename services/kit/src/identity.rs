//! Who asks. The gateway verifies tokens and passes the person on in headers; these are
//! believed only beside the gateway's own secret, and removed otherwise.

use axum::{
    extract::{FromRequestParts, Request, State},
    middleware::Next,
    response::Response,
};
use http::{HeaderMap, request::Parts};
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;
use urr_contract::{AdmissionId, EventId, UserId, headers};

use crate::{ApiError, ApiResult};

/// Headers that only the gateway may set.
const GATEWAY_HEADERS: [&str; 8] = [
    headers::USER_ID,
    headers::USER_EMAIL,
    headers::USER_ROLE,
    headers::ENTRY_EVENT,
    headers::ENTRY_USER,
    headers::ENTRY_ADMISSION,
    headers::CLIENT_ADDRESS,
    headers::GATEWAY_TOKEN,
];

/// The secret by which a service knows the gateway.
#[derive(Clone, Debug)]
pub struct GatewayToken(SecretString);

impl GatewayToken {
    /// That secret.
    pub fn new(secret: SecretString) -> Self {
        Self(secret)
    }

    fn matches(&self, given: &[u8]) -> bool {
        self.0.expose_secret().as_bytes().ct_eq(given).into()
    }
}

/// Middleware: removes the gateway's headers from any request that does not carry its token.
pub(crate) async fn trust_gateway_only(
    State(token): State<GatewayToken>,
    mut request: Request,
    next: Next,
) -> Response {
    let from_gateway = request
        .headers()
        .get(headers::GATEWAY_TOKEN)
        .is_some_and(|given| token.matches(given.as_bytes()));
    if !from_gateway {
        for name in GATEWAY_HEADERS {
            request.headers_mut().remove(name);
        }
    }
    next.run(request).await
}

/// The signed-in person. 401 where nobody is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The account.
    pub id: UserId,
    /// Its e-mail, where the token named one.
    pub email: Option<String>,
    /// `user` or `admin`.
    pub role: String,
}

impl User {
    /// Whether the person may administer. The case of the role does not matter.
    pub fn is_admin(&self) -> bool {
        self.role.eq_ignore_ascii_case("admin")
    }

    fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let text = |name| {
            headers
                .get(name)
                .and_then(|value| std::str::from_utf8(value.as_bytes()).ok())
        };
        Some(Self {
            id: text(headers::USER_ID)?.parse().ok()?,
            email: text(headers::USER_EMAIL).map(str::to_owned),
            role: text(headers::USER_ROLE).unwrap_or("user").to_owned(),
        })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for User {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> ApiResult<Self> {
        Self::from_headers(&parts.headers).ok_or_else(ApiError::unauthorized)
    }
}

/// The signed-in person, if there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaybeUser(pub Option<User>);

impl<S: Send + Sync> FromRequestParts<S> for MaybeUser {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self(User::from_headers(&parts.headers)))
    }
}

/// A signed-in administrator. 401 where nobody is signed in, 403 where somebody else is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admin(pub User);

impl<S: Send + Sync> FromRequestParts<S> for Admin {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> ApiResult<Self> {
        let user = User::from_request_parts(parts, state).await?;
        if user.is_admin() {
            Ok(Self(user))
        } else {
            Err(ApiError::forbidden(
                "ADMIN_ROLE_REQUIRED",
                "Admin role required",
            ))
        }
    }
}

/// What a verified entry token says: this person may book in this event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryPass {
    /// The event.
    pub event: EventId,
    /// The person.
    pub user: UserId,
    /// The stay inside.
    pub admission: AdmissionId,
}

/// The entry pass of the request, if the gateway verified one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry(pub Option<EntryPass>);

impl Entry {
    fn from_headers(headers: &HeaderMap) -> Option<EntryPass> {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        Some(EntryPass {
            event: text(headers::ENTRY_EVENT)?.parse().ok()?,
            user: text(headers::ENTRY_USER)?.parse().ok()?,
            admission: text(headers::ENTRY_ADMISSION)?.parse().ok()?,
        })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Entry {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self(Self::from_headers(&parts.headers)))
    }
}
