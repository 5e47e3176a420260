//! Exchanges the counts of requests with the other gateways.

use std::{sync::Arc, time::Duration};

use urr_kit::Tasks;

use crate::limiter::Limiter;

/// How long counts wait at most.
const PERIOD: Duration = Duration::from_millis(200);
/// How long they wait at least, however fast a client comes.
const SHORTEST: Duration = Duration::from_millis(5);

/// Exchanges every 200 ms, and sooner when a single client is fast enough to pass its limit
/// on two gateways within that time.
pub fn spawn(tasks: &Tasks, limiter: Arc<Limiter>) {
    let stop = tasks.clone();
    tasks.spawn("exchange-counts", async move {
        while !stop.sleep(SHORTEST).await {
            tokio::select! {
                () = limiter.hurried() => {}
                stopped = stop.sleep(PERIOD) => if stopped { break },
            }
            limiter.exchange().await;
        }
    });
}
