//! Reads the admissions that have ended, as the queue writes them.

use std::collections::HashSet;

use ::redis::{AsyncCommands, RedisResult};
use jiff::Timestamp;
use urr_contract::{
    AdmissionId,
    revocations::{EVENTS, key},
};
use urr_kit::redis::Redis;

/// All admissions that have ended while their token would still be good at `now`.
pub async fn read(redis: &Redis, now: Timestamp) -> RedisResult<HashSet<AdmissionId>> {
    let mut connection = redis.connection();
    let events: Vec<String> = connection.smembers(EVENTS).await?;
    let mut ended = HashSet::new();
    for event in events.iter().filter_map(|event| event.parse().ok()) {
        let members: Vec<String> = connection
            .zrangebyscore(key(event), now.as_second(), "+inf")
            .await?;
        ended.extend(
            members
                .iter()
                .filter_map(|member| member.parse::<AdmissionId>().ok()),
        );
    }
    Ok(ended)
}
