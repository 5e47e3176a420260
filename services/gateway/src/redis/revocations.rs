//! Reads the admissions that have ended, as the queue writes them: each once, in pages that
//! Redis answers quickly however many there are.

use std::{collections::HashMap, sync::Arc};

use ::redis::{AsyncCommands, RedisResult};
use futures::{StreamExt, stream};
use jiff::Timestamp;
use urr_contract::{
    AdmissionId, EventId,
    revocations::{EVENTS, key},
};
use urr_kit::redis::Redis;

use crate::{
    domain::mirror::{Glance, Mirror},
    revocations::Revocations,
};

/// Admissions on one page.
const PAGE: usize = 1_000;
/// Events that are read at the same time.
const EVENTS_AT_ONCE: usize = 16;
/// Seconds after which everything is read anew, whatever seems to be known.
const FRESH_SECONDS: i64 = 60;

/// Brings ended admissions from Redis into memory.
#[derive(Debug)]
pub struct RevocationReader {
    redis: Redis,
    ended: Arc<Revocations>,
    mirrors: HashMap<EventId, Mirror>,
    fresh_at: i64,
}

impl RevocationReader {
    /// Reads from `redis` into `ended`. Nothing is read yet.
    pub fn new(redis: Redis, ended: Arc<Revocations>) -> Self {
        Self {
            redis,
            ended,
            mirrors: HashMap::new(),
            fresh_at: 0,
        }
    }

    /// Reads what is new at `now`. A failure loses nothing that was read before it.
    pub async fn read(&mut self, now: Timestamp) -> RedisResult<()> {
        let now = now.as_second();
        self.know_events().await?;
        if now - self.fresh_at >= FRESH_SECONDS {
            self.mirrors
                .values_mut()
                .for_each(|it| *it = Mirror::default());
            self.ended.forget(now);
            self.fresh_at = now;
        }
        let (redis, ended) = (&self.redis, &*self.ended);
        let readings: Vec<_> = self
            .mirrors
            .iter_mut()
            .map(|(event, mirror)| {
                Reading {
                    redis,
                    ended,
                    key: key(*event),
                    mirror,
                }
                .catch_up(now)
            })
            .collect();
        let results: Vec<_> = stream::iter(readings)
            .buffer_unordered(EVENTS_AT_ONCE)
            .collect()
            .await;
        results.into_iter().collect()
    }

    /// The events that Redis names, and those that it forgot to name though there are ended
    /// admissions of them.
    async fn know_events(&mut self) -> RedisResult<()> {
        let named: Vec<String> = self.redis.connection().smembers(EVENTS).await?;
        self.mirrors.retain(|_, mirror| !mirror.is_empty());
        for event in named.iter().filter_map(|event| event.parse().ok()) {
            self.mirrors.entry(event).or_default();
        }
        Ok(())
    }
}

/// One look at one event.
struct Reading<'a> {
    redis: &'a Redis,
    ended: &'a Revocations,
    key: String,
    mirror: &'a mut Mirror,
}

impl Reading<'_> {
    async fn catch_up(mut self, now: i64) -> RedisResult<()> {
        let glance = self.glance(now).await?;
        let Some(since) = self.mirror.behind(glance, now) else {
            return Ok(());
        };
        self.read(since).await?;
        if self.mirror.lacks(glance, now) {
            // Some tokens live shorter than those before them.
            self.read(Mirror::first(now)).await?;
        }
        Ok(())
    }

    async fn glance(&self, now: i64) -> RedisResult<Glance> {
        let (count, newest): (usize, Vec<(String, i64)>) = ::redis::pipe()
            .zcount(&self.key, Mirror::compared_from(now), "+inf")
            .zrevrange_withscores(&self.key, 0, 0)
            .query_async(&mut self.redis.connection())
            .await?;
        let newest = newest.iter().find_map(admission);
        let newest = newest.filter(|(_, end)| *end >= Mirror::first(now));
        Ok(Glance { count, newest })
    }

    /// Reads what ends at `since` or later. A page begins with the end that the one before
    /// stopped at, past those of that end that were on it.
    async fn read(&mut self, since: i64) -> RedisResult<()> {
        let (mut since, mut skip) = (since, 0);
        loop {
            let page = self.page(since, skip).await?;
            let Some((_, last)) = page.last() else {
                return Ok(());
            };
            let (last, is_last_page) = (*last, page.len() < PAGE);
            let of_last = page.iter().filter(|(_, end)| *end == last).count();
            skip = if last == since {
                skip + of_last
            } else {
                of_last
            };
            since = last;
            self.learn(&page);
            if is_last_page {
                return Ok(());
            }
        }
    }

    async fn page(&self, since: i64, skip: usize) -> RedisResult<Vec<(String, i64)>> {
        ::redis::cmd("ZRANGEBYSCORE")
            .arg((&self.key, since, "+inf", "WITHSCORES"))
            .arg(("LIMIT", skip, PAGE))
            .query_async(&mut self.redis.connection())
            .await
    }

    fn learn(&mut self, page: &[(String, i64)]) {
        let admissions = page.iter().filter_map(admission).collect();
        let news = self.mirror.learn(admissions);
        self.ended.merge(news);
    }
}

fn admission((member, end): &(String, i64)) -> Option<(AdmissionId, i64)> {
    Some((member.parse().ok()?, *end))
}
