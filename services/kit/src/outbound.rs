//! Calls to parties outside, such as a payment provider: over TLS, known by the system's
//! certificates, or over plain HTTP to one that stands in for it. Parties of our own choosing
//! are called by [`Outbound`], those that others name by [`Strangers`].

mod strangers;

use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};

pub use self::strangers::{Answer, MAX_EXCERPT_BYTES, Reach, Strangers, Unreachable, is_public};

/// To be connected.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long an idle connection is kept.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest answer that is read, in bytes.
pub const MAX_ANSWER_BYTES: usize = 256 * 1024;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    /// It took too long.
    #[error("no answer in time")]
    Late,
    /// There is no connection, it broke, or the answer is too long.
    #[error("no answer")]
    Transport(#[source] anyhow::Error),
}

/// A client of one party outside, which keeps its connections.
#[derive(Clone, Debug)]
pub struct Outbound(Transport);

#[derive(Clone, Debug)]
enum Transport {
    Plain(Client<HttpConnector, Full<Bytes>>),
    Tls(Client<HttpsConnector<HttpConnector>, Full<Bytes>>),
}

impl Outbound {
    /// A client for what lies below `url`: with `https` over TLS and never otherwise. For
    /// that the system's certificates must be there.
    pub fn to(url: &Uri) -> anyhow::Result<Self> {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        connector.set_nodelay(true);
        let mut builder = Client::builder(TokioExecutor::new());
        builder.pool_idle_timeout(IDLE_TIMEOUT);
        if url.scheme_str() != Some("https") {
            return Ok(Self(Transport::Plain(builder.build(connector))));
        }
        connector.enforce_http(false);
        Ok(Self(Transport::Tls(
            builder.build(over_tls(connector, false)?),
        )))
    }

    /// The whole answer to a request, within `timeout`. It is sent once: whether to try again
    /// is for the caller to say.
    pub async fn send(
        &self,
        request: Request<Bytes>,
        timeout: Duration,
    ) -> Result<Response<Bytes>, OutboundError> {
        tokio::time::timeout(timeout, self.exchange(request))
            .await
            .map_err(|_| OutboundError::Late)?
            .map_err(OutboundError::Transport)
    }

    /// The answer to a request as it comes, its head within `timeout`. It is sent once.
    pub async fn open(
        &self,
        request: Request<Bytes>,
        timeout: Duration,
    ) -> Result<Response<Incoming>, OutboundError> {
        tokio::time::timeout(timeout, self.begin(request.map(Full::new)))
            .await
            .map_err(|_| OutboundError::Late)?
            .map_err(|error| OutboundError::Transport(error.into()))
    }

    async fn exchange(&self, request: Request<Bytes>) -> anyhow::Result<Response<Bytes>> {
        let answer = self.begin(request.map(Full::new)).await?;
        let (parts, body) = answer.into_parts();
        let body = Limited::new(body, MAX_ANSWER_BYTES)
            .collect()
            .await
            .map_err(anyhow::Error::from_boxed)?;
        Ok(Response::from_parts(parts, body.to_bytes()))
    }

    async fn begin(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, hyper_util::client::legacy::Error> {
        match &self.0 {
            Transport::Plain(client) => client.request(request).await,
            Transport::Tls(client) => client.request(request).await,
        }
    }
}

/// Connects over TLS to those whom the system's certificates vouch for, and over plain HTTP only
/// where that is allowed.
fn over_tls<C>(connector: C, or_plain: bool) -> anyhow::Result<HttpsConnector<C>> {
    let builder = HttpsConnectorBuilder::new()
        .with_native_roots()
        .context("no certificates to know others by (package ca-certificates)")?;
    let builder = if or_plain {
        builder.https_or_http()
    } else {
        builder.https_only()
    };
    Ok(builder.enable_http1().wrap_connector(connector))
}
