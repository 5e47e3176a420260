//! Every answer that the gateway gives in place of a service, in one table.

use http::{
    HeaderValue, Response, StatusCode,
    header::{ALLOW, CONTENT_TYPE, RETRY_AFTER},
};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::body::Body;
use crate::domain::{limits::WINDOW_SECONDS, path::PathError};

/// Methods that the gateway knows.
pub const METHODS: &str = "GET,HEAD,POST,PUT,PATCH,DELETE,OPTIONS";

/// Why a request goes no further.
#[derive(Debug)]
pub enum Refusal {
    /// Comes from a page of an origin that may not call.
    Origin,
    /// The path has no normal form.
    Path(PathError),
    /// A method that no service knows.
    Method,
    /// No service has this path.
    NoRoute {
        /// The normalised path.
        path: String,
        /// When it was asked for.
        at: Timestamp,
    },
    /// The client has used up its minute.
    RateLimit,
    /// Whether the client has used up its minute cannot be told.
    RateLimitUnknown,
    /// Not let in by the queue.
    Entry,
    /// The body is larger than its path allows.
    BodyTooLarge,
    /// The body ended early.
    BodyBroken,
    /// The body did not arrive in time.
    BodyTooSlow,
    /// More requests in flight than the gateway takes.
    Overloaded,
    /// The service cannot be reached, or hung up.
    Unreachable,
    /// The service took too long.
    TooSlow,
}

impl Refusal {
    /// Status of the answer.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Origin | Self::Entry => StatusCode::FORBIDDEN,
            Self::Path(PathError::TooLong) => StatusCode::URI_TOO_LONG,
            Self::Path(_) | Self::BodyBroken => StatusCode::BAD_REQUEST,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::NoRoute { .. } => StatusCode::NOT_FOUND,
            Self::RateLimit => StatusCode::TOO_MANY_REQUESTS,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyTooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::RateLimitUnknown | Self::Overloaded | Self::Unreachable => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::TooSlow => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// The stable word.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Origin => "ORIGIN_NOT_ALLOWED",
            Self::Path(_) => "PATH_NOT_VALID",
            Self::Method => "METHOD_NOT_ALLOWED",
            Self::NoRoute { .. } => "NOT_FOUND",
            Self::RateLimit => "RATE_LIMITED",
            Self::RateLimitUnknown => "RATE_LIMIT_UNKNOWN",
            Self::Entry => "ENTRY_TOKEN_REQUIRED",
            Self::BodyTooLarge => "BODY_TOO_LARGE",
            Self::BodyBroken => "BODY_INCOMPLETE",
            Self::BodyTooSlow => "BODY_TOO_SLOW",
            Self::Overloaded => "OVERLOADED",
            Self::Unreachable => "SERVICE_UNAVAILABLE",
            Self::TooSlow => "SERVICE_TOO_SLOW",
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Origin => "Invalid CORS request".to_owned(),
            Self::Path(error) => format!("Invalid path: {error}"),
            Self::Method => "Method not allowed".to_owned(),
            Self::NoRoute { .. } => "Not Found".to_owned(),
            Self::RateLimit => "Rate limit exceeded".to_owned(),
            Self::Entry => "Queue entry token required".to_owned(),
            Self::BodyTooLarge => "Request body too large".to_owned(),
            Self::BodyBroken => "Request body incomplete".to_owned(),
            Self::BodyTooSlow => "Request body did not arrive in time".to_owned(),
            Self::RateLimitUnknown | Self::Overloaded | Self::Unreachable => {
                "Service temporarily unavailable. Please retry.".to_owned()
            }
            Self::TooSlow => "Service did not answer in time. Please retry.".to_owned(),
        }
    }

    fn retry_after(&self) -> Option<u64> {
        match self {
            Self::RateLimit => Some(WINDOW_SECONDS),
            Self::RateLimitUnknown | Self::Overloaded | Self::Unreachable | Self::TooSlow => {
                Some(1)
            }
            _ => None,
        }
    }

    /// The body: what every refusal has, and what existing clients know of a few.
    fn json(&self) -> Value {
        let text = self.text();
        let mut body = json!({"error": text, "message": text, "code": self.code()});
        match self {
            Self::RateLimit => body["retryAfter"] = json!(WINDOW_SECONDS),
            Self::Entry => body["redirectTo"] = json!("/queue"),
            Self::NoRoute { path, at } => {
                body["timestamp"] = json!(at.round(jiff::Unit::Millisecond).unwrap_or(*at));
                body["status"] = json!(404);
                body["path"] = json!(path);
            }
            _ => {}
        }
        body
    }

    /// The answer.
    pub fn into_response(self) -> Response<Body> {
        let (content_type, text) = match self {
            // Browsers' tools show this text; the contract fixes it without JSON.
            Self::Origin => ("text/plain; charset=utf-8", self.text()),
            _ => ("application/json", self.json().to_string()),
        };
        let mut response = Response::new(Body::text(text));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        if let Some(seconds) = self.retry_after() {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if matches!(self, Self::Method) {
            headers.insert(ALLOW, HeaderValue::from_static(METHODS));
        }
        response
    }
}
