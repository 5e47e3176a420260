//! Keeps the ended admissions in memory.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use urr_kit::{Clock, Tasks, redis::Redis};

use crate::{redis::revocations, revocations::Revocations};

const PERIOD: Duration = Duration::from_secs(1);

/// Reads them every second. Without Redis the last copy stays.
pub fn spawn(tasks: &Tasks, redis: Redis, clock: Clock, revocations: Arc<Revocations>) {
    tasks.every("read-revocations", PERIOD, move || {
        let (redis, clock) = (redis.clone(), clock.clone());
        let revocations = Arc::clone(&revocations);
        async move {
            let ended = revocations::read(&redis, clock.now())
                .await
                .context("the ended admissions cannot be read")?;
            revocations.replace(ended);
            Ok(())
        }
    });
}
