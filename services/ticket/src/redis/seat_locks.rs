//! Hot path: no blocking IO, no allocation per waiting user, no info logs.
//!
//! Seat locks: they turn the losers of a seat away without a transaction. A lock belongs to
//! one hold by its id, so nobody can release what another request took. All locks of an
//! event share a hash slot.

use std::time::Duration;

use redis::Script;
use urr_contract::{EventId, ReservationId, SeatId, UserId};
use urr_kit::redis::Redis;

/// What the script said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lock {
    /// All locks are this hold's now.
    Taken,
    /// Another hold of the same person has one of them.
    OwnHold,
    /// Somebody else has had one of them for so long.
    Held(Duration),
    /// Redis cannot say; Postgres will.
    Unknown,
}

/// The scripts, and the Redis they run in.
#[derive(Clone, Debug)]
pub struct SeatLocks {
    redis: Redis,
    lock: Script,
    mark: Script,
    release: Script,
}

/// Life of a lock while its hold is held.
pub const HELD: &str = "HELD";
/// Status of a lock while its hold is being paid.
pub const PAYING: &str = "CONFIRMED";

impl SeatLocks {
    /// Locks in `redis`.
    pub fn new(redis: Redis) -> Self {
        Self {
            redis,
            lock: Script::new(include_str!("seat_lock.lua")),
            mark: Script::new(include_str!("seat_mark.lua")),
            release: Script::new(include_str!("seat_release.lua")),
        }
    }

    /// The key of a seat's lock.
    pub fn key(event: EventId, seat: SeatId) -> String {
        format!("seat:{{{event}}}:{seat}")
    }

    /// Takes the locks of all seats for a hold, or none.
    pub async fn take(
        &self,
        event: EventId,
        seats: &[SeatId],
        hold: ReservationId,
        user: UserId,
        life: Duration,
    ) -> Lock {
        let mut call = self.lock.prepare_invoke();
        for seat in seats {
            call.key(Self::key(event, *seat));
        }
        call.arg(hold.to_string())
            .arg(user.to_string())
            .arg(millis(life));
        let answer: redis::RedisResult<Vec<redis::Value>> = self.redis.eval(&call).await;
        answer.map_or(Lock::Unknown, |values| read_answer(&values, user))
    }

    /// Copies status and tokens onto the locks of a hold and gives them a new life. A Redis
    /// that is away does not get to know.
    pub async fn mark(
        &self,
        event: EventId,
        seats: &[(SeatId, i64)],
        hold: ReservationId,
        status: &str,
        life: Duration,
    ) {
        if seats.is_empty() {
            return;
        }
        let mut call = self.mark.prepare_invoke();
        for (seat, _) in seats {
            call.key(Self::key(event, *seat));
        }
        call.arg(hold.to_string()).arg(status).arg(millis(life));
        for (_, token) in seats {
            call.arg(*token);
        }
        let marked: redis::RedisResult<i64> = self.redis.eval(&call).await;
        if let Err(error) = marked {
            tracing::debug!(%error, "seat locks were not marked");
        }
    }

    /// Deletes the locks of a hold. A Redis that was away a moment ago is not waited for: a
    /// lock that outlives its hold is found out by the next person who wants the seat.
    pub async fn release(&self, event: EventId, seats: &[SeatId], hold: ReservationId) {
        if seats.is_empty() || !self.redis.is_up() {
            return;
        }
        let mut call = self.release.prepare_invoke();
        for seat in seats {
            call.key(Self::key(event, *seat));
        }
        call.arg(hold.to_string());
        let released: redis::RedisResult<i64> = self.redis.eval(&call).await;
        if let Err(error) = released {
            tracing::debug!(%error, "seat locks were not released");
        }
    }

    /// Deletes locks whoever has them: Postgres has said that the seats are free.
    pub async fn clear(&self, event: EventId, seats: &[SeatId]) {
        let mut command = redis::cmd("DEL");
        for seat in seats {
            command.arg(Self::key(event, *seat));
        }
        let cleared: redis::RedisResult<i64> =
            command.query_async(&mut self.redis.connection()).await;
        if let Err(error) = cleared {
            tracing::debug!(%error, "seat locks were not cleared");
        }
    }
}

fn millis(life: Duration) -> u64 {
    u64::try_from(life.as_millis()).unwrap_or(u64::MAX).max(1)
}

fn read_answer(values: &[redis::Value], user: UserId) -> Lock {
    let number = |value: &redis::Value| redis::from_redis_value_ref::<i64>(value).ok();
    match values {
        [taken] if number(taken) == Some(1) => Lock::Taken,
        [_, holder, age] => {
            let holder: String = redis::from_redis_value_ref(holder).unwrap_or_default();
            if holder == user.to_string() {
                Lock::OwnHold
            } else {
                let age = number(age).unwrap_or_default().max(0).unsigned_abs();
                Lock::Held(Duration::from_millis(age))
            }
        }
        _ => Lock::Unknown,
    }
}
