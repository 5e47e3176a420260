//! Rows of payments, and sums over them.

use jiff_sqlx::ToSqlx;
use sqlx::{PgConnection, PgExecutor};
use urr_contract::{
    PaymentId,
    facts::{PaymentConfirmedV1, PaymentRefundedV1},
};

use crate::facts::Moment;

/// Money was captured.
pub async fn captured(
    connection: &mut PgConnection,
    fact: &PaymentConfirmedV1,
    moment: Moment,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into payment_facts
             (payment_id, payment_type, user_id, method, captured_amount, captured_at, captured_day)
         values ($1, $2, $3, $4, $5, $6, $7)
         on conflict (payment_id) do update
             set method = excluded.method,
                 captured_amount = excluded.captured_amount,
                 captured_at = excluded.captured_at,
                 captured_day = excluded.captured_day",
        fact.payment_id as PaymentId,
        fact.payment_type.as_str(),
        fact.user_id.0,
        fact.payment_method,
        fact.amount.0,
        moment.at.to_sqlx() as _,
        moment.day.to_sqlx() as _,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Money went back, in one piece or several.
pub async fn refunded(
    connection: &mut PgConnection,
    fact: &PaymentRefundedV1,
    moment: Moment,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into payment_facts as known
             (payment_id, payment_type, user_id, refunded_amount, refunded_at, refunded_day)
         values ($1, $2, $3, $4, $5, $6)
         on conflict (payment_id) do update
             set refunded_amount = known.refunded_amount + excluded.refunded_amount,
                 refunded_at = excluded.refunded_at,
                 refunded_day = excluded.refunded_day",
        fact.payment_id as PaymentId,
        fact.payment_type.as_str(),
        fact.user_id.0,
        fact.amount.0,
        moment.at.to_sqlx() as _,
        moment.day.to_sqlx() as _,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// What one method of payment brought.
#[derive(Debug)]
pub struct Method {
    /// Its name.
    pub method: String,
    /// Captures.
    pub count: i64,
    /// Won captured, less what went back.
    pub total: i64,
}

/// All methods that something was paid by, the most used first.
pub async fn by_method(executor: impl PgExecutor<'_>) -> sqlx::Result<Vec<Method>> {
    sqlx::query_as!(
        Method,
        r#"select coalesce(method, 'unknown') as "method!", count(captured_at) as "count!",
                  sum(captured_amount - refunded_amount)::bigint as "total!"
           from payment_facts group by 1 order by 2 desc, 1"#
    )
    .fetch_all(executor)
    .await
}
