//! Orders. A change of state is a compare-and-set on the state it starts from, and says
//! whether it happened.

use anyhow::Context;
use jiff_sqlx::ToSqlx;
use sqlx::{PgConnection, PgExecutor};
use urr_contract::{EventId, PaymentId, ReservationId, UserId, Won, facts::PaymentType};
use uuid::Uuid;

use crate::{
    domain::order::{Order, Status, Target},
    provider::Decline,
};

/// A row as it is selected.
struct Row {
    id: PaymentId,
    order_id: String,
    attempt: i32,
    user_id: UserId,
    payment_type: String,
    reservation_id: Option<ReservationId>,
    reference_id: Option<Uuid>,
    event_id: Option<EventId>,
    amount: Won,
    status: String,
    payment_key: Option<String>,
    method: Option<String>,
    expires_at: jiff_sqlx::Timestamp,
    captured_at: Option<jiff_sqlx::Timestamp>,
    superseded: bool,
    failure_message: Option<String>,
    checks: i32,
    created_at: jiff_sqlx::Timestamp,
    updated_at: jiff_sqlx::Timestamp,
}

/// `select` of whole orders; the rest of the statement and its arguments follow.
macro_rules! orders {
    ($rest:tt $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            Row,
            r#"select id as "id: PaymentId", order_id, attempt, user_id as "user_id: UserId", payment_type,
                      reservation_id as "reservation_id: ReservationId", reference_id,
                      event_id as "event_id: EventId", amount as "amount: Won", status, payment_key, method,
                      expires_at, captured_at, superseded, failure_message, checks, created_at, updated_at
               from payments "# + $rest
            $(, $argument)*
        )
    };
}

impl TryFrom<Row> for Order {
    type Error = anyhow::Error;

    fn try_from(row: Row) -> anyhow::Result<Self> {
        let payment_type = PaymentType::parse(&row.payment_type).context("unknown payment type")?;
        let target = match (payment_type, row.reservation_id, row.reference_id) {
            (PaymentType::Reservation, Some(id), _) => Target::Reservation(id),
            (PaymentType::Transfer, _, Some(id)) => Target::Transfer(id),
            (PaymentType::Membership, _, Some(id)) => Target::Membership(id),
            _ => anyhow::bail!("payment {} has no target", row.id),
        };
        Ok(Self {
            id: row.id,
            order_id: row.order_id,
            attempt: row.attempt,
            user_id: row.user_id,
            target,
            event_id: row.event_id,
            amount: row.amount,
            status: Status::parse(&row.status).context("unknown status")?,
            payment_key: row.payment_key,
            method: row.method,
            expires_at: row.expires_at.to_jiff(),
            captured_at: row.captured_at.map(jiff_sqlx::Timestamp::to_jiff),
            superseded: row.superseded,
            failure_message: row.failure_message,
            checks: row.checks,
            created_at: row.created_at.to_jiff(),
            updated_at: row.updated_at.to_jiff(),
        })
    }
}

/// Whether Postgres can hold the text at all; what it cannot hold, it does not have.
fn storable(text: &str) -> bool {
    !text.contains('\0')
}

fn one(row: Option<Row>) -> anyhow::Result<Option<Order>> {
    row.map(Order::try_from).transpose()
}

// === Looking ===

/// The order of that id.
pub(crate) async fn by_order_id(
    executor: impl PgExecutor<'_>,
    order_id: &str,
) -> anyhow::Result<Option<Order>> {
    if !storable(order_id) {
        return Ok(None);
    }
    one(orders!("where order_id = $1", order_id)
        .fetch_optional(executor)
        .await?)
}

/// The order of that id, locked until the transaction ends.
pub(crate) async fn lock(
    connection: &mut PgConnection,
    order_id: &str,
) -> anyhow::Result<Option<Order>> {
    one(orders!("where order_id = $1 for update", order_id)
        .fetch_optional(connection)
        .await?)
}

/// The order paid with that key.
pub(crate) async fn by_payment_key(
    executor: impl PgExecutor<'_>,
    payment_key: &str,
) -> anyhow::Result<Option<Order>> {
    if !storable(payment_key) {
        return Ok(None);
    }
    one(orders!("where payment_key = $1", payment_key)
        .fetch_optional(executor)
        .await?)
}

/// The open or paid order of a target. There is at most one.
pub(crate) async fn open_or_paid(
    executor: impl PgExecutor<'_>,
    target: Target,
) -> anyhow::Result<Option<Order>> {
    one(orders!(
        "where payment_type = $1 and target_id = $2 and status in ('pending', 'confirming', 'confirmed')",
        target.payment_type().as_str(),
        target.id(),
    )
    .fetch_optional(executor)
    .await?)
}

/// The order of a reservation that counts: the captured one, else the latest.
pub(crate) async fn latest_of_reservation(
    executor: impl PgExecutor<'_>,
    reservation: ReservationId,
) -> anyhow::Result<Option<Order>> {
    one(orders!(
        "where reservation_id = $1
         order by status = 'confirmed' desc, created_at desc
         limit 1",
        reservation as ReservationId,
    )
    .fetch_optional(executor)
    .await?)
}

/// Orders of a target that can no longer be paid, newest first.
pub(crate) async fn over(
    executor: impl PgExecutor<'_>,
    target: Target,
) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        "select order_id from payments
         where payment_type = $1 and target_id = $2 and status not in ('pending', 'confirming', 'confirmed')
         order by created_at desc limit 100",
        target.payment_type().as_str(),
        target.id(),
    )
    .fetch_all(executor)
    .await
}

/// The open or paid orders of a reservation, locked until the transaction ends.
pub(crate) async fn lock_of_reservation(
    connection: &mut PgConnection,
    reservation: ReservationId,
) -> anyhow::Result<Vec<Order>> {
    orders!(
        "where reservation_id = $1 and status in ('pending', 'confirmed') order by id for update",
        reservation as ReservationId,
    )
    .fetch_all(connection)
    .await?
    .into_iter()
    .map(Order::try_from)
    .collect()
}

/// A person's orders, newest first, and how many there are.
pub(crate) async fn of_user(
    connection: &mut PgConnection,
    user: UserId,
    limit: i64,
    offset: i64,
) -> anyhow::Result<(Vec<Order>, i64)> {
    let total = sqlx::query_scalar!(
        r#"select count(*) as "count!" from payments where user_id = $1"#,
        user as UserId
    )
    .fetch_one(&mut *connection)
    .await?;
    let orders = orders!(
        "where user_id = $1 order by created_at desc, id limit $2 offset $3",
        user as UserId,
        limit,
        offset,
    )
    .fetch_all(connection)
    .await?
    .into_iter()
    .map(Order::try_from)
    .collect::<anyhow::Result<_>>()?;
    Ok((orders, total))
}

// === Opening ===

/// What a new order is made of.
#[derive(Clone, Debug)]
pub(crate) struct NewOrder {
    pub(crate) order_id: String,
    pub(crate) user_id: UserId,
    pub(crate) target: Target,
    pub(crate) event_id: Option<EventId>,
    pub(crate) amount: Won,
    /// Seconds in which it may be paid.
    pub(crate) pay_seconds: f64,
    /// Seconds after that when it is ended, where nobody else has.
    pub(crate) grace_seconds: f64,
}

/// Opens an order. `false` where the target has an open or paid one.
pub(crate) async fn open(executor: impl PgExecutor<'_>, order: &NewOrder) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "insert into payments (order_id, user_id, payment_type, reservation_id, reference_id, event_id, amount,
                               expires_at, next_check_at)
         values ($1, $2, $3, $4, $5, $6, $7,
                 now() + make_interval(secs => $8), now() + make_interval(secs => $8 + $9))
         on conflict (payment_type, target_id) where status in ('pending', 'confirming', 'confirmed') do nothing",
        order.order_id,
        order.user_id as UserId,
        order.target.payment_type().as_str(),
        order.target.reservation_id() as Option<ReservationId>,
        order.target.reference_id(),
        order.event_id as Option<EventId>,
        order.amount as Won,
        order.pay_seconds,
        order.grace_seconds,
    )
    .execute(executor)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Keeps what ticket said of an order when it let the payment begin.
pub(crate) async fn fenced(
    executor: impl PgExecutor<'_>,
    order_id: &str,
    answer: &urr_contract::internal::PayAnswer,
    grace_seconds: f64,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update payments
         set event_id = coalesce($2, event_id), order_name = $3, expires_at = $4,
             next_check_at = $4::timestamptz + make_interval(secs => $5), updated_at = now()
         where order_id = $1 and status = 'pending'",
        order_id,
        answer.event_id as Option<EventId>,
        answer.event_title,
        answer.expires_at.to_sqlx() as _,
        grace_seconds,
    )
    .execute(executor)
    .await?;
    Ok(())
}

// === Moving on ===

/// pending → confirming, with the key the payer brought.
pub(crate) async fn begin_confirming(
    executor: impl PgExecutor<'_>,
    order_id: &str,
    payment_key: &str,
    seconds_to_check: f64,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update payments
         set status = 'confirming', payment_key = $2, confirming_at = now(), checks = 0,
             next_check_at = now() + make_interval(secs => $3), updated_at = now()
         where order_id = $1 and status = 'pending'",
        order_id,
        payment_key,
        seconds_to_check,
    )
    .execute(executor)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// confirming → pending: the provider was not asked, or definitely did nothing.
pub(crate) async fn give_up_confirming(
    executor: impl PgExecutor<'_>,
    order_id: &str,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update payments
         set status = 'pending', payment_key = null, confirming_at = null, attempt = attempt + 1, checks = 0,
             next_check_at = greatest(expires_at, now()) + interval '15 minutes', updated_at = now()
         where order_id = $1 and status = 'confirming'",
        order_id,
    )
    .execute(executor)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Another try of a `confirming` order, with an idempotency key of its own.
pub(crate) async fn next_attempt(
    executor: impl PgExecutor<'_>,
    order_id: &str,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update payments set attempt = attempt + 1, updated_at = now()
         where order_id = $1 and status = 'confirming'",
        order_id,
    )
    .execute(executor)
    .await?;
    Ok(())
}

/// confirming → failed: the provider declined. It is looked at again for a while all the same.
pub(crate) async fn fail(
    executor: impl PgExecutor<'_>,
    order_id: &str,
    decline: &Decline,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update payments
         set status = 'failed', failure_code = $2, failure_message = $3, checks = 0,
             next_check_at = now() + interval '1 minute', updated_at = now()
         where order_id = $1 and status = 'confirming'",
        order_id,
        decline.code,
        decline.message,
    )
    .execute(executor)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// `from` → voided. Where a confirm may have been sent it is looked at again for a while.
pub(crate) async fn void(
    executor: impl PgExecutor<'_>,
    order_id: &str,
    from: Status,
) -> sqlx::Result<bool> {
    if !storable(order_id) {
        return Ok(false);
    }
    let watch = from == Status::Confirming;
    let done = sqlx::query!(
        "update payments
         set status = 'voided', checks = 0, updated_at = now(),
             next_check_at = case when $3 then now() + interval '15 seconds' end
         where order_id = $1 and status = $2",
        order_id,
        from.as_str(),
        watch,
    )
    .execute(executor)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// pending → voided, once its time to be paid is over.
pub(crate) async fn void_overdue(
    executor: impl PgExecutor<'_>,
    order_id: &str,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update payments set status = 'voided', next_check_at = null, updated_at = now()
         where order_id = $1 and status = 'pending' and expires_at <= now()",
        order_id,
    )
    .execute(executor)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Any unpaid state → confirmed; or → refunding, where the order is superseded. The caller holds
/// the row's lock, and `order` is what the row is to say.
pub(crate) async fn capture(connection: &mut PgConnection, order: &Order) -> sqlx::Result<()> {
    sqlx::query!(
        "update payments
         set status = $2, superseded = $3, payment_key = $4, method = $5, captured_at = $6,
             next_check_at = null, failure_code = null, failure_message = null, updated_at = now()
         where id = $1",
        order.id as PaymentId,
        order.status.as_str(),
        order.superseded,
        order.payment_key,
        order.method,
        order.captured_at.map(ToSqlx::to_sqlx) as _,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// confirmed → refunding. The caller holds the row's lock.
pub(crate) async fn begin_refunding(
    connection: &mut PgConnection,
    id: PaymentId,
    reason: &str,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update payments set status = 'refunding', refund_reason = $2, updated_at = now()
         where id = $1 and status = 'confirmed'",
        id as PaymentId,
        reason,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// refunding → refunded. The caller holds the row's lock.
pub(crate) async fn refunded(connection: &mut PgConnection, id: PaymentId) -> sqlx::Result<()> {
    sqlx::query!(
        "update payments
         set status = 'refunded', refunded_at = now(), next_check_at = null, updated_at = now()
         where id = $1 and status = 'refunding'",
        id as PaymentId,
    )
    .execute(connection)
    .await?;
    Ok(())
}

// === Looking again ===

/// Something was heard of the order: it is looked at next. That it was captured is no news
/// where that is written down.
pub(crate) async fn hint(
    executor: impl PgExecutor<'_>,
    order_id: &str,
    of_capture: bool,
) -> sqlx::Result<bool> {
    if !storable(order_id) {
        return Ok(false);
    }
    let done = sqlx::query!(
        "update payments set next_check_at = now()
         where order_id = $1 and status <> 'refunded'
           and not ($2 and status in ('confirmed', 'refunding'))
           and (next_check_at is null or next_check_at > now())",
        order_id,
        of_capture,
    )
    .execute(executor)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// An order that is due to be looked at, and whether its time to be paid is over.
pub(crate) struct Due {
    pub(crate) order_id: String,
    pub(crate) over: bool,
}

/// Orders that are due, each claimed for half a minute.
pub(crate) async fn claim_due(executor: impl PgExecutor<'_>, limit: i64) -> sqlx::Result<Vec<Due>> {
    sqlx::query_as!(
        Due,
        r#"update payments set next_check_at = now() + interval '30 seconds', checks = checks + 1
           where id = any(array(select id from payments where next_check_at <= now()
                                order by next_check_at limit $1 for update skip locked))
           returning order_id, (status = 'pending' and expires_at <= now()) as "over!""#,
        limit,
    )
    .fetch_all(executor)
    .await
}

/// Sets when an order in that state is looked at again; never where `seconds` is absent. An
/// order that has moved on meanwhile keeps what it was given.
pub(crate) async fn check_again(
    executor: impl PgExecutor<'_>,
    order_id: &str,
    status: Status,
    seconds: Option<f64>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update payments
         set next_check_at = case when status = 'pending' and expires_at > now()
                                  then expires_at + make_interval(secs => $3)
                                  else now() + make_interval(secs => $3) end
         where order_id = $1 and status = $2",
        order_id,
        status.as_str(),
        seconds,
    )
    .execute(executor)
    .await?;
    Ok(())
}

/// Orders whose outcome the provider has not told us.
pub(crate) async fn in_doubt(executor: impl PgExecutor<'_>) -> sqlx::Result<i64> {
    sqlx::query_scalar!(r#"select count(*) as "count!" from payments where status = 'confirming'"#)
        .fetch_one(executor)
        .await
}
