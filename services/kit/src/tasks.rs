//! Background work that a shutdown waits for.

use std::{
    any::Any,
    future::Future,
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::FutureExt;
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
    panicked: Arc<AtomicBool>,
}

impl Tasks {
    /// No tasks yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs `future` in the background. It should end soon after [`Tasks::cancelled`]. If it
    /// panics the whole process shuts down as failed: better started anew than half alive.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where tasks are spawned"
    )]
    pub fn spawn<F>(&self, name: &'static str, future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let tasks = self.clone();
        let guarded = async move {
            if let Err(panic) = AssertUnwindSafe(future).catch_unwind().await {
                error!(
                    task.name = name,
                    error = panic_text(&*panic),
                    "a task panicked: shutting down"
                );
                tasks.panicked.store(true, Ordering::SeqCst);
                tasks.cancel();
            }
        };
        let tracked = self.tracker.track_future(guarded);
        tokio::spawn(tracked.instrument(info_span!("task", task.name = name)));
    }

    /// Runs `work` with `state` again and again, `period` after the previous run ended, until
    /// shutdown. A failure or a panic is logged and the next run comes at its time.
    pub fn every<S, F, W>(&self, name: &'static str, period: Duration, state: &S, mut work: W)
    where
        S: Clone + Send + 'static,
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
        W: FnMut(S) -> F + Send + 'static,
    {
        let (tasks, state) = (self.clone(), state.clone());
        self.spawn(name, async move {
            while !tasks.sleep(period).await {
                match AssertUnwindSafe(work(state.clone())).catch_unwind().await {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => {
                        warn!(task.name = name, error = %chain(&*error), "a periodic task failed");
                    }
                    Err(panic) => {
                        error!(
                            task.name = name,
                            error = panic_text(&*panic),
                            "a periodic task panicked"
                        );
                    }
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

    /// Whether a task panicked.
    pub fn have_panicked(&self) -> bool {
        self.panicked.load(Ordering::SeqCst)
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

/// The text of a panic.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no text")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_in_a_task_shuts_the_process_down_as_failed() {
        let tasks = Tasks::new();
        tasks.spawn("broken", async { panic!("on purpose") });
        tasks.cancelled().await;
        assert!(tasks.have_panicked());
        tasks.shutdown().await;
    }

    #[tokio::test]
    async fn a_periodic_task_survives_a_failure_and_a_panic() {
        let tasks = Tasks::new();
        let (done, mut runs) = tokio::sync::mpsc::unbounded_channel();
        let mut run = 0;
        tasks.every("flaky", Duration::from_millis(1), &done, move |done| {
            run += 1;
            let number = run;
            async move {
                assert_ne!(number, 1, "on purpose");
                if number == 2 {
                    anyhow::bail!("on purpose");
                }
                done.send(number).ok();
                Ok(())
            }
        });
        assert_eq!(runs.recv().await, Some(3));
        tasks.shutdown().await;
        assert!(!tasks.have_panicked());
    }
}
