//! What the waiting room holds about a person: places in lines and stays inside. All of it
//! ends by itself a day after the sale; nothing of it needs its owner.

use futures::{StreamExt, TryStreamExt, stream};
use serde::Serialize;
use serde_json::{Value, json};
use urr_contract::{EventId, UserId, personal_data::OpenMatters};
use urr_kit::{ApiError, ApiResult, personal_data::HoldsPersonalData};

use crate::{
    State,
    domain::person::Person,
    store::{lines, slots},
};

/// Lines asked at the same time.
const CONCURRENCY: usize = 16;

/// A place in one line.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Place {
    event_id: EventId,
    number: i64,
}

impl HoldsPersonalData for State {
    async fn personal_data(&self, user: UserId) -> ApiResult<Value> {
        let person = Person::account(user);
        let places: Vec<Place> = stream::iter(lines::kept(&self.pool).await?)
            .map(async |event_id| {
                let number = self.lines.rooms().line(event_id).number_of(person).await?;
                redis::RedisResult::Ok(number.map(|number| Place { event_id, number }))
            })
            .buffer_unordered(CONCURRENCY)
            .try_filter_map(async |place| Ok(place))
            .try_collect()
            .await?;
        let inside = slots::of_person(&self.pool, user).await?;
        Ok(json!({"places": places, "inside": inside}))
    }

    async fn open_matters(&self, _: UserId) -> ApiResult<OpenMatters> {
        Ok(OpenMatters::default())
    }

    async fn erase(&self, user: UserId) -> ApiResult<u64> {
        let person = Person::account(user);
        let erased: Vec<bool> = stream::iter(lines::kept(&self.pool).await?)
            .map(async |event| {
                let line = self.lines.rooms().line(event);
                let left = line.leave(person, None).await? == Some(true);
                redis::RedisResult::Ok(line.forget(person).await? || left)
            })
            .buffer_unordered(CONCURRENCY)
            .try_collect()
            .await?;
        let places = erased.into_iter().filter(|erased| *erased).count();
        let slots = self.erase_slots(user).await?;
        Ok(u64::try_from(places).unwrap_or(u64::MAX) + slots)
    }
}

impl State {
    /// Forgets the stays that Postgres has noted, so that none comes back after a loss.
    async fn erase_slots(&self, user: UserId) -> ApiResult<u64> {
        let ttl = i64::try_from(self.settings.token_ttl_seconds).map_err(ApiError::internal)?;
        let mut transaction = self.pool.begin().await?;
        let inside = slots::of_person(&mut *transaction, user).await?;
        for stay in &inside {
            slots::end(&mut transaction, stay.event_id, user, ttl).await?;
        }
        transaction.commit().await?;
        Ok(inside.len() as u64)
    }
}
