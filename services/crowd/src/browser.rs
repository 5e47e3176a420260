//! One fan's browser: a cookie jar of its own over connections that all fans share.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use reqwest::{
    Client, Response, Url,
    header::{COOKIE, RETRY_AFTER, SET_COOKIE},
    redirect,
};
use tokio::sync::Semaphore;
use urr_kit::Clock;

use crate::domain::{
    call::{Answer, Call, Outcome, Request},
    jar::Jar,
};

/// The gateway answers within 10 s whatever hangs behind it; a request that takes longer
/// than this is lost.
const TIMEOUT: Duration = Duration::from_secs(15);
/// Longest a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// The connections that all fans share.
#[derive(Clone, Debug)]
pub struct Network {
    client: Client,
    gateway: Arc<Url>,
    slots: Arc<Semaphore>,
    clock: Clock,
}

impl Network {
    /// At most `connections` requests at once to `gateway`.
    pub fn new(gateway: Url, connections: u32, clock: Clock) -> anyhow::Result<Self> {
        let connections = usize::try_from(connections)?;
        let client = Client::builder()
            .redirect(redirect::Policy::none())
            .timeout(TIMEOUT)
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_max_idle_per_host(connections)
            .no_proxy()
            .build()?;
        Ok(Self {
            client,
            gateway: Arc::new(gateway),
            slots: Arc::new(Semaphore::new(connections)),
            clock,
        })
    }

    /// Returns whether the gateway answers at all.
    pub async fn reaches_gateway(&self) -> bool {
        self.client
            .get((*self.gateway).clone())
            .send()
            .await
            .is_ok()
    }
}

/// What came of a request, and how long it took.
#[derive(Debug)]
pub struct Timed {
    /// What came of it.
    pub outcome: Outcome,
    /// From sending to the whole answer.
    pub took: Duration,
    /// Before that, waiting for a connection.
    pub queued: Duration,
}

/// One fan's browser.
#[derive(Debug)]
pub struct Browser {
    network: Network,
    jar: Jar,
}

impl Browser {
    /// A browser without cookies.
    pub fn new(network: Network) -> Self {
        Self {
            network,
            jar: Jar::default(),
        }
    }

    /// Sends `call` and waits for what comes of it.
    pub async fn send(&mut self, call: &Call) -> Timed {
        let asked = Instant::now();
        // The semaphore is never closed; without a permit the request would go all the same.
        let slots = Arc::clone(&self.network.slots);
        let _slot = slots.acquire().await;
        let queued = asked.elapsed();
        let sent = Instant::now();
        let outcome = match self.exchange(&call.request()).await {
            Ok(answer) => Outcome::Answered(answer),
            Err(error) => {
                tracing::debug!(endpoint = call.endpoint(), %error, "no answer");
                Outcome::Lost
            }
        };
        Timed {
            outcome,
            took: sent.elapsed(),
            queued,
        }
    }

    async fn exchange(&mut self, request: &Request) -> anyhow::Result<Answer> {
        let url = self.network.gateway.join(&request.target)?;
        let to_gateway = url.origin() == self.network.gateway.origin();
        let mut builder = if request.post {
            self.network.client.post(url.clone())
        } else {
            self.network.client.get(url.clone())
        };
        if let Some(body) = &request.body {
            builder = builder.json(body);
        }
        let now = self.network.clock.now();
        if to_gateway && let Some(cookies) = self.jar.header(url.path(), now) {
            builder = builder.header(COOKIE, cookies);
        }
        let response = builder.send().await?;
        if to_gateway {
            self.keep_cookies(&response, url.path());
        }
        read(response).await
    }

    fn keep_cookies(&mut self, response: &Response, path: &str) {
        let now = self.network.clock.now();
        for header in response.headers().get_all(SET_COOKIE) {
            if let Ok(text) = header.to_str() {
                self.jar.store(text, path, now);
            }
        }
    }
}

async fn read(response: Response) -> anyhow::Result<Answer> {
    let retry_after = response
        .headers()
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok()?.parse().ok())
        .map(Duration::from_secs);
    Ok(Answer {
        status: response.status().as_u16(),
        retry_after,
        body: response.bytes().await?,
    })
}
