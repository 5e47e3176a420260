//! Where the services of a namespace are, and the token they know each other by.

use std::collections::BTreeMap;

use anyhow::Context;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{Secret, Service as KubeService};
use kube::{Api, Client, ResourceExt, runtime::reflector::Store};
use parking_lot::Mutex;
use secrecy::SecretString;
use urr_operator_api::{Service, names};

use super::Peer;
use crate::lease::Tenure;

/// How long a token that was read is believed.
const TOKEN_KEPT: SignedDuration = SignedDuration::from_mins(5);

/// Addresses and token from the command line, for an operator outside the cluster.
#[derive(Clone, Debug, Default)]
pub(crate) struct PeerUrls {
    pub(crate) queue: Option<String>,
    pub(crate) ticket: Option<String>,
    pub(crate) token: Option<SecretString>,
}

/// The services of all namespaces.
pub(crate) struct Peers {
    client: Client,
    tenure: Tenure,
    http: reqwest::Client,
    fixed: PeerUrls,
    services: Store<KubeService>,
    tokens: Mutex<BTreeMap<String, (SecretString, Timestamp)>>,
}

impl Peers {
    pub(crate) fn new(
        client: Client,
        tenure: Tenure,
        fixed: PeerUrls,
        services: Store<KubeService>,
    ) -> Self {
        Self {
            client,
            tenure,
            http: urr_kit::http_client(),
            fixed,
            services,
            tokens: Mutex::default(),
        }
    }

    /// The waiting room of a namespace.
    pub(crate) async fn queue(&self, namespace: &str, now: Timestamp) -> anyhow::Result<Peer> {
        let fixed = self.fixed.queue.as_deref();
        self.peer("queue", Service::Queue, fixed, namespace, now)
            .await
    }

    /// The ticket service of a namespace.
    pub(crate) async fn ticket(&self, namespace: &str, now: Timestamp) -> anyhow::Result<Peer> {
        let fixed = self.fixed.ticket.as_deref();
        self.peer("ticket", Service::Ticket, fixed, namespace, now)
            .await
    }

    /// Forgets the token of a namespace, because a service does not know it.
    pub(crate) fn forget_token(&self, namespace: &str) {
        self.tokens.lock().remove(namespace);
    }

    async fn peer(
        &self,
        name: &'static str,
        service: Service,
        fixed: Option<&str>,
        namespace: &str,
        now: Timestamp,
    ) -> anyhow::Result<Peer> {
        let url = match fixed {
            Some(url) => url.to_owned(),
            None => self.url(service, namespace)?,
        };
        let token = self.token(namespace, now).await?;
        let (http, tenure) = (self.http.clone(), self.tenure.clone());
        Ok(Peer::new(name, &url, token, http, tenure))
    }

    fn url(&self, service: Service, namespace: &str) -> anyhow::Result<String> {
        let found = self.services.find(|found| {
            found.namespace().as_deref() == Some(namespace)
                && found.labels().get(names::SERVICE_LABEL).map(String::as_str)
                    == Some(service.name())
        });
        let found = found.with_context(|| {
            let label = names::SERVICE_LABEL;
            format!("there is no Service labelled {label}={service} in {namespace}: install the chart urr")
        })?;
        let ports = found.spec.as_ref().and_then(|spec| spec.ports.as_deref());
        let port = ports
            .unwrap_or_default()
            .iter()
            .find(|port| port.name.as_deref() == Some("http"))
            .with_context(|| format!("the Service {} has no port named http", found.name_any()))?;
        Ok(format!(
            "http://{}.{namespace}.svc:{}",
            found.name_any(),
            port.port
        ))
    }

    async fn token(&self, namespace: &str, now: Timestamp) -> anyhow::Result<SecretString> {
        if let Some(token) = &self.fixed.token {
            return Ok(token.clone());
        }
        let known = self.tokens.lock().get(namespace).cloned();
        if let Some((token, read_at)) = known
            && now.duration_since(read_at) < TOKEN_KEPT
        {
            return Ok(token);
        }
        let token = self.read_token(namespace).await?;
        let mut tokens = self.tokens.lock();
        tokens.insert(namespace.to_owned(), (token.clone(), now));
        Ok(token)
    }

    async fn read_token(&self, namespace: &str) -> anyhow::Result<SecretString> {
        let (name, key) = (names::INTERNAL_SECRET, names::INTERNAL_SECRET_KEY);
        let api: Api<Secret> = Api::namespaced(self.client.clone(), namespace);
        let secret = api
            .get(name)
            .await
            .with_context(|| format!("cannot read the Secret {namespace}/{name}"))?;
        let token = secret.data.as_ref().and_then(|data| data.get(key));
        let token = token.with_context(|| format!("the Secret {namespace}/{name} has no {key}"))?;
        let token = std::str::from_utf8(&token.0)
            .with_context(|| format!("{key} of the Secret {namespace}/{name} is no text"))?;
        Ok(SecretString::from(token.trim_end()))
    }
}
