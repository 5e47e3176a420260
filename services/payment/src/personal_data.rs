//! What payment tells auth about one person.

use serde_json::Value;
use urr_contract::{UserId, personal_data::OpenMatters};
use urr_kit::{ApiResult, personal_data::HoldsPersonalData};

use crate::{State, store::personal_data};

impl HoldsPersonalData for State {
    async fn personal_data(&self, user: UserId) -> ApiResult<Value> {
        Ok(personal_data::all(&self.pool, user).await?)
    }

    async fn open_matters(&self, user: UserId) -> ApiResult<OpenMatters> {
        let open = personal_data::open(&self.pool, user).await?;
        Ok(OpenMatters::of([
            (
                "PAYMENT_OPEN",
                "A payment has been begun. It ends by itself when it is not paid.",
                open.pending,
            ),
            (
                "PAYMENT_IN_DOUBT",
                "Whether a payment went through is being found out.",
                open.in_doubt,
            ),
            (
                "REFUND_PENDING",
                "Money is on its way back to you.",
                open.refunding,
            ),
        ]))
    }

    async fn erase(&self, user: UserId) -> ApiResult<u64> {
        Ok(personal_data::erase(&self.pool, user).await?)
    }
}
