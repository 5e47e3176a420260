//! The way to the issuer's keys: TLS with the system's certificates, or plain HTTP to an
//! issuer of a test.

use std::time::Duration;

use anyhow::Context;
use axum::body::Bytes;
use http::{Request, Response, Uri};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, Error, connect::HttpConnector},
    rt::TokioExecutor,
};

/// To be connected.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// A whole fetch.
const FETCH_TIMEOUT: Duration = Duration::from_secs(3);
/// Longest answer that is read, in bytes.
const MAX_ANSWER_BYTES: usize = 256 * 1024;

/// A client for one address.
#[derive(Clone, Debug)]
pub(super) enum Transport {
    Plain(Client<HttpConnector, Empty<Bytes>>),
    Tls(Client<HttpsConnector<HttpConnector>, Empty<Bytes>>),
}

impl Transport {
    /// A client that can reach `url`. Over HTTPS the system's certificates must be there.
    pub(super) fn to(url: &Uri) -> anyhow::Result<Self> {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        let builder = Client::builder(TokioExecutor::new());
        if url.scheme_str() != Some("https") {
            return Ok(Self::Plain(builder.build(connector)));
        }
        connector.enforce_http(false);
        let connector = HttpsConnectorBuilder::new()
            .with_native_roots()
            .context("no certificates to know Google by (package ca-certificates)")?
            .https_only()
            .enable_http1()
            .wrap_connector(connector);
        Ok(Self::Tls(builder.build(connector)))
    }

    /// The body at `url`.
    pub(super) async fn get(&self, url: &Uri) -> anyhow::Result<Bytes> {
        let request = Request::get(url).body(Empty::new())?;
        tokio::time::timeout(FETCH_TIMEOUT, self.fetch(request))
            .await
            .context("no answer in time")?
    }

    async fn fetch(&self, request: Request<Empty<Bytes>>) -> anyhow::Result<Bytes> {
        let answer = self.request(request).await?;
        anyhow::ensure!(answer.status().is_success(), "answered {}", answer.status());
        let body = Limited::new(answer.into_body(), MAX_ANSWER_BYTES)
            .collect()
            .await;
        let body = body.map_err(|error| anyhow::anyhow!(error))?;
        Ok(body.to_bytes())
    }

    async fn request(&self, request: Request<Empty<Bytes>>) -> Result<Response<Incoming>, Error> {
        match self {
            Self::Plain(client) => client.request(request).await,
            Self::Tls(client) => client.request(request).await,
        }
    }
}
