//! What ticket tells auth about one person.

use serde_json::Value;
use urr_contract::{UserId, personal_data::OpenMatters};
use urr_kit::{ApiResult, personal_data::HoldsPersonalData};

use crate::{
    State,
    store::{begin_bounded, personal_data},
};

impl HoldsPersonalData for State {
    async fn personal_data(&self, user: UserId) -> ApiResult<Value> {
        Ok(personal_data::all(&self.pool, user).await?)
    }

    async fn open_matters(&self, user: UserId) -> ApiResult<OpenMatters> {
        let open = personal_data::open(&self.pool, user).await?;
        Ok(OpenMatters::of([
            (
                "UPCOMING_TICKETS",
                "You have tickets for events to come. Use, sell or cancel them first.",
                open.upcoming,
            ),
            (
                "HELD_RESERVATIONS",
                "You hold seats that are not paid. Cancel them, or wait until they expire.",
                open.held,
            ),
            (
                "OPEN_LISTINGS",
                "You have tickets up for sale. Withdraw them first.",
                open.listed,
            ),
            (
                "PURCHASE_UNDER_WAY",
                "You are paying for somebody's ticket. It ends by itself when it is not paid.",
                open.buying,
            ),
            (
                "REFUNDS_PENDING",
                "Money for a cancelled ticket is on its way back to you.",
                open.refunds,
            ),
            (
                "PAYOUTS_DUE",
                "You are still to be paid for tickets that you sold.",
                open.payouts,
            ),
        ]))
    }

    async fn erase(&self, user: UserId) -> ApiResult<u64> {
        let mut transaction = begin_bounded(&self.pool).await?;
        let erased = personal_data::erase(&mut transaction, user).await?;
        transaction.commit().await?;
        Ok(erased)
    }
}
