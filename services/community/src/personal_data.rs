//! What community tells auth about one person. Nothing here needs its owner to end.

use serde_json::Value;
use urr_contract::{UserId, personal_data::OpenMatters};
use urr_kit::{
    ApiResult,
    internal::{HasInternalToken, InternalToken},
    personal_data::HoldsPersonalData,
};

use crate::{State, store::personal_data};

impl HasInternalToken for State {
    fn internal_token(&self) -> &InternalToken {
        &self.internal_token
    }
}

impl HoldsPersonalData for State {
    async fn personal_data(&self, user: UserId) -> ApiResult<Value> {
        Ok(personal_data::all(&self.pool, user).await?)
    }

    async fn open_matters(&self, _: UserId) -> ApiResult<OpenMatters> {
        Ok(OpenMatters::default())
    }

    async fn erase(&self, user: UserId) -> ApiResult<u64> {
        let mut transaction = self.pool.begin().await?;
        let erased = personal_data::erase(&mut transaction, user).await?;
        transaction.commit().await?;
        Ok(erased)
    }
}
