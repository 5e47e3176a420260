//! Forgets clients that have gone.

use std::{sync::Arc, time::Duration};

use urr_kit::Tasks;

use crate::limiter::Limiter;

const PERIOD: Duration = Duration::from_secs(20);

/// Sweeps every 20 s.
pub fn spawn(tasks: &Tasks, limiter: &Arc<Limiter>) {
    tasks.every("sweep-counts", PERIOD, limiter, |limiter| async move {
        limiter.sweep();
        Ok(())
    });
}
