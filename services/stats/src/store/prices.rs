//! What sold seats cost.

use sqlx::PgExecutor;
use urr_contract::EventId;

/// One reservation that is sold.
#[derive(Debug)]
pub struct Sold {
    /// Seats and standing places in it.
    pub seats: i64,
    /// Won paid for all of them.
    pub amount: i64,
    /// How many such reservations there are.
    pub reservations: i64,
}

/// What is sold, of one event or of all, reservations of one price together.
pub async fn sold(
    executor: impl PgExecutor<'_>,
    event: Option<EventId>,
) -> sqlx::Result<Vec<Sold>> {
    sqlx::query_as!(
        Sold,
        r#"select quantity as seats, confirmed_amount as amount, count(*) as "reservations!"
           from reservation_facts
           where confirmed_at is not null and cancelled_at is null
             and quantity > 0 and ($1::uuid is null or event_id = $1)
           group by 1, 2"#,
        event.map(|id| id.0),
    )
    .fetch_all(executor)
    .await
}
