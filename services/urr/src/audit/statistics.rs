//! Statistics against a recount: of each day from the facts themselves, of each event from
//! the reservations and payments.
//!
//! The recount by event does not look at facts at all, so a fact that was never written
//! shows there. The recount by day needs their timestamps, so it covers the days whose facts
//! are all still in the outboxes.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    fmt::Display,
};

use sqlx::{FromRow, PgPool};
use uuid::Uuid;

use super::sources::Sources;
use crate::databases::Name;

/// What is counted of a day, in the order of its figures.
const DAY_COLUMNS: [&str; 8] = [
    "total_reservations",
    "confirmed_reservations",
    "cancelled_reservations",
    "rejected_reservations",
    "expired_reservations",
    "total_revenue",
    "payments",
    "payment_revenue",
];
const REVENUE: usize = 5;
const PAYMENTS: usize = 6;
const PAYMENT_REVENUE: usize = 7;

/// What is counted of an event, in the order of its figures.
const EVENT_COLUMNS: [&str; 5] = [
    "total_reservations",
    "confirmed_reservations",
    "cancelled_reservations",
    "reserved_seats",
    "total_revenue",
];
const EVENT_REVENUE: usize = 4;

/// Later than any day.
const NO_DAY_IS_WHOLE: &str = "9999-12-31";

type Days = BTreeMap<String, [i64; DAY_COLUMNS.len()]>;
type Events = BTreeMap<Uuid, [i64; EVENT_COLUMNS.len()]>;

/// A fact as far as it is counted.
#[derive(Clone, Debug, FromRow)]
struct Fact {
    kind: String,
    /// Its day in the zone of the statistics.
    day: String,
    reservation: Option<Uuid>,
    order_id: Option<String>,
    payment_type: Option<String>,
    amount: i64,
}

/// A reservation that was sold, to which order.
#[derive(Clone, Debug, FromRow)]
struct Sale {
    event: Option<Uuid>,
    order_id: String,
}

const FACTS: &str = "
select coalesce(payload ->> 'type', '') as kind,
       coalesce(to_char(to_timestamp((payload ->> 'timestamp')::float8) at time zone $1,
                        'YYYY-MM-DD'), 'no day') as day,
       (payload ->> 'reservationId')::uuid as reservation,
       payload ->> 'orderId' as order_id,
       payload ->> 'paymentType' as payment_type,
       coalesce((payload ->> 'totalAmount')::bigint, (payload ->> 'amount')::bigint, 0) as amount
from outbox where topic in ('reservation-events', 'payment-events') order by id";

const SALES: &str = "
select event_id as event, sold_order_id as order_id
from reservations where sold_order_id is not null";

/// Days on which the statistics differ from a recount.
pub(super) async fn days(sources: &Sources) -> anyhow::Result<Vec<String>> {
    let ticket = sources.pool(Name::Ticket)?;
    let payment = sources.pool(Name::Payment)?;
    let counted = counted_days(sources.pool(Name::Stats)?).await?;
    // Before the facts: what is made meanwhile must not look like facts that were removed.
    let made = Made::read(ticket, payment).await?;
    let facts = Facts {
        ticket: facts(ticket, sources.time_zone()).await?,
        payment: facts(payment, sources.time_zone()).await?,
    };
    let not_whole = facts.last_day_not_whole(&made);
    let recounted = facts.recount(&sales(ticket).await?);
    Ok(differences(
        "day",
        &DAY_COLUMNS,
        &counted,
        &recounted,
        |day| not_whole.as_ref().is_none_or(|oldest| day > oldest),
    ))
}

/// Events whose statistics differ from a recount.
pub(super) async fn events(sources: &Sources) -> anyhow::Result<Vec<String>> {
    let ticket = sources.pool(Name::Ticket)?;
    let counted = counted_events(sources.pool(Name::Stats)?).await?;
    let refunds = refunds(sources.pool(Name::Payment)?).await?;
    let mut recounted = reservations_by_event(ticket).await?;
    take_off_refunds(&mut recounted, &sales(ticket).await?, &refunds);
    let known = known_events(ticket).await?;
    Ok(differences(
        "event",
        &EVENT_COLUMNS,
        &counted,
        &recounted,
        // Reservations of a deleted event no longer say which event they were for.
        |event| known.contains(event),
    ))
}

/// One sentence for each key whose figures differ. A key that is missing has only zeros.
fn differences<K: Ord + Display, const N: usize>(
    what: &str,
    columns: &[&str; N],
    counted: &BTreeMap<K, [i64; N]>,
    recounted: &BTreeMap<K, [i64; N]>,
    wanted: impl Fn(&K) -> bool,
) -> Vec<String> {
    let keys: BTreeSet<&K> = counted.keys().chain(recounted.keys()).collect();
    let figures = |of: &BTreeMap<K, [i64; N]>, key: &K| of.get(key).copied().unwrap_or([0; N]);
    keys.into_iter()
        .filter(|key| wanted(key))
        .flat_map(|key| {
            let pairs = figures(counted, key)
                .into_iter()
                .zip(figures(recounted, key));
            let named = columns.iter().zip(pairs);
            named
                .filter(|(_, (says, is))| says != is)
                .map(move |(column, (says, is))| {
                    format!("{what} {key}: {column} is {says}, a recount gives {is}")
                })
        })
        .collect()
}

/// How much was made that a fact has told of.
#[derive(Clone, Copy, Debug)]
struct Made {
    reservations: i64,
    captures: i64,
}

impl Made {
    #[expect(
        clippy::disallowed_methods,
        reason = "reads databases of several services, which no one schema checks"
    )]
    async fn read(ticket: &PgPool, payment: &PgPool) -> sqlx::Result<Self> {
        Ok(Self {
            reservations: sqlx::query_scalar("select count(*) from reservations")
                .fetch_one(ticket)
                .await?,
            captures: sqlx::query_scalar(
                "select count(*) from payments
                 where status in ('confirmed', 'refunding', 'refunded') and not superseded",
            )
            .fetch_one(payment)
            .await?,
        })
    }
}

/// All facts that are still in the outboxes.
#[derive(Clone, Debug, Default)]
struct Facts {
    ticket: Vec<Fact>,
    payment: Vec<Fact>,
}

impl Facts {
    /// The last day of which facts were removed for their age, if any were.
    fn last_day_not_whole(&self, made: &Made) -> Option<String> {
        let of_ticket = day_not_whole(&self.ticket, "RESERVATION_CREATED", made.reservations);
        let of_payment = day_not_whole(&self.payment, "PAYMENT_CONFIRMED", made.captures);
        of_ticket.max(of_payment)
    }

    /// Counts the facts of each day. What happens to a reservation is counted once.
    fn recount(&self, sales: &[Sale]) -> Days {
        let mut days = Days::new();
        let mut add = |day: &String, column: usize, amount: i64| {
            if let Some(figure) = days.entry(day.clone()).or_default().get_mut(column) {
                *figure += amount;
            }
        };
        let mut seen = HashSet::new();
        for fact in &self.ticket {
            if let Some(column) = column_of(&fact.kind)
                && seen.insert((column, fact.reservation))
            {
                add(&fact.day, column, 1);
                if fact.kind == "RESERVATION_CONFIRMED" {
                    add(&fact.day, REVENUE, fact.amount);
                }
            }
        }
        let sold_orders: HashSet<&str> = sales.iter().map(|sale| sale.order_id.as_str()).collect();
        for fact in &self.payment {
            let sign = match fact.kind.as_str() {
                "PAYMENT_CONFIRMED" => 1,
                "PAYMENT_REFUNDED" => -1,
                _ => continue,
            };
            add(&fact.day, PAYMENTS, i64::from(sign > 0));
            add(&fact.day, PAYMENT_REVENUE, sign * fact.amount);
            if fact.counts_as_revenue(sign, &sold_orders) {
                add(&fact.day, REVENUE, sign * fact.amount);
            }
        }
        days
    }
}

impl Fact {
    /// Whether a payment's fact changes the revenue. What a reservation brings counts when
    /// the reservation is confirmed, and goes off when the order it was sold to is refunded:
    /// money that never bought anything takes nothing away.
    fn counts_as_revenue(&self, sign: i64, sold_orders: &HashSet<&str>) -> bool {
        if self.payment_type.as_deref() != Some("reservation") {
            return true;
        }
        sign < 0
            && self
                .order_id
                .as_deref()
                .is_some_and(|order| sold_orders.contains(order))
    }
}

/// The day of the oldest fact, where fewer of `kind` are left than there were.
fn day_not_whole(facts: &[Fact], kind: &str, expected: i64) -> Option<String> {
    let left = facts.iter().filter(|fact| fact.kind == kind).count();
    if i64::try_from(left).is_ok_and(|left| left >= expected) {
        return None;
    }
    let oldest = facts.iter().map(|fact| fact.day.as_str()).min();
    Some(oldest.unwrap_or(NO_DAY_IS_WHOLE).to_owned())
}

fn column_of(kind: &str) -> Option<usize> {
    match kind {
        "RESERVATION_CREATED" => Some(0),
        "RESERVATION_CONFIRMED" => Some(1),
        "RESERVATION_CANCELLED" => Some(2),
        "RESERVATION_REJECTED" => Some(3),
        "RESERVATION_EXPIRED" => Some(4),
        _ => None,
    }
}

/// Takes the refunds of sold orders off the revenue of their events.
fn take_off_refunds(events: &mut Events, sales: &[Sale], refunds: &HashMap<String, i64>) {
    for sale in sales {
        let figures = sale.event.and_then(|event| events.get_mut(&event));
        if let (Some(figures), Some(refund)) = (figures, refunds.get(&sale.order_id))
            && let Some(revenue) = figures.get_mut(EVENT_REVENUE)
        {
            *revenue -= refund;
        }
    }
}

// === what the databases say ===

#[expect(
    clippy::disallowed_methods,
    reason = "reads databases of several services, which no one schema checks"
)]
async fn facts(pool: &PgPool, zone: &str) -> sqlx::Result<Vec<Fact>> {
    sqlx::query_as(FACTS).bind(zone).fetch_all(pool).await
}

#[expect(
    clippy::disallowed_methods,
    reason = "reads databases of several services, which no one schema checks"
)]
async fn sales(pool: &PgPool) -> sqlx::Result<Vec<Sale>> {
    sqlx::query_as(SALES).fetch_all(pool).await
}

#[expect(
    clippy::disallowed_methods,
    reason = "reads databases of several services, which no one schema checks"
)]
async fn refunds(pool: &PgPool) -> sqlx::Result<HashMap<String, i64>> {
    let refunds: Vec<(String, i64)> = sqlx::query_as(
        "select order_id, amount from payments
         where status = 'refunded' and payment_type = 'reservation'",
    )
    .fetch_all(pool)
    .await?;
    Ok(refunds.into_iter().collect())
}

#[expect(
    clippy::disallowed_methods,
    reason = "reads databases of several services, which no one schema checks"
)]
async fn known_events(pool: &PgPool) -> sqlx::Result<HashSet<Uuid>> {
    let ids: Vec<Uuid> = sqlx::query_scalar("select id from events")
        .fetch_all(pool)
        .await?;
    Ok(ids.into_iter().collect())
}

async fn reservations_by_event(pool: &PgPool) -> sqlx::Result<Events> {
    figures_by_event(
        pool,
        "select event_id, array[
                    count(*), count(sold_order_id), count(*) filter (where status = 'cancelled'),
                    coalesce(sum(quantity) filter (where status = 'confirmed'), 0),
                    coalesce(sum(total_amount) filter (where sold_order_id is not null), 0)]::bigint[]
         from reservations where event_id is not null group by event_id",
    )
    .await
}

async fn counted_events(pool: &PgPool) -> sqlx::Result<Events> {
    figures_by_event(
        pool,
        "select event_id, array[total_reservations, confirmed_reservations, cancelled_reservations,
                                reserved_seats, total_revenue]::bigint[]
         from event_stats",
    )
    .await
}

#[expect(
    clippy::disallowed_methods,
    reason = "reads databases of several services, which no one schema checks"
)]
async fn figures_by_event(pool: &PgPool, statement: &'static str) -> sqlx::Result<Events> {
    let rows: Vec<(Uuid, [i64; EVENT_COLUMNS.len()])> =
        sqlx::query_as(statement).fetch_all(pool).await?;
    Ok(rows.into_iter().collect())
}

#[expect(
    clippy::disallowed_methods,
    reason = "reads databases of several services, which no one schema checks"
)]
async fn counted_days(pool: &PgPool) -> sqlx::Result<Days> {
    let rows: Vec<(String, [i64; DAY_COLUMNS.len()])> = sqlx::query_as(
        "select to_char(date, 'YYYY-MM-DD'),
                array[total_reservations, confirmed_reservations, cancelled_reservations,
                      rejected_reservations, expired_reservations, total_revenue, payments,
                      payment_revenue]::bigint[]
         from daily_stats",
    )
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().collect())
}

#[cfg(test)]
mod unit {
    use super::*;

    fn fact(kind: &str, day: &str, reservation: u128, order: &str, amount: i64) -> Fact {
        Fact {
            kind: kind.to_owned(),
            day: day.to_owned(),
            reservation: Some(Uuid::from_u128(reservation)),
            order_id: Some(order.to_owned()),
            payment_type: Some("reservation".to_owned()),
            amount,
        }
    }

    fn sale(order: &str) -> Sale {
        Sale {
            event: Some(Uuid::from_u128(9)),
            order_id: order.to_owned(),
        }
    }

    #[test]
    fn each_fact_counts_on_its_own_day() {
        let facts = Facts {
            ticket: vec![
                fact("RESERVATION_CREATED", "d1", 1, "", 0),
                fact("RESERVATION_CONFIRMED", "d1", 1, "", 700),
                fact("RESERVATION_CANCELLED", "d2", 1, "o1", 0),
            ],
            payment: vec![
                fact("PAYMENT_CONFIRMED", "d1", 1, "o1", 700),
                fact("PAYMENT_REFUNDED", "d2", 1, "o1", 700),
            ],
        };
        let days = facts.recount(&[sale("o1")]);
        assert_eq!(days["d1"], [1, 1, 0, 0, 0, 700, 1, 700]);
        assert_eq!(days["d2"], [0, 0, 1, 0, 0, -700, 0, -700]);
    }

    #[test]
    fn money_that_bought_nothing_is_no_revenue_when_it_comes_nor_when_it_goes() {
        let facts = Facts {
            ticket: vec![fact("RESERVATION_REJECTED", "d1", 1, "late", 0)],
            payment: vec![
                fact("PAYMENT_CONFIRMED", "d1", 1, "late", 700),
                fact("PAYMENT_REFUNDED", "d1", 1, "late", 700),
            ],
        };
        let days = facts.recount(&[sale("o1")]);
        assert_eq!(days["d1"], [0, 0, 0, 1, 0, 0, 1, 0]);
    }

    #[test]
    fn transfers_are_revenue_when_paid() {
        let transfer = |kind| Fact {
            payment_type: Some("transfer".to_owned()),
            ..fact(kind, "d1", 1, "o", 100)
        };
        let facts = Facts {
            ticket: vec![],
            payment: vec![transfer("PAYMENT_CONFIRMED"), transfer("PAYMENT_CONFIRMED")],
        };
        assert_eq!(facts.recount(&[])["d1"][REVENUE], 200);
    }

    #[test]
    fn refunds_go_off_the_event_of_the_sold_order_only() {
        let event = Uuid::from_u128(9);
        let mut events = Events::from([(event, [2, 2, 1, 1, 1000])]);
        let refunds = [("o1", 400), ("late", 400)].map(|(order, won)| (order.to_owned(), won));
        take_off_refunds(&mut events, &[sale("o1"), sale("o2")], &refunds.into());
        assert_eq!(events[&event][EVENT_REVENUE], 600);
    }

    #[test]
    fn a_day_is_whole_if_none_of_its_facts_was_removed() {
        let facts = [
            fact("RESERVATION_CREATED", "d2", 1, "", 0),
            fact("RESERVATION_EXPIRED", "d3", 1, "", 0),
        ];
        let not_whole =
            |facts: &[Fact], expected| day_not_whole(facts, "RESERVATION_CREATED", expected);
        assert_eq!(not_whole(&facts, 1), None);
        assert_eq!(not_whole(&facts, 2).as_deref(), Some("d2"));
        assert_eq!(not_whole(&[], 2).as_deref(), Some(NO_DAY_IS_WHOLE));
        assert_eq!(not_whole(&[], 0), None);
    }

    #[test]
    fn what_is_made_while_facts_are_read_removes_no_day() {
        let made = Made {
            reservations: 1,
            captures: 0,
        };
        // Two facts: one is younger than the count.
        let facts = Facts {
            ticket: vec![
                fact("RESERVATION_CREATED", "d1", 1, "", 0),
                fact("RESERVATION_CREATED", "d1", 2, "", 0),
            ],
            payment: vec![fact("PAYMENT_CONFIRMED", "d1", 1, "o1", 700)],
        };
        assert_eq!(facts.last_day_not_whole(&made), None);
    }

    #[test]
    fn a_key_that_is_missing_has_only_zeros() {
        let some = BTreeMap::from([("x", [1, 0]), ("y", [0, 0])]);
        let none = BTreeMap::new();
        let expected = ["day x: a is 1, a recount gives 0"];
        assert_eq!(
            differences("day", &["a", "b"], &some, &none, |_| true),
            expected
        );
        assert!(differences("day", &["a", "b"], &some, &none, |_| false).is_empty());
    }
}
