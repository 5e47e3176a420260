//! The line in Redis: one typed call for each script.
//!
//! Keys of an event share the hash tag `{event id}`, so that one event is one slot of a
//! cluster. Everything in them has a time to live.
//!
//! | Key | Type | Content |
//! |---|---|---|
//! | `line:{id}` | hash | the marker: incarnation, numbers reserved, rate bucket |
//! | `seq:{id}`, `serving:{id}` | string | last number given out; highest number called |
//! | `policy:{id}` | hash | the rules in force |
//! | `queue:{id}:<bucket>` | hash | 16-byte person → number |
//! | `waiting:{id}` | bitmap | numbers with a place in the line |
//! | `present:{id}:<n>`, `alive:{id}:<n>` | bitmaps | numbers, one bitmap per time of expiry |
//! | `given:{id}` | bitmap | numbers that waited in what replicas knew before a loss |
//! | `restored:{id}` | bitmap | numbers whose receipt of a lost incarnation was honoured |
//! | `visited:{id}` | bitmap | those of them where the receipt was a visitor's |
//! | `active:{id}` | sorted set | number, end of stay in ms |
//! | `slots:{id}` | hash | number → `admission\|since ms\|appeared\|person` |
//! | `pace:{id}` | hash | second → people admitted |
//! | `admission:lock:{id}` | string | owner of the admission lease |
//! | `revoked:{id}` | sorted set | **read by gateways**: ids of ended admissions (UUID text, `jti` of their entry tokens), scored by the end of those tokens' life in seconds |
//! | `revoked:events` | set | **read by gateways**: ids of events that may have a `revoked:{id}` |
//!
//! The braces are part of the names, except in `revoked:events`.

mod line;

pub(crate) use line::ADMISSION_BATCH;
pub use line::{
    Admitted, Ended, Inside, JoinRequest, Joined, Layout, LineKeys, Lost, ShownReceipt, StayOf,
};

use redis::{FromRedisValue, RedisResult, Script, ScriptInvocation, Value};
use urr_contract::{EventId, revocations};
use urr_kit::redis::Redis;

/// Life of the set of events with revoked admissions; renewed whenever a line is laid out and while it is in use.
const REVOKED_EVENTS_SECONDS: i64 = 7 * 86_400;

macro_rules! scripts {
    ($($name:ident),+) => {
        /// The scripts, each with what all of them begin with.
        #[derive(Debug)]
        struct Scripts {
            $($name: Script,)+
        }

        impl Scripts {
            fn new() -> Self {
                Self {
                    $($name: Script::new(concat!(
                        include_str!("room.lua"),
                        include_str!(concat!(stringify!($name), ".lua")),
                    )),)+
                }
            }
        }
    };
}

scripts!(
    admit, clear, give_back, join, leave, load, policy, presence, release, reserve, revoke,
    snapshot, sweep
);

/// All lines in Redis.
#[derive(Clone, Debug)]
pub struct Rooms {
    redis: Redis,
    scripts: std::sync::Arc<Scripts>,
    bitmap_width_ms: u64,
}

impl Rooms {
    /// The lines in that Redis. Presence is remembered in steps of `bitmap_width_ms`, the
    /// same in every process.
    pub fn new(redis: Redis, bitmap_width_ms: u64) -> Self {
        Self {
            redis,
            scripts: std::sync::Arc::new(Scripts::new()),
            bitmap_width_ms,
        }
    }

    /// The line of one event.
    pub fn line(&self, event: EventId) -> LineKeys<'_> {
        LineKeys::new(self, event)
    }

    /// The connection underneath.
    pub fn redis(&self) -> &Redis {
        &self.redis
    }

    /// Tells gateways that admissions of these events may be revoked.
    pub async fn announce(&self, events: &[EventId]) -> RedisResult<()> {
        if events.is_empty() {
            return Ok(());
        }
        let ids: Vec<String> = events.iter().map(ToString::to_string).collect();
        redis::pipe()
            .sadd(revocations::EVENTS, ids)
            .ignore()
            .expire(revocations::EVENTS, REVOKED_EVENTS_SECONDS)
            .ignore()
            .query_async(&mut self.redis.connection())
            .await
    }

    /// Refuses a Redis that may drop keys when its memory is full: it would lose places.
    /// Where the setting cannot be read, nothing is said.
    pub async fn refuse_eviction(&self) -> anyhow::Result<()> {
        let answer: RedisResult<Vec<String>> = redis::cmd("CONFIG")
            .arg("GET")
            .arg("maxmemory-policy")
            .query_async(&mut self.redis.connection())
            .await;
        match answer.as_deref() {
            Ok([_, policy]) if policy != "noeviction" => {
                anyhow::bail!("Redis has maxmemory-policy {policy}; the line needs noeviction")
            }
            Ok(_) => Ok(()),
            Err(error) => {
                tracing::warn!(%error, "cannot read Redis' maxmemory-policy");
                Ok(())
            }
        }
    }

    async fn eval<T: FromRedisValue>(&self, script: &ScriptInvocation<'_>) -> RedisResult<T> {
        self.redis.eval(script).await
    }
}

/// The items of an array reply, from the front.
struct Reply(std::vec::IntoIter<Value>);

impl Reply {
    fn next<T: FromRedisValue>(&mut self) -> RedisResult<T> {
        let value = self.0.next().unwrap_or(Value::Nil);
        Ok(redis::from_redis_value(value)?)
    }
}

impl FromRedisValue for Reply {
    fn from_redis_value(value: Value) -> Result<Self, redis::ParsingError> {
        Ok(Self(Vec::<Value>::from_redis_value(value)?.into_iter()))
    }
}
