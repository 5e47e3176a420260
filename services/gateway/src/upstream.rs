//! The way to one service from one core: a bounded pool of connections that are kept open
//! between requests. Nothing is shared with other cores.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::{HeaderValue, Request, Response};
use hyper::{
    body::Incoming,
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::{net::TcpStream, time::Instant};
use tokio_util::task::TaskTracker;
use tracing::debug;
use urr_kit::telemetry::chain;

use crate::{config::ServiceUrl, http::body::Upstreamed, upload::Upload};

/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long an idle connection is kept; shorter than services keep theirs.
const IDLE_TIMEOUT: Duration = Duration::from_secs(15);
/// Idle connections that are kept.
const MAX_IDLE: usize = 256;

/// Why a service gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    /// There is no connection to be had.
    #[error("cannot connect")]
    Connect(#[source] std::io::Error),
    /// A connection did not come about in time.
    #[error("cannot connect in time")]
    ConnectTimeout,
    /// The connection broke before the answer began.
    #[error("the connection broke")]
    Broken(#[source] hyper::Error),
    /// Too many requests are waiting for this service already.
    #[error("too many requests in flight")]
    Busy,
}

/// One service, as one core reaches it.
#[derive(Debug)]
pub struct Upstream {
    address: String,
    host: HeaderValue,
    idle: Mutex<VecDeque<Idle>>,
    in_flight: AtomicUsize,
    max_in_flight: usize,
    /// Nobody waits for these at shutdown: an idle connection would never end.
    connections: TaskTracker,
}

#[derive(Debug)]
struct Idle {
    sender: SendRequest<Upstreamed>,
    since: Instant,
}

impl Upstream {
    /// The service at `url`, with no connection yet and room for `max_in_flight` requests.
    pub fn new(url: &ServiceUrl, max_in_flight: usize) -> anyhow::Result<Self> {
        let address = url.to_string();
        Ok(Self {
            host: HeaderValue::from_str(&address)?,
            address,
            idle: Mutex::default(),
            in_flight: AtomicUsize::new(0),
            max_in_flight,
            connections: TaskTracker::new(),
        })
    }

    /// The value of `Host` for it.
    pub fn host(&self) -> &HeaderValue {
        &self.host
    }

    /// Sends a request and waits for the beginning of its answer. A connection that turns out
    /// to be closed before anything was sent over it is replaced by another.
    pub async fn send(
        self: &Arc<Self>,
        mut request: Request<Upstreamed>,
        upload: Upload,
    ) -> Result<(Response<Incoming>, Lease), UpstreamError> {
        let place = Place::take(self).ok_or(UpstreamError::Busy)?;
        loop {
            let (mut sender, is_new) = match self.take_idle() {
                Some(sender) => (sender, false),
                None => (self.connect().await?, true),
            };
            if let Err(error) = sender.ready().await {
                if is_new {
                    return Err(UpstreamError::Broken(error));
                }
                continue;
            }
            match sender.try_send_request(request).await {
                Ok(response) => {
                    let lease = Lease {
                        sender,
                        upload,
                        place,
                    };
                    return Ok((response, lease));
                }
                Err(mut failure) => match failure.take_message() {
                    Some(unsent) if !is_new => request = unsent,
                    _ => return Err(UpstreamError::Broken(failure.into_error())),
                },
            }
        }
    }

    fn take_idle(&self) -> Option<SendRequest<Upstreamed>> {
        let mut idle = self.idle.lock();
        while let Some(newest) = idle.pop_back() {
            if newest.since.elapsed() > IDLE_TIMEOUT {
                idle.clear();
                return None;
            }
            if !newest.sender.is_closed() {
                return Some(newest.sender);
            }
        }
        None
    }

    fn keep(&self, sender: SendRequest<Upstreamed>) {
        if sender.is_closed() {
            return;
        }
        let now = Instant::now();
        let mut idle = self.idle.lock();
        let outlived = |oldest: &Idle| now - oldest.since > IDLE_TIMEOUT;
        while idle.len() >= MAX_IDLE || idle.front().is_some_and(outlived) {
            idle.pop_front();
        }
        idle.push_back(Idle { sender, since: now });
    }

    async fn connect(&self) -> Result<SendRequest<Upstreamed>, UpstreamError> {
        let stream = tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(&self.address))
            .await
            .map_err(|_| UpstreamError::ConnectTimeout)?
            .map_err(UpstreamError::Connect)?;
        stream.set_nodelay(true).map_err(UpstreamError::Connect)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(UpstreamError::Broken)?;
        self.connections.spawn(async move {
            if let Err(error) = connection.await {
                debug!(error = %chain(&error), "a connection to a service broke");
            }
        });
        Ok(sender)
    }
}

/// A connection in use, until its answer has been read.
#[derive(Debug)]
pub struct Lease {
    sender: SendRequest<Upstreamed>,
    upload: Upload,
    place: Place,
}

impl Lease {
    /// The answer has been read: the connection can serve again, unless the service answered
    /// before it had read the request.
    pub fn give_back(self) {
        if self.upload.is_done() {
            self.place.0.keep(self.sender);
        }
    }
}

/// One of the requests that may be in flight to a service.
#[derive(Debug)]
struct Place(Arc<Upstream>);

impl Place {
    fn take(upstream: &Arc<Upstream>) -> Option<Self> {
        let before = upstream.in_flight.fetch_add(1, Ordering::Relaxed);
        let place = Self(Arc::clone(upstream));
        (before < upstream.max_in_flight).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
