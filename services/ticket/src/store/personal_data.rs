//! What ticket holds about one person. Reservations, resale and payouts are kept for five
//! years, as the law on e-commerce wants, and name nobody but by the id.

use serde_json::Value;
use sqlx::{PgConnection, PgExecutor};
use urr_contract::UserId;

/// Stands where words were that their writer had erased.
const ERASED: &str = "erased";

/// All that is held about a person, by kind, oldest first.
pub async fn all(executor: impl PgExecutor<'_>, user: UserId) -> sqlx::Result<Value> {
    sqlx::query_scalar!(
        r#"select jsonb_build_object(
               'reservations', (
                   select coalesce(jsonb_agg(jsonb_build_object(
                       'id', r.id, 'number', r.reservation_number, 'eventId', r.event_id, 'eventTitle', e.title,
                       'quantity', r.quantity, 'totalAmount', r.total_amount, 'status', r.status,
                       'paymentStatus', r.payment_status, 'paymentMethod', r.payment_method,
                       'createdAt', r.created_at, 'updatedAt', r.updated_at,
                       'items', (
                           select coalesce(jsonb_agg(jsonb_build_object(
                               'seat', s.seat_label, 'ticketType', t.name, 'quantity', i.quantity,
                               'unitPrice', i.unit_price) order by i.created_at, i.id), '[]')
                           from reservation_items i left join seats s on s.id = i.seat_id
                           left join ticket_types t on t.id = i.ticket_type_id
                           where i.reservation_id = r.id)
                   ) order by r.created_at, r.id), '[]')
                   from reservations r left join events e on e.id = r.event_id where r.user_id = $1),
               'tickets', (
                   select coalesce(jsonb_agg(jsonb_build_object(
                       'id', k.id, 'reservationId', k.reservation_id, 'eventId', k.event_id, 'issuedAt', k.issued_at,
                       'voidedAt', k.voided_at,
                       'scans', (
                           select coalesce(jsonb_agg(jsonb_build_object(
                               'gate', c.gate, 'code', c.code, 'at', c.happened_at) order by c.happened_at, c.id), '[]')
                           from ticket_scans c where c.ticket_id = k.id)
                   ) order by k.issued_at, k.id), '[]')
                   from tickets k join reservations r on r.id = k.reservation_id where r.user_id = $1),
               'transfers', (
                   select coalesce(jsonb_agg(jsonb_build_object(
                       'id', t.id, 'reservationId', t.reservation_id,
                       'as', case when t.seller_id = $1 then 'seller' else 'buyer' end,
                       'originalPrice', t.original_price, 'fee', t.transfer_fee, 'totalPrice', t.total_price,
                       'status', t.status, 'createdAt', t.created_at, 'completedAt', t.completed_at
                   ) order by t.created_at, t.id), '[]')
                   from ticket_transfers t where t.seller_id = $1 or t.buyer_id = $1 or t.reserved_by = $1),
               'payouts', (
                   select coalesce(jsonb_agg(jsonb_build_object(
                       'transferId', p.transfer_id, 'amount', p.amount, 'recordedAt', p.recorded_at,
                       'paidAt', p.paid_at, 'reference', p.paid_reference) order by p.recorded_at), '[]')
                   from seller_payouts p where p.seller_id = $1),
               'memberships', (
                   select coalesce(jsonb_agg(jsonb_build_object(
                       'id', m.id, 'artist', a.name, 'tier', m.tier, 'points', m.points, 'status', m.status,
                       'joinedAt', m.joined_at, 'expiresAt', m.expires_at,
                       'pointLog', (
                           select coalesce(jsonb_agg(jsonb_build_object(
                               'action', l.action_type, 'points', l.points, 'description', l.description,
                               'createdAt', l.created_at) order by l.created_at, l.id), '[]')
                           from membership_point_logs l where l.membership_id = m.id)
                   ) order by m.created_at, m.id), '[]')
                   from artist_memberships m join artists a on a.id = m.artist_id where m.user_id = $1),
               'storedAnswers', (
                   select coalesce(jsonb_agg(jsonb_build_object('key', k.key, 'createdAt', k.created_at)
                                             order by k.created_at), '[]')
                   from idempotency_keys k where k.user_id = $1),
               'actsAsAdministrator', (
                   select coalesce(jsonb_agg(jsonb_build_object(
                       'action', l.action, 'resourceType', l.resource_type, 'resourceId', l.resource_id,
                       'request', l.request_summary, 'address', l.ip_address, 'createdAt', l.created_at
                   ) order by l.created_at, l.id), '[]')
                   from admin_audit_logs l where l.admin_user_id = $1)
           ) as "data!""#,
        user as UserId
    )
    .fetch_one(executor)
    .await
}

/// What must come to its end before a person can be erased, counted.
#[derive(Clone, Copy, Debug)]
pub struct Open {
    /// Paid tickets of events that are still to come.
    pub upcoming: i64,
    /// Holds, paid for or not yet.
    pub held: i64,
    /// Tickets that are up for sale.
    pub listed: i64,
    /// Listings kept while the person pays for them.
    pub buying: i64,
    /// Ended reservations whose money is on its way back.
    pub refunds: i64,
    /// Resold tickets for which the person is still owed.
    pub payouts: i64,
}

/// Counts what is open of a person.
pub async fn open(executor: impl PgExecutor<'_>, user: UserId) -> sqlx::Result<Open> {
    sqlx::query_as!(
        Open,
        r#"select
               (select count(*) from reservations r join events e on e.id = r.event_id
                where r.user_id = $1 and r.status = 'confirmed' and r.payment_status = 'completed'
                  and e.event_date > now()) as "upcoming!",
               (select count(*) from reservations where user_id = $1 and status = 'pending') as "held!",
               (select count(*) from ticket_transfers where seller_id = $1 and status = 'listed') as "listed!",
               (select count(*) from ticket_transfers
                where reserved_by = $1 and status = 'listed' and reserved_until > now()) as "buying!",
               (select count(*) from reservations
                where user_id = $1 and payment_status = 'refund_requested') as "refunds!",
               (select count(*) from seller_payouts where seller_id = $1 and paid_at is null) as "payouts!""#,
        user as UserId
    )
    .fetch_one(executor)
    .await
}

/// Erases what need not be kept: stored answers, memberships with their points, the words
/// and addresses of acts. Returns how many rows that were.
pub async fn erase(connection: &mut PgConnection, user: UserId) -> sqlx::Result<u64> {
    Ok(delete_keys(connection, user).await?
        + end_memberships(connection, user).await?
        + empty_words(connection, user).await?)
}

async fn delete_keys(connection: &mut PgConnection, user: UserId) -> sqlx::Result<u64> {
    let keys = sqlx::query!(
        "delete from idempotency_keys where user_id = $1",
        user as UserId
    )
    .execute(&mut *connection)
    .await?;
    // Who has how many tickets of an event that is over limits nothing any more.
    let counted = sqlx::query!(
        "delete from event_people p using events e
         where p.user_id = $1 and e.id = p.event_id and e.event_date < now() - interval '1 day'",
        user as UserId
    )
    .execute(connection)
    .await?;
    Ok(keys.rows_affected() + counted.rows_affected())
}

async fn end_memberships(connection: &mut PgConnection, user: UserId) -> sqlx::Result<u64> {
    let ended = sqlx::query!(
        "update artist_memberships set status = 'expired', points = 0, tier = 'SILVER',
                expires_at = least(expires_at, now()), updated_at = now()
         where user_id = $1 and (status <> 'expired' or points <> 0)",
        user as UserId
    )
    .execute(&mut *connection)
    .await?;
    let points = sqlx::query!(
        "delete from membership_point_logs l using artist_memberships m
         where m.id = l.membership_id and m.user_id = $1",
        user as UserId
    )
    .execute(connection)
    .await?;
    Ok(ended.rows_affected() + points.rows_affected())
}

async fn empty_words(connection: &mut PgConnection, user: UserId) -> sqlx::Result<u64> {
    let rejected = sqlx::query!(
        "update rejected_orders o set reason = $2 from reservations r
         where r.id = o.reservation_id and r.user_id = $1 and o.reason <> $2",
        user as UserId,
        ERASED,
    )
    .execute(&mut *connection)
    .await?;
    let returned = sqlx::query!(
        "update returned_membership_orders o set reason = $2 from artist_memberships m
         where m.id = o.membership_id and m.user_id = $1 and o.reason <> $2",
        user as UserId,
        ERASED,
    )
    .execute(&mut *connection)
    .await?;
    let acts = sqlx::query!(
        "update admin_audit_logs set request_summary = null, ip_address = null
         where admin_user_id = $1 and (request_summary is not null or ip_address is not null)",
        user as UserId
    )
    .execute(connection)
    .await?;
    Ok(rejected.rows_affected() + returned.rows_affected() + acts.rows_affected())
}
