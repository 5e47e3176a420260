//! A small platform at rest: two events, four reservations in four states, the orders that
//! paid for them, the facts that told of them.

use std::{collections::BTreeMap, time::Duration};

use sqlx::{AssertSqlSafe, PgPool, migrate::Migrator};
use urr_testkit::database;

use crate::{
    audit::{audit, report::Report, sources::Sources},
    databases::Name,
};

pub(super) static TICKET: Migrator = sqlx::migrate!("../../migrations/ticket");
static PAYMENT: Migrator = sqlx::migrate!("../../migrations/payment");
static QUEUE: Migrator = sqlx::migrate!("../../migrations/queue");
static STATS: Migrator = sqlx::migrate!("../../migrations/stats");
static BUS: Migrator = sqlx::migrate!("../../migrations/bus");

/// The reservation that is sold, its seat, and its order `ORD_SOLD`.
pub(super) const SOLD: &str = "00000000-0000-0000-0000-0000000000b1";
pub(super) const SOLD_SEAT: &str = "00000000-0000-0000-0000-0000000000a1";
/// The reservation that is held, and its seat.
pub(super) const HELD: &str = "00000000-0000-0000-0000-0000000000b2";
pub(super) const HELD_SEAT: &str = "00000000-0000-0000-0000-0000000000a2";
/// The seat that was given back.
pub(super) const FREE_SEAT: &str = "00000000-0000-0000-0000-0000000000a4";
/// The standing type: ten places, two of them sold.
pub(super) const STANDING: &str = "00000000-0000-0000-0000-0000000000c1";

const TICKET_ROWS: &str = "
insert into events (id, title, venue, event_date, status) values
    ('00000000-0000-0000-0000-0000000000e1', 'seated', 'hall', now() + interval '9 days', 'on_sale'),
    ('00000000-0000-0000-0000-0000000000e2', 'standing', 'field', now() + interval '9 days', 'on_sale');
insert into seats (id, event_id, section, row_number, seat_number, seat_label, price, status, fencing_token, locked_by)
values
    ('00000000-0000-0000-0000-0000000000a1', '00000000-0000-0000-0000-0000000000e1', 'A', 1, 1, 'A-1-1', 1000, 'reserved', 3, '00000000-0000-0000-0000-0000000000f1'),
    ('00000000-0000-0000-0000-0000000000a2', '00000000-0000-0000-0000-0000000000e1', 'A', 1, 2, 'A-1-2', 1000, 'locked', 1, '00000000-0000-0000-0000-0000000000f2'),
    ('00000000-0000-0000-0000-0000000000a3', '00000000-0000-0000-0000-0000000000e1', 'A', 1, 3, 'A-1-3', 1000, 'available', 0, null),
    ('00000000-0000-0000-0000-0000000000a4', '00000000-0000-0000-0000-0000000000e1', 'A', 1, 4, 'A-1-4', 500, 'available', 1, null);
insert into ticket_types (id, event_id, name, price, total_quantity) values
    ('00000000-0000-0000-0000-0000000000c1', '00000000-0000-0000-0000-0000000000e2', 'floor', 1500, 10);
insert into ticket_stock (ticket_type_id, shard, available) values
    ('00000000-0000-0000-0000-0000000000c1', 0, 5), ('00000000-0000-0000-0000-0000000000c1', 1, 3);
insert into reservations
    (id, user_id, event_id, reservation_number, quantity, total_amount, status, payment_status, expires_at, order_id, sold_order_id)
values
    ('00000000-0000-0000-0000-0000000000b1', '00000000-0000-0000-0000-0000000000f1', '00000000-0000-0000-0000-0000000000e1', 'TK1', 1, 1000, 'confirmed', 'completed', now(), 'ORD_SOLD', 'ORD_SOLD'),
    ('00000000-0000-0000-0000-0000000000b2', '00000000-0000-0000-0000-0000000000f2', '00000000-0000-0000-0000-0000000000e1', 'TK2', 1, 1000, 'pending', 'pending', now() + interval '5 minutes', null, null),
    ('00000000-0000-0000-0000-0000000000b3', '00000000-0000-0000-0000-0000000000f3', '00000000-0000-0000-0000-0000000000e2', 'R3', 2, 3000, 'confirmed', 'completed', now(), 'ORD_FLOOR', 'ORD_FLOOR'),
    ('00000000-0000-0000-0000-0000000000b4', '00000000-0000-0000-0000-0000000000f4', '00000000-0000-0000-0000-0000000000e1', 'TK4', 1, 500, 'cancelled', 'refunded', now(), 'ORD_BACK', 'ORD_BACK');
insert into reservation_items (reservation_id, ticket_type_id, seat_id, quantity, unit_price, subtotal, live, fencing_token) values
    ('00000000-0000-0000-0000-0000000000b1', null, '00000000-0000-0000-0000-0000000000a1', 1, 1000, 1000, true, 3),
    ('00000000-0000-0000-0000-0000000000b2', null, '00000000-0000-0000-0000-0000000000a2', 1, 1000, 1000, true, 1),
    ('00000000-0000-0000-0000-0000000000b3', '00000000-0000-0000-0000-0000000000c1', null, 2, 1500, 3000, true, null),
    ('00000000-0000-0000-0000-0000000000b4', null, '00000000-0000-0000-0000-0000000000a4', 1, 500, 500, false, 1);
insert into tickets (reservation_id, item_id, unit, event_id, seat_id, voided_at)
select r.id, i.id, units.unit, r.event_id, i.seat_id, case r.status when 'cancelled' then now() end
from reservations r join reservation_items i on i.reservation_id = r.id
cross join lateral generate_series(1, i.quantity) as units(unit)
where r.sold_order_id is not null;
";

const PAYMENT_ROWS: &str = "
insert into payments
    (id, order_id, user_id, payment_type, reservation_id, event_id, amount, status, payment_key, method, expires_at, captured_at)
values
    ('00000000-0000-0000-0000-0000000000d1', 'ORD_SOLD', '00000000-0000-0000-0000-0000000000f1', 'reservation', '00000000-0000-0000-0000-0000000000b1', '00000000-0000-0000-0000-0000000000e1', 1000, 'confirmed', 'k1', 'toss', now(), now()),
    ('00000000-0000-0000-0000-0000000000d3', 'ORD_FLOOR', '00000000-0000-0000-0000-0000000000f3', 'reservation', '00000000-0000-0000-0000-0000000000b3', '00000000-0000-0000-0000-0000000000e2', 3000, 'confirmed', 'k3', 'toss', now(), now()),
    ('00000000-0000-0000-0000-0000000000d4', 'ORD_BACK', '00000000-0000-0000-0000-0000000000f4', 'reservation', '00000000-0000-0000-0000-0000000000b4', '00000000-0000-0000-0000-0000000000e1', 500, 'refunded', 'k4', 'toss', now(), now());
insert into refunds (payment_id, amount, reason, status) values
    ('00000000-0000-0000-0000-0000000000d4', 500, 'User requested cancellation', 'completed');
with movements as (
    insert into ledger_transactions (payment_id, kind)
    select id, 'capture' from payments
    union all select id, 'refund' from payments where status = 'refunded'
    returning id, payment_id, kind)
insert into ledger_entries (transaction_id, account, amount)
select m.id, line.account, line.sign * p.amount
from movements m join payments p on p.id = m.payment_id
cross join lateral (values
    (case m.kind when 'capture' then 'provider_receivable' else 'refunds' end, 1),
    (case m.kind when 'capture' then 'ticket_sales' else 'provider_receivable' end, -1)) as line(account, sign);
";

/// What ticket told: all of it on the morning of 2 January in Seoul, but the cancellation,
/// which was a minute before midnight.
const TICKET_FACTS: &str = r#"
insert into outbox (topic, key, payload, published_at)
select 'reservation-events', fact ->> 'reservationId', fact, now()
from unnest(array[
    '{"type":"RESERVATION_CREATED","reservationId":"00000000-0000-0000-0000-0000000000b1","totalAmount":1000,"timestamp":1767315600.25}',
    '{"type":"RESERVATION_CREATED","reservationId":"00000000-0000-0000-0000-0000000000b2","totalAmount":1000,"timestamp":1767315600.25}',
    '{"type":"RESERVATION_CREATED","reservationId":"00000000-0000-0000-0000-0000000000b3","totalAmount":3000,"timestamp":1767315600.25}',
    '{"type":"RESERVATION_CREATED","reservationId":"00000000-0000-0000-0000-0000000000b4","totalAmount":500,"timestamp":1767315600.25}',
    '{"type":"RESERVATION_CONFIRMED","reservationId":"00000000-0000-0000-0000-0000000000b1","totalAmount":1000,"timestamp":1767315601.5}',
    '{"type":"RESERVATION_CONFIRMED","reservationId":"00000000-0000-0000-0000-0000000000b3","totalAmount":3000,"timestamp":1767315601.5}',
    '{"type":"RESERVATION_CONFIRMED","reservationId":"00000000-0000-0000-0000-0000000000b4","totalAmount":500,"timestamp":1767315601.5}',
    '{"type":"RESERVATION_CANCELLED","reservationId":"00000000-0000-0000-0000-0000000000b4","orderId":"ORD_BACK","timestamp":1767365940.0}'
]::json[]) as fact;
"#;

/// What payment told; the refund was on 3 January.
const PAYMENT_FACTS: &str = r#"
insert into outbox (topic, key, payload, published_at)
select 'payment-events', fact ->> 'reservationId', fact, now()
from unnest(array[
    '{"type":"PAYMENT_CONFIRMED","orderId":"ORD_SOLD","reservationId":"00000000-0000-0000-0000-0000000000b1","paymentType":"reservation","amount":1000,"timestamp":1767315601.0}',
    '{"type":"PAYMENT_CONFIRMED","orderId":"ORD_FLOOR","reservationId":"00000000-0000-0000-0000-0000000000b3","paymentType":"reservation","amount":3000,"timestamp":1767315601.0}',
    '{"type":"PAYMENT_CONFIRMED","orderId":"ORD_BACK","reservationId":"00000000-0000-0000-0000-0000000000b4","paymentType":"reservation","amount":500,"timestamp":1767315601.0}',
    '{"type":"PAYMENT_REFUNDED","orderId":"ORD_BACK","reservationId":"00000000-0000-0000-0000-0000000000b4","paymentType":"reservation","amount":500,"timestamp":1767366060.0}'
]::json[]) as fact;
"#;

/// What stats made of it.
const STATS_ROWS: &str = "
insert into reservation_facts
    (reservation_id, user_id, event_id, quantity, created_at, created_day, confirmed_at, confirmed_day,
     confirmed_amount, cancelled_at, cancelled_day, refunded_at, refunded_day, refunded_amount)
values
    ('00000000-0000-0000-0000-0000000000b1', '00000000-0000-0000-0000-0000000000f1', '00000000-0000-0000-0000-0000000000e1', 1, now(), '2026-01-02', now(), '2026-01-02', 1000, null, null, null, null, 0),
    ('00000000-0000-0000-0000-0000000000b2', '00000000-0000-0000-0000-0000000000f2', '00000000-0000-0000-0000-0000000000e1', 1, now(), '2026-01-02', null, null, 0, null, null, null, null, 0),
    ('00000000-0000-0000-0000-0000000000b3', '00000000-0000-0000-0000-0000000000f3', '00000000-0000-0000-0000-0000000000e2', 2, now(), '2026-01-02', now(), '2026-01-02', 3000, null, null, null, null, 0),
    ('00000000-0000-0000-0000-0000000000b4', '00000000-0000-0000-0000-0000000000f4', '00000000-0000-0000-0000-0000000000e1', 1, now(), '2026-01-02', now(), '2026-01-02', 500, now(), '2026-01-02', now(), '2026-01-03', 500);
insert into payment_facts (payment_id, payment_type, user_id, captured_at, captured_day, captured_amount,
                           refunded_at, refunded_day, refunded_amount)
values
    ('00000000-0000-0000-0000-0000000000d1', 'reservation', '00000000-0000-0000-0000-0000000000f1', now(), '2026-01-02', 1000, null, null, 0),
    ('00000000-0000-0000-0000-0000000000d3', 'reservation', '00000000-0000-0000-0000-0000000000f3', now(), '2026-01-02', 3000, null, null, 0),
    ('00000000-0000-0000-0000-0000000000d4', 'reservation', '00000000-0000-0000-0000-0000000000f4', now(), '2026-01-02', 500, now(), '2026-01-03', 500);
";

/// A platform at rest, in databases of one test's own.
pub(super) struct World(BTreeMap<Name, PgPool>);

impl World {
    /// One in which all is well.
    pub(super) async fn new() -> Self {
        let mut pools = BTreeMap::new();
        for (name, migrations, folder, rows) in [
            (Name::Ticket, &TICKET, "ticket", TICKET_ROWS),
            (Name::Payment, &PAYMENT, "payment", PAYMENT_ROWS),
            (Name::Stats, &STATS, "stats", STATS_ROWS),
            (Name::Queue, &QUEUE, "queue", ""),
            (Name::Bus, &BUS, "bus", ""),
        ] {
            let pool = database(migrations, folder).await.pool;
            execute(&pool, rows).await;
            pools.insert(name, pool);
        }
        let world = Self(pools);
        world.change(Name::Ticket, TICKET_FACTS).await;
        world.change(Name::Payment, PAYMENT_FACTS).await;
        world
    }

    /// One of its databases.
    pub(super) fn pool(&self, name: Name) -> &PgPool {
        &self.0[&name]
    }

    /// Changes something in a database.
    pub(super) async fn change(&self, name: Name, statements: &str) {
        execute(self.pool(name), statements).await;
    }

    /// Changes something that triggers and keys of the database would refuse.
    pub(super) async fn force(&self, name: Name, statements: &str) {
        let unguarded = format!("set local session_replication_role = replica; {statements}");
        self.change(name, &unguarded).await;
    }

    /// Audits it without waiting.
    pub(super) async fn audit(&self) -> Report {
        let mut sources = Sources::none("Asia/Seoul");
        for (name, pool) in &self.0 {
            sources.insert(*name, pool.clone());
        }
        audit(&sources, Duration::ZERO).await.expect("audits")
    }
}

/// Runs statements as one transaction.
async fn execute(pool: &PgPool, statements: &str) {
    // Several statements sent at once are one transaction.
    sqlx::raw_sql(AssertSqlSafe(statements.to_owned()))
        .execute(pool)
        .await
        .expect("statements of our own");
}
