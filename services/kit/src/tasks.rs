//! Background work that a shutdown waits for.

use std::{future::Future, time::Duration};

use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{Instrument, error, info, info_span, warn};

use crate::telemetry::chain;

/// How long a shutdown waits for background work before it gives up on it.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(15);

/// The background tasks of one service and the signal that ends them.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    cancellation: CancellationToken,
}

impl Tasks {
    /// No tasks yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs `future` in the background. It should end soon after [`Tasks::cancelled`].
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where tasks are spawned"
    )]
    pub fn spawn<F>(&self, name: &'static str, future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let tracked = self.tracker.track_future(future);
        tokio::spawn(tracked.instrument(info_span!("task", task.name = name)));
    }

    /// Runs `work` again and again, `period` after the previous run ended, until shutdown.
    /// A failure is logged and the next run comes at its time.
    pub fn every<F, W>(&self, name: &'static str, period: Duration, mut work: W)
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
        W: FnMut() -> F + Send + 'static,
    {
        let tasks = self.clone();
        self.spawn(name, async move {
            while !tasks.sleep(period).await {
                if let Err(error) = work().await {
                    warn!(task.name = name, error = %chain(&*error), "a periodic task failed");
                }
            }
        });
    }

    /// Waits `period` or until shutdown; returns whether it is shutdown.
    pub async fn sleep(&self, period: Duration) -> bool {
        tokio::select! {
            () = self.cancellation.cancelled() => true,
            () = tokio::time::sleep(period) => self.is_cancelled(),
        }
    }

    /// Resolves when shutdown begins.
    pub async fn cancelled(&self) {
        self.cancellation.cancelled().await;
    }

    /// Whether shutdown has begun.
    pub fn is_cancelled(&self) -> bool {
        self.cancellation.is_cancelled()
    }

    /// Begins shutdown without waiting for its end.
    pub fn cancel(&self) {
        self.cancellation.cancel();
    }

    /// Ends all tasks and waits for them, at most 15 s.
    pub async fn shutdown(&self) {
        self.cancellation.cancel();
        self.tracker.close();
        if tokio::time::timeout(SHUTDOWN_GRACE, self.tracker.wait())
            .await
            .is_err()
        {
            error!(tasks = self.tracker.len(), "tasks did not end in time");
        }
    }

    /// Begins shutdown on SIGTERM or SIGINT.
    pub fn cancel_on_signal(&self) -> std::io::Result<()> {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let tasks = self.clone();
        self.spawn("signals", async move {
            tokio::select! {
                _ = terminate.recv() => info!("SIGTERM: shutting down"),
                _ = interrupt.recv() => info!("SIGINT: shutting down"),
                () = tasks.cancelled() => {}
            }
            tasks.cancel();
        });
        Ok(())
    }
}
