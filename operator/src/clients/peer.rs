//! One service of one namespace, over its `/internal` API.

use std::time::Duration;

use http::{
    Method, StatusCode,
    header::{ETAG, IF_MATCH},
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use urr_contract::{
    EventId, SalePolicy,
    internal::{LineFigures, SaleFigures, SourcedEvent, SourcedEventAnswer},
};

use crate::lease::Tenure;

/// How long one call may take.
const TIMEOUT: Duration = Duration::from_secs(2);

/// A call that did not succeed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PeerError {
    /// It answered that it will not.
    #[error("{peer} refused with {status}: {detail}")]
    Refused {
        peer: &'static str,
        status: StatusCode,
        code: String,
        detail: String,
    },
    /// It could not be reached, or failed itself.
    #[error("{peer} cannot be reached: {detail}")]
    Unreachable { peer: &'static str, detail: String },
}

impl PeerError {
    /// The word for programs that came with a refusal.
    pub(crate) fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { code, .. } => Some(code),
            Self::Unreachable { .. } => None,
        }
    }

    /// The status of a refusal.
    pub(crate) fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            Self::Unreachable { .. } => None,
        }
    }

    /// Whether the service does not know the token, or not any more.
    pub(crate) fn is_unknown_token(&self) -> bool {
        self.is(StatusCode::UNAUTHORIZED) || self.is(StatusCode::FORBIDDEN)
    }

    fn is(&self, status: StatusCode) -> bool {
        self.status() == Some(status)
    }
}

/// A policy as a service stores it, with what names this very version.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stored {
    pub(crate) policy: SalePolicy,
    pub(crate) etag: Option<String>,
}

/// One service of one namespace.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    name: &'static str,
    base_url: String,
    token: SecretString,
    http: reqwest::Client,
    tenure: Tenure,
}

/// An answer with its body read.
struct Answer {
    etag: Option<String>,
    body: Value,
}

impl Peer {
    pub(crate) fn new(
        name: &'static str,
        base_url: &str,
        token: SecretString,
        http: reqwest::Client,
        tenure: Tenure,
    ) -> Self {
        Self {
            name,
            base_url: base_url.trim_end_matches('/').to_owned(),
            token,
            http,
            tenure,
        }
    }

    /// The policy that the service stores for an event.
    pub(crate) async fn policy(&self, event: EventId) -> Result<Option<Stored>, PeerError> {
        let path = format!("/internal/events/{event}/policy");
        match self.call(Method::GET, &path, None::<&()>, None).await {
            Ok(answer) => Ok(Some(self.stored(answer)?)),
            Err(error) if error.is(StatusCode::NOT_FOUND) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Stores a policy. `seen`: the version that it may replace although it is another's.
    pub(crate) async fn put_policy(
        &self,
        event: EventId,
        policy: &SalePolicy,
        seen: Option<&str>,
    ) -> Result<Stored, PeerError> {
        let path = format!("/internal/events/{event}/policy");
        let answer = self.call(Method::PUT, &path, Some(policy), seen).await?;
        self.stored(answer)
    }

    /// Lets go of an event: the policy of `owner` is no longer in force.
    pub(crate) async fn let_go(&self, event: EventId, owner: &str) -> Result<(), PeerError> {
        let path = format!("/internal/events/{event}/policy?owner={owner}");
        match self.call(Method::DELETE, &path, None::<&()>, None).await {
            // Somebody else's by now, or the event is gone.
            Err(error) if error.is(StatusCode::CONFLICT) || error.is(StatusCode::NOT_FOUND) => {
                Ok(())
            }
            result => result.map(drop),
        }
    }

    /// Whether the ticket service knows an event.
    pub(crate) async fn knows(&self, event: EventId) -> Result<bool, PeerError> {
        let path = format!("/internal/events/{event}/queue-info");
        match self.call(Method::GET, &path, None::<&()>, None).await {
            Ok(_) => Ok(true),
            Err(error) if error.is(StatusCode::NOT_FOUND) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The event of a resource, made by the first call.
    pub(crate) async fn create(
        &self,
        uid: &str,
        event: &SourcedEvent,
    ) -> Result<EventId, PeerError> {
        let path = format!("/internal/events/by-source/{uid}");
        let answer = self.call(Method::PUT, &path, Some(event), None).await?;
        let answer: SourcedEventAnswer = self.read(answer.body)?;
        Ok(answer.event_id)
    }

    /// Removes an event with its rows. What is gone already is removed.
    pub(crate) async fn remove(&self, event: EventId) -> Result<(), PeerError> {
        let path = format!("/internal/events/{event}");
        match self.call(Method::DELETE, &path, None::<&()>, None).await {
            Err(error) if error.is(StatusCode::NOT_FOUND) => Ok(()),
            result => result.map(drop),
        }
    }

    /// What is held and sold of an event.
    pub(crate) async fn figures(&self, event: EventId) -> Result<SaleFigures, PeerError> {
        let path = format!("/internal/events/{event}/sale-figures");
        let answer = self.call(Method::GET, &path, None::<&()>, None).await?;
        self.read(answer.body)
    }

    /// Who waits and who is inside.
    pub(crate) async fn line(&self, event: EventId) -> Result<LineFigures, PeerError> {
        let path = format!("/internal/events/{event}/line");
        let answer = self.call(Method::GET, &path, None::<&()>, None).await?;
        self.read(answer.body)
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&(impl Serialize + Sync)>,
        if_match: Option<&str>,
    ) -> Result<Answer, PeerError> {
        let mut request = self
            .http
            .request(method, format!("{}{path}", self.base_url))
            .timeout(TIMEOUT)
            .bearer_auth(self.token.expose_secret());
        if let Some(body) = body {
            request = request.json(body);
        }
        if let Some(etag) = if_match {
            request = request.header(IF_MATCH, etag);
        }
        self.tenure.check().map_err(|over| PeerError::Unreachable {
            peer: self.name,
            detail: over.to_string(),
        })?;
        let answer = request.send().await.map_err(|error| self.lost(&error))?;
        let (status, etag) = (answer.status(), answer.headers().get(ETAG).cloned());
        let body = answer.bytes().await.map_err(|error| self.lost(&error))?;
        let body = serde_json::from_slice(&body).unwrap_or_default();
        if !status.is_success() {
            return Err(self.refusal(status, &body));
        }
        let etag = etag.and_then(|etag| etag.to_str().map(str::to_owned).ok());
        Ok(Answer { etag, body })
    }

    fn stored(&self, answer: Answer) -> Result<Stored, PeerError> {
        Ok(Stored {
            policy: self.read(answer.body)?,
            etag: answer.etag,
        })
    }

    fn read<T: DeserializeOwned>(&self, body: Value) -> Result<T, PeerError> {
        serde_json::from_value(body).map_err(|error| PeerError::Unreachable {
            peer: self.name,
            detail: format!("its answer cannot be read: {error}"),
        })
    }

    fn lost(&self, error: &reqwest::Error) -> PeerError {
        let detail = if error.is_timeout() {
            "no answer in time"
        } else if error.is_connect() {
            "no connection"
        } else {
            "the connection broke"
        };
        PeerError::Unreachable {
            peer: self.name,
            detail: format!("{detail} ({})", self.base_url),
        }
    }

    fn refusal(&self, status: StatusCode, body: &Value) -> PeerError {
        let text = |field: &str| body[field].as_str().map(str::to_owned);
        let detail = text("error").unwrap_or_else(|| status.to_string());
        if status.is_server_error() {
            return PeerError::Unreachable {
                peer: self.name,
                detail,
            };
        }
        PeerError::Refused {
            peer: self.name,
            status,
            code: text("code").unwrap_or_default(),
            detail,
        }
    }
}
