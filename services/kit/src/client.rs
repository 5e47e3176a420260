//! Calls to other services: one budget for all tries, retries only where they are safe, and
//! a breaker that counts a peer's own failures, never its refusals.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use http::{Method, StatusCode};
use parking_lot::Mutex;
use secrecy::ExposeSecret;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::internal::InternalToken;

/// All tries of one call together.
const BUDGET: Duration = Duration::from_secs(2);
/// To be connected.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// Before the second try; doubles after that.
const FIRST_BACKOFF: Duration = Duration::from_millis(50);
/// Failures in a row that open the breaker.
const BREAKER_FAILURES: u32 = 5;
/// How long an open breaker refuses.
const BREAKER_OPEN: Duration = Duration::from_secs(1);

/// An HTTP client with our connect time-out, no proxy and no redirects.
pub fn http_client() -> reqwest::Client {
    reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(Duration::from_secs(30))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .expect("a client without TLS files or proxies can be built")
}

/// Whose fault a failed call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The request was refused (4xx).
    Caller,
    /// The peer failed or could not be reached in time.
    Peer,
}

/// A call that did not succeed.
#[derive(Debug, thiserror::Error)]
#[error("call to {peer} failed: {detail}")]
pub struct CallError {
    /// Which service.
    pub peer: &'static str,
    /// Its status, if it answered.
    pub status: Option<StatusCode>,
    /// Its `error` text, or what happened.
    pub detail: String,
    /// Its `code`, if it sent one.
    pub code: Option<String>,
    /// Whether the same call may succeed later.
    pub retry: bool,
    /// Whose fault it is.
    pub fault: Fault,
}

/// A client of one peer's `/internal` API.
#[derive(Clone, Debug)]
pub struct InternalClient {
    peer: &'static str,
    base_url: Arc<str>,
    token: InternalToken,
    http: reqwest::Client,
    breaker: Arc<Mutex<Breaker>>,
}

impl InternalClient {
    /// A client of `peer` at `base_url` (scheme and authority, no trailing slash needed).
    pub fn new(peer: &'static str, base_url: &str, token: InternalToken) -> Self {
        Self {
            peer,
            base_url: base_url.trim_end_matches('/').into(),
            token,
            http: http_client(),
            breaker: Arc::default(),
        }
    }

    /// GET, tried again within the budget when the peer fails.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, CallError> {
        self.with_retries(Method::GET, path, None, true).await
    }

    /// POST. Tried again only when the connection was refused, so that nothing runs twice.
    pub async fn post<B: Serialize + Sync, T: DeserializeOwned>(
        &self,
        path: &str,
        body: &B,
    ) -> Result<T, CallError> {
        let body =
            serde_json::to_value(body).map_err(|error| self.peer_fault(error.to_string()))?;
        self.with_retries(Method::POST, path, Some(&body), false)
            .await
    }

    /// POST of a call that the peer makes idempotent itself: tried again like a GET.
    pub async fn post_idempotent<B: Serialize + Sync, T: DeserializeOwned>(
        &self,
        path: &str,
        body: &B,
    ) -> Result<T, CallError> {
        let body =
            serde_json::to_value(body).map_err(|error| self.peer_fault(error.to_string()))?;
        self.with_retries(Method::POST, path, Some(&body), true)
            .await
    }

    async fn with_retries<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        safe: bool,
    ) -> Result<T, CallError> {
        let deadline = Instant::now() + BUDGET;
        let mut backoff = FIRST_BACKOFF;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let (error, sent) = match self.once(method.clone(), path, body, left).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            let may_retry = error.retry && (safe || !sent);
            if !may_retry || Instant::now() + backoff >= deadline {
                return Err(error);
            }
            tokio::time::sleep(backoff).await;
            backoff *= 2;
        }
    }

    /// One try. The flag beside the error says whether the request may have reached the peer.
    async fn once<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        time: Duration,
    ) -> Result<T, (CallError, bool)> {
        if !self.breaker.lock().allows(Instant::now()) {
            return Err((self.peer_fault("circuit breaker is open".to_owned()), false));
        }
        let mut request = self
            .http
            .request(method, format!("{}{path}", self.base_url))
            .timeout(time)
            .bearer_auth(self.token.secret().expose_secret());
        if let Some(traceparent) = crate::telemetry::traceparent() {
            request = request.header("traceparent", traceparent);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => {
                self.breaker.lock().failed(Instant::now());
                let sent = !error.is_connect();
                return Err((self.peer_fault(error.without_url().to_string()), sent));
            }
        };
        let status = answer.status();
        if status.is_server_error() {
            self.breaker.lock().failed(Instant::now());
        } else {
            self.breaker.lock().succeeded();
        }
        if status.is_success() {
            return answer
                .json()
                .await
                .map_err(|error| (self.peer_fault(error.without_url().to_string()), true));
        }
        Err((
            self.refusal(status, answer.bytes().await.unwrap_or_default().as_ref()),
            true,
        ))
    }

    fn peer_fault(&self, detail: String) -> CallError {
        CallError {
            peer: self.peer,
            status: None,
            detail,
            code: None,
            retry: true,
            fault: Fault::Peer,
        }
    }

    fn refusal(&self, status: StatusCode, body: &[u8]) -> CallError {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let text = |key: &str| body.get(key).and_then(Value::as_str).map(str::to_owned);
        CallError {
            peer: self.peer,
            status: Some(status),
            detail: text("error").unwrap_or_else(|| status.to_string()),
            code: text("code"),
            retry: status.is_server_error(),
            fault: if status.is_server_error() {
                Fault::Peer
            } else {
                Fault::Caller
            },
        }
    }
}

/// Refuses calls to a peer that just failed several times in a row.
#[derive(Debug, Default)]
struct Breaker {
    failures: u32,
    open_until: Option<Instant>,
}

impl Breaker {
    fn allows(&self, now: Instant) -> bool {
        self.open_until.is_none_or(|until| until <= now)
    }

    fn failed(&mut self, now: Instant) {
        self.failures += 1;
        if self.failures >= BREAKER_FAILURES {
            self.open_until = Some(now + BREAKER_OPEN);
        }
    }

    fn succeeded(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_breaker_opens_on_failures_in_a_row_and_closes_on_success() {
        let start = Instant::now();
        let mut breaker = Breaker::default();
        for _ in 0..BREAKER_FAILURES {
            assert!(breaker.allows(start));
            breaker.failed(start);
        }
        assert!(!breaker.allows(start));
        assert!(breaker.allows(start + BREAKER_OPEN));
        breaker.failed(start + BREAKER_OPEN);
        assert!(
            !breaker.allows(start + BREAKER_OPEN),
            "one trial, then open"
        );
        breaker.succeeded();
        assert!(breaker.allows(start));
    }
}
