//! The checks: what each says, what it needs, and the statement that finds its violations.
//!
//! A statement returns one text for each violation, with the ids to look it up by.

use sqlx::PgPool;

use super::{money, sources::Sources, statistics};
use crate::databases::Name;

/// Violations of one check that are looked at; whoever has more has a problem that the
/// first of them show.
const MOST: i64 = 1000;

/// One check.
#[derive(Debug)]
pub(super) struct Check {
    /// Short name, for programs.
    pub(super) name: &'static str,
    /// The invariant it belongs to.
    pub(super) invariant: &'static str,
    /// What holds.
    pub(super) says: &'static str,
    /// Databases it reads.
    pub(super) needs: &'static [Name],
    /// Whether it may take a while to hold.
    pub(super) settles: bool,
    /// Whether it is left out, and not missed, where a database is not named.
    pub(super) optional: bool,
    look: Look,
}

#[derive(Clone, Copy, Debug)]
enum Look {
    /// A statement in one database.
    Statement(Name, &'static str),
    /// The same statement in each of several.
    Each(&'static [Name], &'static str),
    /// Captured orders against tickets.
    PaidHasTicket,
    /// Tickets against captured orders.
    TicketIsPaid,
    /// Consumers' positions against the embedded log.
    CaughtUp,
    /// Statistics against a recount.
    DailyStatistics,
    /// The same by event.
    EventStatistics,
}

const fn at_once(
    name: &'static str,
    invariant: &'static str,
    says: &'static str,
    needs: &'static [Name],
    statement: &'static str,
) -> Check {
    Check {
        name,
        invariant,
        says,
        needs,
        settles: false,
        optional: false,
        look: Look::Statement(needs[0], statement),
    }
}

const fn in_time(
    name: &'static str,
    invariant: &'static str,
    says: &'static str,
    needs: &'static [Name],
    look: Look,
) -> Check {
    Check {
        name,
        invariant,
        says,
        needs,
        settles: true,
        optional: false,
        look,
    }
}

const TICKET: &[Name] = &[Name::Ticket];
const PAYMENT: &[Name] = &[Name::Payment];
const TICKET_AND_PAYMENT: &[Name] = &[Name::Ticket, Name::Payment];
const PUBLISHERS: &[Name] = &[Name::Ticket, Name::Payment];
const CONSUMERS: &[Name] = &[Name::Ticket, Name::Payment, Name::Stats, Name::Queue];
const RECOUNTED: &[Name] = &[Name::Stats, Name::Ticket, Name::Payment];

/// All checks, in the order of the report.
pub(super) static CHECKS: [Check; 23] = [
    at_once(
        "one_live_reservation_per_seat",
        "I1",
        "no seat has two live reservations",
        TICKET,
        "select format('seat %s has %s live reservations: %s', seat_id, count(*),
                       string_agg(reservation_id::text, ', '))
         from reservation_items where live and seat_id is not null
         group by seat_id having count(*) > 1 limit $1",
    ),
    at_once(
        "items_live_with_reservation",
        "I1",
        "an item is live as long as its reservation is",
        TICKET,
        "select format('item %s is %s in reservation %s, which is %s', i.id,
                       case when i.live then 'live' else 'let go' end, r.id, r.status)
         from reservation_items i join reservations r on r.id = i.reservation_id
         where i.live <> (r.status in ('pending', 'confirmed')) limit $1",
    ),
    at_once(
        "seat_agrees_with_reservation",
        "I1",
        "every seat is free, held or sold as its live reservation says",
        TICKET,
        "select format('seat %s is %s, its live reservation is %s', s.id, s.status,
                       coalesce(r.id || ' (' || r.status || ')', 'none'))
         from seats s
         left join reservation_items i on i.seat_id = s.id and i.live
         left join reservations r on r.id = i.reservation_id
         where s.status <> case when r.id is null then 'available'
                                when r.status = 'confirmed' then 'reserved' else 'locked' end
         limit $1",
    ),
    at_once(
        "item_carries_seat_token",
        "I1",
        "every live item carries the fencing token of its seat",
        TICKET,
        "select format('seat %s has token %s, item %s of reservation %s has %s', s.id,
                       s.fencing_token, i.id, i.reservation_id, coalesce(i.fencing_token::text, 'none'))
         from reservation_items i join seats s on s.id = i.seat_id
         where i.live and i.fencing_token is distinct from s.fencing_token limit $1",
    ),
    at_once(
        "stock_never_below_zero",
        "I1",
        "no standing type is below zero",
        TICKET,
        "select format('type %s has %s in shard %s', ticket_type_id, available, shard)
         from ticket_stock where available < 0 limit $1",
    ),
    at_once(
        "stock_adds_up",
        "I1",
        "of each standing type, available, held and sold make the total",
        TICKET,
        "select format('type %s: %s available and %s held or sold make %s of %s', t.id,
                       coalesce(k.available, 0), coalesce(l.taken, 0),
                       coalesce(k.available, 0) + coalesce(l.taken, 0), t.total_quantity)
         from ticket_types t
         left join (select ticket_type_id, sum(available) as available
                    from ticket_stock group by 1) k on k.ticket_type_id = t.id
         left join (select ticket_type_id, sum(quantity) as taken
                    from reservation_items where live group by 1) l on l.ticket_type_id = t.id
         where coalesce(k.available, 0) + coalesce(l.taken, 0) <> t.total_quantity limit $1",
    ),
    at_once(
        "cap_per_person",
        "I10",
        "nobody has more tickets of an event than one may buy",
        TICKET,
        // What came by a transfer was bought by somebody else.
        "select format('person %s has %s tickets of event %s, which allows %s', r.user_id,
                       sum(r.quantity), e.id, e.max_per_person)
         from reservations r join events e on e.id = r.event_id
         where r.status in ('pending', 'confirmed')
           and not exists (select from ticket_transfers t
                           where t.reservation_id = r.id and t.status = 'completed')
         group by r.user_id, e.id, e.max_per_person
         having sum(r.quantity) > e.max_per_person limit $1",
    ),
    at_once(
        "reservation_is_sum_of_items",
        "I2",
        "a reservation counts and costs what its items do",
        TICKET,
        "select format('reservation %s says %s for %s, its items say %s for %s', r.id, r.quantity,
                       r.total_amount, coalesce(sum(i.quantity), 0), coalesce(sum(i.subtotal), 0))
         from reservations r left join reservation_items i on i.reservation_id = r.id
         group by r.id
         having (r.quantity, r.total_amount)
                is distinct from (coalesce(sum(i.quantity), 0), coalesce(sum(i.subtotal), 0)) limit $1",
    ),
    at_once(
        "ticket_per_place",
        "I1",
        "every seat and place of a confirmed reservation has one ticket, and nothing else has",
        TICKET,
        "select format('item %s of reservation %s, which is %s, has %s tickets for %s places', i.id,
                       r.id, r.status, coalesce(t.live, 0), i.quantity)
         from reservation_items i
         join reservations r on r.id = i.reservation_id and r.event_id is not null
         left join (select item_id, count(*) as live, count(distinct unit) as units, max(unit) as last,
                           min(seat_id::text) as seat
                    from tickets where voided_at is null group by item_id) t on t.item_id = i.id
         where coalesce(t.live, 0) <> case when r.status = 'confirmed' and i.live then i.quantity else 0 end
            or (t.live is not null and (t.units, t.last, t.seat)
                                       is distinct from (t.live, t.live::int, i.seat_id::text)) limit $1",
    ),
    at_once(
        "transfer_kills_old_code",
        "I11",
        "every transfer has given the tickets out anew",
        TICKET,
        "select format('ticket %s is in version %s after %s transfers', t.id, t.rotation, count(*))
         from tickets t join ticket_transfers x on x.reservation_id = t.reservation_id
         where t.voided_at is null and x.status = 'completed' and x.completed_at > t.issued_at
         group by t.id having t.rotation < 1 + count(*) limit $1",
    ),
    at_once(
        "check_in_is_earliest",
        "I1",
        "of those who came in on a ticket the earliest counts, and nobody else",
        TICKET,
        "select format('ticket %s has %s check-ins of %s that let somebody in', ticket_id,
                       count(*) filter (where counts), count(*))
         from ticket_scans where eligible and undone_at is null
         group by ticket_id
         having count(*) filter (where counts) <> 1
             or not (array_agg(counts order by happened_at, scanner, scan_id))[1] limit $1",
    ),
    at_once(
        "charged_once",
        "I2",
        "nobody is charged twice for one thing",
        PAYMENT,
        "select format('%s %s is paid by orders %s', payment_type, target_id,
                       string_agg(order_id, ', '))
         from payments where status = 'confirmed'
         group by payment_type, target_id having count(*) > 1 limit $1",
    ),
    at_once(
        "ledger_balances",
        "I2",
        "every movement in the ledger sums to zero",
        PAYMENT,
        "select format('ledger transaction %s has %s lines that sum to %s', t.id, count(e.id),
                       coalesce(sum(e.amount), 0))
         from ledger_transactions t left join ledger_entries e on e.transaction_id = t.id
         group by t.id having count(e.id) < 2 or sum(e.amount) <> 0 limit $1",
    ),
    at_once(
        "ledger_equals_payments",
        "I2",
        "the ledger has each capture and each refund once, and nothing else",
        PAYMENT,
        "with booked as (
             select t.payment_id, t.kind, sum(e.amount) filter (where e.amount > 0) as amount
             from ledger_transactions t left join ledger_entries e on e.transaction_id = t.id
             group by t.id, t.payment_id, t.kind),
         due as (
             select id as payment_id, 'capture' as kind, amount from payments
             where status in ('confirmed', 'refunding', 'refunded')
             union all
             select id, 'refund', amount from payments where status = 'refunded')
         select format('%s of payment %s: payments say %s, the ledger says %s', kind, payment_id,
                       coalesce(due.amount::text, 'none'), coalesce(booked.amount::text, 'none'))
         from due full join booked using (payment_id, kind)
         where due.amount is distinct from booked.amount limit $1",
    ),
    in_time(
        "refunds_carried_out",
        "I2",
        "every refund that was asked for is carried out, in full",
        PAYMENT,
        Look::Statement(
            Name::Payment,
            "select format('refund of order %s: %s of %s won is %s, the order is %s', p.order_id,
                           r.amount, p.amount, r.status, p.status)
             from refunds r join payments p on p.id = r.payment_id
             where r.status <> 'completed' or p.status <> 'refunded' or r.amount <> p.amount limit $1",
        ),
    ),
    in_time(
        "paid_has_ticket",
        "I2",
        "every captured payment has its ticket or its refund",
        TICKET_AND_PAYMENT,
        Look::PaidHasTicket,
    ),
    in_time(
        "ticket_is_paid",
        "I2",
        "no reservation is confirmed without its captured payment",
        TICKET_AND_PAYMENT,
        Look::TicketIsPaid,
    ),
    in_time(
        "holds_end",
        "I9",
        "no hold is past its end by more than 5 s, unless it is being paid",
        TICKET,
        Look::Statement(
            Name::Ticket,
            "select format('reservation %s ended at %s and is still held', id, expires_at)
             from reservations
             where status = 'pending' and payment_status = 'pending'
               and expires_at < now() - interval '5 seconds' limit $1",
        ),
    ),
    in_time(
        "outboxes_empty",
        "I7",
        "every fact has left its outbox",
        PUBLISHERS,
        Look::Each(
            PUBLISHERS,
            "select format('fact %s (%s of %s) is not published', fact_id,
                           coalesce(payload ->> 'type', 'no type'), key)
             from outbox where published_at is null limit $1",
        ),
    ),
    Check {
        optional: true,
        ..in_time(
            "consumers_caught_up",
            "I7",
            "every consumer has read its part of the embedded bus",
            &[Name::Bus],
            Look::CaughtUp,
        )
    },
    in_time(
        "dead_letters_empty",
        "I7",
        "no fact was given up",
        CONSUMERS,
        Look::Each(
            CONSUMERS,
            "select format('%s gave up fact %s (%s of %s): %s', consumer, fact_id,
                           coalesce(payload ->> 'type', 'no type'), key, error)
             from dead_letters limit $1",
        ),
    ),
    in_time(
        "daily_statistics",
        "I8",
        "the statistics of each day equal a recount",
        RECOUNTED,
        Look::DailyStatistics,
    ),
    in_time(
        "event_statistics",
        "I8",
        "the statistics of each event equal a recount",
        RECOUNTED,
        Look::EventStatistics,
    ),
];

/// What violates `check` at this moment.
pub(super) async fn violations(check: &Check, sources: &Sources) -> anyhow::Result<Vec<String>> {
    match check.look {
        Look::Statement(name, statement) => Ok(texts(sources.pool(name)?, statement).await?),
        Look::Each(names, statement) => each(names, statement, sources).await,
        Look::PaidHasTicket => {
            let books = money::Books::payments_first(sources).await?;
            Ok(books.paid_without_ticket())
        }
        Look::TicketIsPaid => {
            let books = money::Books::tickets_first(sources).await?;
            Ok(books.tickets_without_payment())
        }
        Look::CaughtUp => caught_up(sources).await,
        Look::DailyStatistics => statistics::days(sources).await,
        Look::EventStatistics => statistics::events(sources).await,
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "reads databases of several services, which no one schema checks"
)]
async fn texts(pool: &PgPool, statement: &'static str) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar(statement)
        .bind(MOST)
        .fetch_all(pool)
        .await
}

async fn each(
    names: &[Name],
    statement: &'static str,
    sources: &Sources,
) -> anyhow::Result<Vec<String>> {
    let mut violations = Vec::new();
    for name in names {
        let found = texts(sources.pool(*name)?, statement).await?;
        violations.extend(
            found
                .into_iter()
                .map(|text| format!("{}: {text}", name.database())),
        );
    }
    Ok(violations)
}

/// One end of a part of the log: topic, partition, and the last id in it.
type End = (String, i32, i64);
/// Where a consumer is: its name, topic, partition, and the id it reads next.
type Position = (String, String, i32, i64);

/// Compares where each consumer is with where the log ended before, and with what was ever
/// written to it by afterwards. A consumer that has never read a topic is not known to read it.
#[expect(
    clippy::disallowed_methods,
    reason = "reads databases of several services, which no one schema checks"
)]
async fn caught_up(sources: &Sources) -> anyhow::Result<Vec<String>> {
    let bus = sources.pool(Name::Bus)?;
    let ends: Vec<End> =
        sqlx::query_as("select topic, partition, max(id) from log group by topic, partition")
            .fetch_all(bus)
            .await?;
    let mut positions: Vec<Position> = Vec::new();
    for name in CONSUMERS {
        let Ok(pool) = sources.pool(*name) else {
            continue;
        };
        let of_service: Vec<Position> = sqlx::query_as(
            "select consumer, topic, partition, next_offset from consumer_offsets order by 1, 2, 3",
        )
        .fetch_all(pool)
        .await?;
        positions.extend(of_service);
    }
    // Not the highest id that is left: old facts are removed.
    let last: i64 = sqlx::query_scalar(
        "select coalesce(pg_sequence_last_value(pg_get_serial_sequence('log', 'id')), 0)",
    )
    .fetch_one(bus)
    .await?;
    let mut violations = behind(&ends, &positions);
    violations.extend(beyond(last, &positions));
    Ok(violations)
}

/// Which positions lie before the end of their part of the log.
fn behind(ends: &[End], positions: &[Position]) -> Vec<String> {
    let end_of = |topic: &str, partition: i32| {
        ends.iter()
            .find(|end| end.0 == topic && end.1 == partition)
            .map(|end| end.2)
    };
    positions
        .iter()
        .filter_map(|(consumer, topic, partition, next)| {
            let end = end_of(topic, *partition)?;
            (end >= *next).then(|| {
                format!("{consumer} is at {next} of {topic}/{partition}, which ends at {end}")
            })
        })
        .collect()
}

/// Which positions lie beyond everything that was ever written: their consumers belong to
/// another log and would miss what this one will say.
fn beyond(last: i64, positions: &[Position]) -> Vec<String> {
    positions
        .iter()
        .filter(|(_, _, _, next)| *next > last + 1)
        .map(|(consumer, topic, partition, next)| {
            format!("{consumer} is at {next} of {topic}/{partition}, but the log never came further than {last}")
        })
        .collect()
}

#[cfg(test)]
mod unit {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_check_has_a_name_and_a_sentence_of_its_own() {
        let names: BTreeSet<&str> = CHECKS.iter().map(|check| check.name).collect();
        let sentences: BTreeSet<&str> = CHECKS.iter().map(|check| check.says).collect();
        assert_eq!((names.len(), sentences.len()), (CHECKS.len(), CHECKS.len()));
    }

    #[test]
    fn a_consumer_is_behind_until_its_next_offset_is_past_the_end() {
        let ends = [("reservation-events".to_owned(), 1, 7)];
        let at =
            |topic: &str, partition, next| ("stats".to_owned(), topic.to_owned(), partition, next);
        let positions = [
            at("reservation-events", 1, 8),
            at("reservation-events", 2, 1),
            at("payment-events", 1, 1),
        ];
        assert!(behind(&ends, &positions).is_empty());
        let late = [at("reservation-events", 1, 7)];
        let expected = "stats is at 7 of reservation-events/1, which ends at 7";
        assert_eq!(behind(&ends, &late), [expected]);
    }

    #[test]
    fn a_consumer_cannot_have_read_what_was_never_written() {
        let at = |next| [("stats".to_owned(), "payment-events".to_owned(), 0, next)];
        for (last, next, is_beyond) in [(0, 0, false), (0, 1, false), (7, 8, false), (7, 9, true)] {
            assert_eq!(
                !beyond(last, &at(next)).is_empty(),
                is_beyond,
                "{next} of {last}"
            );
        }
    }
}
