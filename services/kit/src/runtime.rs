//! What a running service is handed: its name, the time, its tasks, its metrics.

use crate::{Clock, Metrics, Tasks};

/// Handed to every service's `run`.
#[derive(Clone, Debug)]
pub struct Runtime {
    /// Name of the service, as in `urr <name>`.
    pub service: &'static str,
    /// The time.
    pub clock: Clock,
    /// Background work.
    pub tasks: Tasks,
    /// Metrics.
    pub metrics: Metrics,
}

impl Runtime {
    /// A runtime for `service` on the system's clock.
    pub fn new(service: &'static str) -> Self {
        Self {
            service,
            clock: Clock::system(),
            tasks: Tasks::new(),
            metrics: Metrics::new(),
        }
    }
}
