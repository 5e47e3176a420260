//! The shared counts: one hash per client, and one script that writes and reads many of them
//! in one call. All keys of a call lie in one slot, so it works on a cluster too.
//!
//! Each gateway writes how far it has counted, under a name of its own. A call that Redis
//! carries out although it was given up, and another that says the same, change nothing.

use ::redis::{RedisResult, Script};
use urr_kit::redis::Redis;

use crate::{
    domain::window::SubWindow,
    limiter::{Others, Untold},
};

/// Seconds after which Redis forgets a client's counts: past the last sub-window that counts.
const LIFE_SECONDS: u64 = 70;

/// The shared counts, as one gateway takes part in them.
#[derive(Debug)]
pub struct Exchange {
    redis: Redis,
    script: Script,
    gateway: String,
}

impl Exchange {
    /// The counts in `redis`, for a gateway that nobody else is.
    pub fn new(redis: Redis) -> Self {
        Self {
            redis,
            script: Script::new(include_str!("exchange.lua")),
            gateway: format!("{:016x}", rand::random::<u64>()),
        }
    }

    /// Writes down the counts of `batch` and returns what the other gateways have counted,
    /// client by client. All clients belong to `shard`.
    pub async fn run(
        &self,
        shard: usize,
        now: SubWindow,
        batch: &[Untold],
    ) -> RedisResult<Vec<Others>> {
        let mut call = self.script.prepare_invoke();
        call.arg(LIFE_SECONDS).arg(now.oldest_counted().0);
        call.arg(&self.gateway);
        for untold in batch {
            call.key(key(shard, untold));
            call.arg(untold.counts.len() * 2);
            for (window, count) in &untold.counts {
                call.arg(window.0).arg(*count);
            }
        }
        let answer: Vec<Vec<u64>> = self.redis.eval(&call).await?;
        Ok(answer.iter().map(|flat| others(flat)).collect())
    }
}

fn key(shard: usize, untold: &Untold) -> String {
    let category = untold.key.category.name();
    format!("rate:{{s{shard:02}}}:{category}:{}", untold.key.client)
}

/// Sums the counts of several gateways in one sub-window.
fn others(flat: &[u64]) -> Others {
    let mut others = Others::new();
    for pair in flat.chunks_exact(2) {
        let count = u32::try_from(pair[1]).unwrap_or(u32::MAX);
        let sum = others.entry(SubWindow(pair[0])).or_default();
        *sum = count.saturating_add(*sum);
    }
    others
}
