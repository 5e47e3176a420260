//! The gateway: the one way in. It knows who asks, how much they ask, whether they were let
//! in by the queue, and whom to ask in turn; it decides nothing about tickets.
//!
//! Requests are served by one thread a core, each with its own runtime, socket and
//! connections to the services, so that a request never changes cores. What the cores share
//! is read mostly: settings, counts, ended admissions.

pub mod client_stream;
pub mod config;
pub mod core;
pub mod domain;
pub mod http;
pub mod jobs;
pub mod limiter;
pub mod openapi;
pub mod redis;
pub mod revocations;
pub mod state;
pub mod upload;
pub mod upstream;

use std::{net::SocketAddr, sync::Arc, thread::JoinHandle};

use anyhow::Context;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};
use urr_kit::{Runtime, serve::serve_management};

pub use config::Config;

use crate::{core::Core, state::State};

/// A gateway that has its port.
#[derive(Debug)]
pub struct Gateway {
    state: Arc<State>,
    address: SocketAddr,
    shutdown: CancellationToken,
    threads: Vec<JoinHandle<anyhow::Result<()>>>,
}

impl Gateway {
    /// Listens and begins to serve.
    pub async fn start(config: Config, runtime: &Runtime) -> anyhow::Result<Self> {
        let state = State::start(config, runtime).await?;
        let config = &state.config;
        let cores = match config.threads {
            Some(threads) => threads,
            None => std::thread::available_parallelism().context("cores cannot be counted")?,
        };
        let listen = config.http.listen();
        let sockets = core::listen((listen.address, listen.port).into(), cores.get())?;
        let address = sockets[0].local_addr()?;
        let shutdown = CancellationToken::new();
        let threads = sockets
            .into_iter()
            .enumerate()
            .map(|(number, socket)| {
                let core = Core::new(Arc::clone(&state), cores.get())?;
                let shutdown = shutdown.clone();
                // A thread that ends early takes the others with it.
                let fallen = shutdown.clone().drop_guard();
                std::thread::Builder::new()
                    .name(format!("gateway-{number}"))
                    .spawn(move || {
                        let _fallen = fallen;
                        core.run(socket, &shutdown)
                    })
                    .context("a thread cannot be started")
            })
            .collect::<anyhow::Result<_>>()?;
        info!(%address, threads = cores, "listening");
        Ok(Self {
            state,
            address,
            shutdown,
            threads,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until shutdown, then finishes the requests that have begun.
    pub async fn serve(self) -> anyhow::Result<()> {
        let tasks = &self.state.runtime.tasks;
        let listen = self.state.config.http.listen();
        if let Some(port) = listen.management_port {
            serve_management(&self.state.runtime, &listen, port, &self.state.health).await?;
        }
        tokio::select! {
            () = tasks.cancelled() => {}
            () = self.shutdown.cancelled() => error!("a thread of the gateway has ended"),
        }
        self.shutdown.cancel();
        let threads = self.threads;
        let results = tokio::task::spawn_blocking(move || {
            threads
                .into_iter()
                .map(JoinHandle::join)
                .collect::<Vec<_>>()
        })
        .await?;
        tasks.shutdown().await;
        for result in results {
            result.map_err(|_| anyhow::anyhow!("a thread of the gateway panicked"))??;
        }
        info!("stopped");
        Ok(())
    }
}

/// Runs the gateway until shutdown.
pub async fn run(config: Config, runtime: Runtime) -> anyhow::Result<()> {
    Gateway::start(config, &runtime).await?.serve().await
}
