//! Extractors whose refusals have our shape and status.

use axum::{
    Json,
    extract::{
        FromRequest, FromRequestParts, OptionalFromRequest, Path, Query, Request,
        rejection::{JsonRejection, PathRejection, QueryRejection},
    },
    response::{IntoResponse, Response},
};
use http::{StatusCode, header::CONTENT_TYPE, request::Parts};
use serde::{Serialize, de::DeserializeOwned};

use crate::ApiError;

/// A JSON body, in or out. Unlike axum's own, it does not insist on a content type: the
/// contract's clients may omit it.
#[derive(Clone, Copy, Debug)]
pub struct AppJson<T>(pub T);

impl<S, T> FromRequest<S> for AppJson<T>
where
    S: Send + Sync,
    T: DeserializeOwned,
{
    type Rejection = ApiError;

    async fn from_request(mut request: Request, state: &S) -> Result<Self, ApiError> {
        request.headers_mut().insert(
            CONTENT_TYPE,
            http::HeaderValue::from_static("application/json"),
        );
        let Json(value) = <Json<T> as FromRequest<S>>::from_request(request, state).await?;
        Ok(Self(value))
    }
}

/// `None` where there is no body at all.
impl<S, T> OptionalFromRequest<S> for AppJson<T>
where
    S: Send + Sync,
    T: DeserializeOwned,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Option<Self>, ApiError> {
        let body = bytes::Bytes::from_request(request, state)
            .await
            .map_err(|rejection| {
                ApiError::new(rejection.status(), "UNREADABLE_BODY", rejection.body_text())
            })?;
        if body.iter().all(u8::is_ascii_whitespace) {
            return Ok(None);
        }
        let Json(value) = Json::<T>::from_bytes(&body)?;
        Ok(Some(Self(value)))
    }
}

impl<T: Serialize> IntoResponse for AppJson<T> {
    fn into_response(self) -> Response {
        Json(self.0).into_response()
    }
}

impl From<JsonRejection> for ApiError {
    fn from(rejection: JsonRejection) -> Self {
        match rejection {
            JsonRejection::JsonDataError(error) => {
                Self::bad_request("INVALID_FIELD", field_message(&deepest(&error)))
            }
            JsonRejection::JsonSyntaxError(_) => {
                Self::bad_request("MALFORMED_JSON", "Request body is not valid JSON")
            }
            other if other.status() == StatusCode::PAYLOAD_TOO_LARGE => Self::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "BODY_TOO_LARGE",
                "Request body is too large",
            ),
            other => Self::bad_request("UNREADABLE_BODY", other.body_text()),
        }
    }
}

/// The message of the innermost error: serde's own words about the field.
fn deepest(error: &(dyn std::error::Error + 'static)) -> String {
    let mut current = error;
    while let Some(source) = current.source() {
        current = source;
    }
    current.to_string()
}

/// Serde's words in the contract's form: a missing field `must not be null`, and no
/// line and column of a body that the client built by program.
fn field_message(serde: &str) -> String {
    let text = serde.split(" at line ").next().unwrap_or(serde);
    match text
        .split_once("missing field `")
        .and_then(|(_, rest)| rest.split_once('`'))
    {
        Some((field, _)) => format!("{field}: must not be null"),
        None => text.to_owned(),
    }
}

/// Parts of the path. A wrong one (not a UUID, …) is 400.
#[derive(Clone, Copy, Debug)]
pub struct AppPath<T>(pub T);

impl<S, T> FromRequestParts<S> for AppPath<T>
where
    S: Send + Sync,
    T: DeserializeOwned + Send,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Path(value) = Path::<T>::from_request_parts(parts, state).await.map_err(
            |rejection: PathRejection| ApiError::bad_request("INVALID_PATH", rejection.body_text()),
        )?;
        Ok(Self(value))
    }
}

/// The query. A wrong type is 400.
#[derive(Clone, Copy, Debug)]
pub struct AppQuery<T>(pub T);

impl<S, T> FromRequestParts<S> for AppQuery<T>
where
    S: Send + Sync,
    T: DeserializeOwned,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Query(value) = Query::<T>::from_request_parts(parts, state).await.map_err(
            |rejection: QueryRejection| {
                ApiError::bad_request("INVALID_QUERY", rejection.body_text())
            },
        )?;
        Ok(Self(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_field_is_worded_as_the_contract_words_it() {
        assert_eq!(
            field_message("missing field `eventId` at line 1 column 2"),
            "eventId: must not be null"
        );
        assert_eq!(
            field_message("invalid type: string \"x\", expected i64 at line 1 column 9"),
            "invalid type: string \"x\", expected i64"
        );
    }
}
