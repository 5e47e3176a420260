//! The shared counts: one hash per client, and one script that adds and reads many of them
//! in one call. All keys of a call lie in one slot, so it works on a cluster too.

use ::redis::{RedisResult, Script};
use urr_kit::redis::Redis;

use crate::{
    domain::window::SubWindow,
    limiter::{Totals, Untold},
};

/// Seconds after which Redis forgets a client's counts: past the last sub-window that counts.
const LIFE_SECONDS: u64 = 70;

/// The shared counts.
#[derive(Debug)]
pub struct Exchange {
    redis: Redis,
    script: Script,
}

impl Exchange {
    /// The counts in `redis`.
    pub fn new(redis: Redis) -> Self {
        Self {
            redis,
            script: Script::new(include_str!("exchange.lua")),
        }
    }

    /// Adds the counts of `batch` and returns the totals, client by client. All clients
    /// belong to `shard`.
    pub async fn run(
        &self,
        shard: usize,
        now: SubWindow,
        batch: &[Untold],
    ) -> RedisResult<Vec<Totals>> {
        let mut call = self.script.prepare_invoke();
        call.arg(LIFE_SECONDS).arg(now.oldest_counted().0);
        for untold in batch {
            call.key(key(shard, untold));
            call.arg(untold.counts.len() * 2);
            for (window, count) in &untold.counts {
                call.arg(window.0).arg(*count);
            }
        }
        let answer: Vec<Vec<u64>> = self.redis.eval(&call).await?;
        Ok(answer.iter().map(|flat| totals(flat)).collect())
    }
}

fn key(shard: usize, untold: &Untold) -> String {
    let category = untold.key.category.name();
    format!("rate:{{s{shard:02}}}:{category}:{}", untold.key.client)
}

fn totals(flat: &[u64]) -> Totals {
    flat.chunks_exact(2)
        .map(|pair| {
            let total = u32::try_from(pair[1]).unwrap_or(u32::MAX);
            (SubWindow(pair[0]), total)
        })
        .collect()
}
