//! A client that speaks to a router without a socket, as the gateway or a peer would.

use axum::{Router, body::Body};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;
use urr_contract::{AdmissionId, EventId, UserId, headers};

use crate::{GATEWAY_TOKEN, INTERNAL_TOKEN};

/// A client of one router. Anonymous and untrusted until told otherwise.
#[derive(Clone, Debug)]
pub struct Client {
    router: Router,
    headers: HeaderMap,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// The bytes of the body.
    pub bytes: Vec<u8>,
    /// The body as JSON; null where it is none.
    pub body: Value,
}

impl Answer {
    /// Asserts the status, showing the body where it differs.
    #[track_caller]
    #[expect(
        clippy::must_use_candidate,
        clippy::return_self_not_must_use,
        reason = "often the assertion alone is wanted"
    )]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(
            self.status.as_u16(),
            status,
            "{}",
            String::from_utf8_lossy(&self.bytes)
        );
        self
    }

    /// The `error` text, empty where there is none.
    pub fn error(&self) -> &str {
        self.body["error"].as_str().unwrap_or_default()
    }
}

impl Client {
    /// A client of `router`.
    pub fn new(router: Router) -> Self {
        Self {
            router,
            headers: HeaderMap::new(),
        }
    }

    /// As the gateway passes a signed-in person on.
    #[must_use]
    pub fn as_user(&self, user: UserId) -> Self {
        self.through_gateway()
            .with_header(headers::USER_ID, &user.to_string())
            .with_header(headers::USER_EMAIL, &format!("{user}@test.invalid"))
            .with_header(headers::USER_ROLE, "user")
    }

    /// As the gateway passes an administrator on.
    #[must_use]
    pub fn as_admin(&self, user: UserId) -> Self {
        self.as_user(user).with_header(headers::USER_ROLE, "admin")
    }

    /// As the gateway passes anybody on: with its token.
    #[must_use]
    pub fn through_gateway(&self) -> Self {
        self.with_header(headers::GATEWAY_TOKEN, GATEWAY_TOKEN)
    }

    /// With an entry pass that the gateway verified.
    #[must_use]
    pub fn with_entry(&self, event: EventId, user: UserId) -> Self {
        self.through_gateway()
            .with_header(headers::ENTRY_EVENT, &event.to_string())
            .with_header(headers::ENTRY_USER, &user.to_string())
            .with_header(headers::ENTRY_ADMISSION, &AdmissionId::random().to_string())
    }

    /// As another service.
    #[must_use]
    pub fn internal(&self) -> Self {
        self.with_header("authorization", &format!("Bearer {INTERNAL_TOKEN}"))
    }

    /// With one more header; replaces an earlier one of that name.
    #[must_use]
    pub fn with_header(&self, name: &str, value: &str) -> Self {
        let mut client = self.clone();
        client.headers.insert(
            HeaderName::from_bytes(name.as_bytes()).expect("a header name"),
            HeaderValue::from_bytes(value.as_bytes()).expect("a header value"),
        );
        client
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, Body::empty()).await
    }

    /// POST of JSON; `Value::Null` sends no body.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, json_body(&body)).await
    }

    /// PUT of JSON.
    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PUT, path, json_body(&body)).await
    }

    /// PATCH of JSON.
    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(Method::PATCH, path, json_body(&body)).await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, Body::empty()).await
    }

    /// Any method with any body.
    pub async fn send(&self, method: Method, path: &str, body: impl Into<Body>) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .body(body.into())
            .expect("a request");
        *request.headers_mut() = self.headers.clone();
        request
            .headers_mut()
            .entry(header::CONTENT_TYPE)
            .or_insert(HeaderValue::from_static("application/json"));
        let response = self
            .router
            .clone()
            .oneshot(request)
            .await
            .expect("a router never fails");
        let (parts, body) = response.into_parts();
        let bytes = body
            .collect()
            .await
            .expect("a whole body")
            .to_bytes()
            .to_vec();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
            bytes,
        }
    }
}

fn json_body(body: &Value) -> Body {
    if body.is_null() {
        Body::empty()
    } else {
        Body::from(body.to_string())
    }
}
