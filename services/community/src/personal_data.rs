//! What community tells auth about one person. Nothing here needs its owner to end.

use serde_json::Value;
use urr_contract::{UserId, personal_data::OpenMatters};
use urr_kit::{
    ApiError, ApiResult,
    internal::{HasInternalToken, InternalToken},
    page::{Page, PageQuery},
    personal_data::HoldsPersonalData,
};

use crate::{
    State,
    store::{
        mails::{self, Filter},
        personal_data,
    },
};

/// More mails than anybody gets while they are kept.
const MOST_MAILS: i64 = 100_000;
const ALL: PageQuery = PageQuery {
    page: Some(1),
    limit: Some(MOST_MAILS),
};

impl HasInternalToken for State {
    fn internal_token(&self) -> &InternalToken {
        &self.internal_token
    }
}

impl HoldsPersonalData for State {
    async fn personal_data(&self, user: UserId) -> ApiResult<Value> {
        let mut data = personal_data::all(&self.pool, user).await?;
        let to_them = Filter {
            user: Some(user),
            ..Filter::default()
        };
        let mails = mails::page(&self.pool, to_them, Page::new(ALL, 1, MOST_MAILS)).await?;
        data["mails"] = serde_json::to_value(mails).map_err(ApiError::internal)?;
        Ok(data)
    }

    async fn open_matters(&self, _: UserId) -> ApiResult<OpenMatters> {
        Ok(OpenMatters::default())
    }

    async fn erase(&self, user: UserId) -> ApiResult<u64> {
        let mut transaction = self.pool.begin().await?;
        let written = personal_data::erase(&mut transaction, user).await?;
        let mails = mails::erase_user(&mut *transaction, user, self.clock.now()).await?;
        transaction.commit().await?;
        Ok(written + mails)
    }
}
