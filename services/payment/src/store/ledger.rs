//! The double-entry book. The database refuses lines that do not sum to zero.

use sqlx::PgConnection;
use urr_contract::PaymentId;

use crate::domain::{
    ledger::{Movement, lines},
    order::Order,
};

/// Writes down one movement of a payment's money.
pub(crate) async fn post(
    connection: &mut PgConnection,
    order: &Order,
    movement: Movement,
) -> sqlx::Result<()> {
    let transaction = sqlx::query_scalar!(
        "insert into ledger_transactions (payment_id, kind) values ($1, $2) returning id",
        order.id as PaymentId,
        movement.as_str(),
    )
    .fetch_one(&mut *connection)
    .await?;
    let payment_type = order.target.payment_type();
    for (account, amount) in lines(movement, payment_type, order.is_at_provider(), order.amount) {
        sqlx::query!(
            "insert into ledger_entries (transaction_id, account, amount) values ($1, $2, $3)",
            transaction,
            account,
            amount.0,
        )
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}
