//! One thread of the gateway: its own single-threaded runtime, its own listening socket, its
//! own connections to the services. The kernel spreads clients over the threads.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::Context;
use futures::FutureExt;
use http::Request;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{debug, warn};
use urr_kit::telemetry::chain;

use crate::{
    client_stream::ClientStream,
    domain::{path::MAX_PATH_BYTES, routes::Service},
    http::{identity::Identities, proxy},
    state::State,
    upstream::Upstream,
};

/// Bytes that the head of a request may have.
const MAX_HEAD_BYTES: usize = 32 * 1024;
/// Longest URI that the library takes.
const MAX_URI_BYTES: usize = 65_534;

const _: () = assert!(
    MAX_PATH_BYTES + MAX_HEAD_BYTES <= MAX_URI_BYTES,
    "a normal path and any query of a head make a URI"
);

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 4_096;
/// How long requests in flight may take to finish at shutdown: longer than a service may
/// take to answer one.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(12);
/// Pause after a failure to accept, for instance for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What one thread has to itself.
#[derive(Debug)]
pub struct Core {
    /// What all threads share.
    pub state: Arc<State>,
    /// Access tokens that were verified here.
    pub identities: Identities,
    /// Connections of clients, and what else must end before the thread does.
    pub tasks: TaskTracker,
    upstreams: Vec<Arc<Upstream>>,
    in_flight: Arc<AtomicUsize>,
    max_in_flight: usize,
}

impl Core {
    /// One of `cores` threads.
    pub fn new(state: Arc<State>, cores: usize) -> anyhow::Result<Self> {
        let max_in_flight = state.config.max_in_flight.get().div_ceil(cores);
        // A service that hangs may take up half of the room, so that others have the rest.
        let a_service = max_in_flight.div_ceil(2);
        let upstreams = Service::ALL
            .into_iter()
            .map(|service| Upstream::new(state.url(service), a_service).map(Arc::new))
            .collect::<anyhow::Result<_>>()?;
        Ok(Self {
            identities: Identities::new(state.session_key.clone()),
            tasks: TaskTracker::new(),
            upstreams,
            in_flight: Arc::default(),
            max_in_flight,
            state,
        })
    }

    /// The way to `service` from here.
    pub fn upstream(&self, service: Service) -> &Arc<Upstream> {
        &self.upstreams[service as usize]
    }

    /// Room for one more request, if there is.
    pub fn slot(&self) -> Option<Slot> {
        let before = self.in_flight.fetch_add(1, Ordering::Relaxed);
        let slot = Slot(Arc::clone(&self.in_flight));
        (before < self.max_in_flight).then_some(slot)
    }

    /// Serves `listener` on the calling thread until `shutdown`, then finishes what has begun.
    pub fn run(
        self,
        listener: std::net::TcpListener,
        shutdown: &CancellationToken,
    ) -> anyhow::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("a runtime cannot be built")?;
        let core = Arc::new(self);
        runtime.block_on(async {
            let listener = TcpListener::from_std(listener)?;
            core.accept(&listener, shutdown).await;
            core.drain(listener, shutdown).await;
            anyhow::Ok(())
        })
    }

    async fn accept(self: &Arc<Self>, listener: &TcpListener, shutdown: &CancellationToken) {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = shutdown.cancelled() => return,
            };
            match accepted {
                Ok((stream, peer)) => self.serve(stream, peer, shutdown),
                Err(error) => {
                    warn!(error = %chain(&error), "a connection cannot be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// Answers whoever had connected already, and waits for the requests in flight.
    async fn drain(self: &Arc<Self>, listener: TcpListener, shutdown: &CancellationToken) {
        while let Some(Ok((stream, peer))) = listener.accept().now_or_never() {
            self.serve(stream, peer, shutdown);
        }
        drop(listener);
        self.tasks.close();
        if tokio::time::timeout(DRAIN_TIMEOUT, self.tasks.wait())
            .await
            .is_err()
        {
            warn!(tasks = self.tasks.len(), "requests in flight were cut off");
        }
    }

    fn serve(self: &Arc<Self>, stream: TcpStream, peer: SocketAddr, shutdown: &CancellationToken) {
        if let Err(error) = stream.set_nodelay(true) {
            debug!(error = %chain(&error), "a client had gone before it was served");
            return;
        }
        let core = Arc::clone(self);
        let shutdown = shutdown.clone();
        self.tasks.spawn(async move {
            if let Err(error) = core.serve_connection(stream, peer.ip(), shutdown).await {
                debug!(error = %chain(&error), "a client's connection broke");
            }
        });
    }

    async fn serve_connection(
        self: Arc<Self>,
        stream: TcpStream,
        peer: IpAddr,
        shutdown: CancellationToken,
    ) -> hyper::Result<()> {
        let service = service_fn(|request: Request<Incoming>| {
            let core = Arc::clone(&self);
            async move { Ok::<_, std::convert::Infallible>(proxy::answer(core, peer, request).await) }
        });
        let (stream, timer) = ClientStream::new(stream, self.state.config.patience());
        let connection = http1::Builder::new()
            .timer(timer)
            .max_header_size(MAX_HEAD_BYTES)
            .keep_alive(!shutdown.is_cancelled())
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        if !shutdown.is_cancelled() {
            tokio::select! {
                result = connection.as_mut() => return result,
                () = shutdown.cancelled() => connection.as_mut().graceful_shutdown(),
            }
        }
        connection.await
    }
}

/// One of the requests that may be in flight on a core.
#[derive(Debug)]
pub struct Slot(Arc<AtomicUsize>);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Listens `cores` times on one address. The first socket is bound alone, so that a port that
/// somebody else has is an error and not shared with them.
pub fn listen(address: SocketAddr, cores: usize) -> anyhow::Result<Vec<std::net::TcpListener>> {
    let bind = |address: SocketAddr, shared: bool| -> std::io::Result<TcpSocket> {
        let socket = if address.is_ipv4() {
            TcpSocket::new_v4()?
        } else {
            TcpSocket::new_v6()?
        };
        socket.set_reuseaddr(true)?;
        socket.set_reuseport(shared)?;
        socket.bind(address)?;
        Ok(socket)
    };
    let taken = || format!("cannot listen on {address}");
    let alone = bind(address, false).with_context(taken)?;
    let address = alone.local_addr()?;
    alone.set_reuseport(true)?;
    let mut sockets = vec![alone];
    while sockets.len() < cores {
        sockets.push(bind(address, true).with_context(taken)?);
    }
    let listeners = sockets.into_iter().map(|socket| {
        let listener = socket.listen(BACKLOG).with_context(taken)?.into_std()?;
        anyhow::Ok(listener)
    });
    listeners.collect()
}
