//! Keeps the ended admissions in memory.

use std::time::Duration;

use tracing::warn;
use urr_kit::{Clock, Tasks, telemetry::chain};

use crate::redis::revocations::RevocationReader;

const PERIOD: Duration = Duration::from_secs(1);

/// Reads them every second. Without Redis, what is known stays.
pub fn spawn(tasks: &Tasks, clock: Clock, mut reader: RevocationReader) {
    let stop = tasks.clone();
    tasks.spawn("read-revocations", async move {
        while !stop.sleep(PERIOD).await {
            if let Err(error) = reader.read(clock.now()).await {
                warn!(error = %chain(&error), "the ended admissions cannot be read");
            }
        }
    });
}
