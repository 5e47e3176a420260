//! Rows of tickets that changed hands.

use jiff_sqlx::ToSqlx;
use sqlx::PgConnection;
use urr_contract::{TransferId, facts::TransferCompletedV1};

use crate::facts::Moment;

/// A ticket changed hands.
pub async fn completed(
    connection: &mut PgConnection,
    fact: &TransferCompletedV1,
    moment: Moment,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into transfer_facts
             (transfer_id, reservation_id, seller_id, buyer_id, total_price, completed_at, completed_day)
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (transfer_id) do nothing",
        fact.transfer_id as TransferId,
        fact.reservation_id.map(|id| id.0),
        fact.seller_id.map(|id| id.0),
        fact.buyer_id.0,
        fact.total_price.0,
        moment.at.to_sqlx() as _,
        moment.day.to_sqlx() as _,
    )
    .execute(connection)
    .await?;
    Ok(())
}
