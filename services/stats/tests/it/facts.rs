//! What each fact changes, however it comes: once, twice, late, out of order.

use std::collections::BTreeMap;

use jiff::{Timestamp, tz::TimeZone};
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::SliceRandom};
use serde_json::{Value, json};
use urr_contract::{Fact, FactId, PaymentId, ReservationId, facts::PaymentType, topics::Topic};
use urr_kit::{
    bus::Message,
    consumer::{self, Applied, Consumer},
};
use urr_stats::GROUP;
use urr_testkit::wait_for;

use crate::app::{App, Story, at, joined, transferred};

const T1: &str = "2026-11-23T01:00:00Z";
const T2: &str = "2026-11-23T01:02:00Z";
const T3: &str = "2026-11-23T02:00:00Z";

async fn overview(app: &App) -> Value {
    let mut data = app.data("/api/stats/overview").await;
    let fields = data.as_object_mut().unwrap();
    fields.remove("total_users");
    fields.remove("active_events");
    data
}

/// Total, confirmed, cancelled, rejected, expired; revenue; payments and their revenue.
fn totals(counts: [i64; 5], revenue: i64, payments: (i64, i64)) -> Value {
    json!({
        "total_reservations": counts[0],
        "confirmed_reservations": counts[1],
        "cancelled_reservations": counts[2],
        "rejected_reservations": counts[3],
        "expired_reservations": counts[4],
        "total_revenue": revenue,
        "completed_payments": payments.0,
        "payment_revenue": payments.1,
    })
}

#[tokio::test]
async fn each_fact_has_its_effect() {
    let app = App::alone().await;
    let story = Story::of(1, 10, 100_000, 2);
    app.hear(story.created(T1)).await;
    assert_eq!(overview(&app).await, totals([1, 0, 0, 0, 0], 0, (0, 0)));
    app.hear(story.captured(T2)).await;
    assert_eq!(
        overview(&app).await,
        totals([1, 0, 0, 0, 0], 0, (1, 100_000))
    );
    app.hear(story.confirmed(T2)).await;
    assert_eq!(
        overview(&app).await,
        totals([1, 1, 0, 0, 0], 100_000, (1, 100_000))
    );
    // One refund is one cancellation.
    app.hear(story.cancelled(T3)).await;
    app.hear(story.refunded(T3)).await;
    assert_eq!(overview(&app).await, totals([1, 1, 1, 0, 0], 0, (1, 0)));

    let expired = Story::of(2, 10, 50_000, 1);
    app.hear(expired.created(T1)).await;
    app.hear(expired.expired(T2)).await;
    assert_eq!(overview(&app).await, totals([2, 1, 1, 0, 1], 0, (1, 0)));
}

#[tokio::test]
async fn a_payment_that_could_not_be_honoured_was_never_revenue() {
    let app = App::alone().await;
    let story = Story::of(1, 10, 100_000, 1);
    for fact in [story.created(T1), story.captured(T2), story.rejected(T2)] {
        app.hear(fact).await;
    }
    assert_eq!(
        overview(&app).await,
        totals([1, 0, 0, 1, 0], 0, (1, 100_000))
    );
    app.hear(story.refunded(T3)).await;
    assert_eq!(overview(&app).await, totals([1, 0, 0, 1, 0], 0, (1, 0)));
}

#[tokio::test]
async fn a_second_order_that_was_rejected_takes_nothing_off_the_sale() {
    let app = App::alone().await;
    let sale = Story::of(1, 10, 100_000, 1);
    let second = Story {
        payment: PaymentId::random(),
        ..sale
    };
    for fact in [sale.created(T1), sale.captured(T1), sale.confirmed(T1)] {
        app.hear(fact).await;
    }
    for first_refunded in [true, false] {
        let second = Story {
            payment: PaymentId::random(),
            ..second
        };
        let mut facts = [second.refunded(T3), second.rejected_order(T2)];
        if !first_refunded {
            facts.reverse();
        }
        app.hear(second.captured(T2)).await;
        for fact in facts {
            app.hear(fact).await;
        }
        let found = overview(&app).await;
        assert_eq!(
            found["total_revenue"], 100_000,
            "refunded first: {first_refunded}"
        );
        let reserved: (i64,) = sqlx::query_as("select reserved_seats from event_stats")
            .fetch_one(&app.pool)
            .await
            .unwrap();
        assert_eq!(reserved.0, 1);
    }
    app.hear(sale.cancelled(T3)).await;
    app.hear(sale.refunded(T3)).await;
    assert_eq!(overview(&app).await["total_revenue"], 0);
}

#[tokio::test]
async fn transfers_and_memberships_are_revenue() {
    let app = App::alone().await;
    let transfer = Story::of(1, 10, 110_000, 1);
    app.hear(transfer.captured_as(PaymentType::Transfer, T1))
        .await;
    app.hear(transferred(110_000, T1)).await;
    let membership = Story::of(2, 10, 30_000, 1);
    app.hear(membership.captured_as(PaymentType::Membership, T1))
        .await;
    app.hear(joined(T1)).await;
    assert_eq!(
        overview(&app).await,
        totals([0, 0, 0, 0, 0], 140_000, (2, 140_000))
    );
    app.hear(membership.refunded_as(PaymentType::Membership, T3))
        .await;
    assert_eq!(
        overview(&app).await,
        totals([0, 0, 0, 0, 0], 110_000, (2, 110_000))
    );
    let kept: (i64, i64) = sqlx::query_as(
        "select (select count(*) from transfer_facts), (select count(*) from membership_facts)",
    )
    .fetch_one(&app.pool)
    .await
    .unwrap();
    assert_eq!(kept, (1, 1));
}

#[tokio::test]
async fn a_fact_heard_twice_counts_once() {
    let app = App::alone().await;
    let story = Story::of(1, 10, 100_000, 1);
    let facts = [
        story.created(T1),
        story.captured(T2),
        story.confirmed(T2),
        story.cancelled(T3),
        story.refunded(T3),
    ];
    let mut heard = Vec::new();
    for fact in facts {
        heard.push(app.hear(fact).await);
    }
    let once = overview(&app).await;
    for received in &heard {
        assert_eq!(app.hear_as(received).await, Applied::Before);
    }
    assert_eq!(overview(&app).await, once);
}

#[tokio::test]
async fn a_refund_heard_before_the_confirmation_counts_when_that_is_heard() {
    let app = App::alone().await;
    let story = Story::of(1, 10, 100_000, 1);
    app.hear(story.refunded(T3)).await;
    assert_eq!(
        overview(&app).await,
        totals([0, 0, 0, 0, 0], 0, (0, -100_000))
    );
    for fact in [story.cancelled(T3), story.confirmed(T2), story.created(T1)] {
        app.hear(fact).await;
    }
    app.hear(story.captured(T2)).await;
    assert_eq!(overview(&app).await, totals([1, 1, 1, 0, 0], 0, (1, 0)));
    let event = app
        .data(&format!("/api/stats/events/{}", story.event))
        .await;
    assert_eq!(event["overview"]["total_revenue"], 0);
    assert_eq!(event["overview"]["sold_seats"], 0);
}

#[tokio::test]
async fn a_late_payment_sells_an_expired_reservation() {
    let app = App::alone().await;
    let story = Story::of(1, 10, 100_000, 2);
    for fact in [story.created(T1), story.expired(T2), story.confirmed(T3)] {
        app.hear(fact).await;
    }
    let event = app
        .data(&format!("/api/stats/events/{}", story.event))
        .await;
    assert_eq!(event["overview"]["sold_seats"], 2);
    assert_eq!(event["overview"]["pending_reservations"], 0);
}

/// The day is that of the fact in Seoul, not of its hearing and not of UTC.
#[tokio::test]
async fn a_day_is_the_facts_day_in_seoul() {
    let app = App::alone().await;
    let story = Story::of(1, 10, 100_000, 1);
    app.hear(story.created("2026-11-21T14:59:59Z")).await;
    app.hear(story.confirmed("2026-11-21T15:00:00Z")).await;
    app.hear(story.captured("2026-11-21T15:00:00Z")).await;
    app.hear(story.cancelled("2026-11-22T15:00:00Z")).await;
    app.hear(story.refunded("2026-11-22T15:00:01Z")).await;
    let row = |date, reservations, confirmed, cancelled, revenue| {
        json!({
            "date": date, "reservations": reservations, "total_reservations": reservations,
            "confirmed": confirmed, "cancelled": cancelled,
            "revenue": revenue, "total_revenue": revenue,
        })
    };
    assert_eq!(
        app.data("/api/stats/daily").await,
        json!([
            row("2026-11-23", 0, 0, 1, -100_000),
            row("2026-11-22", 0, 1, 0, 100_000),
            row("2026-11-21", 1, 0, 0, 0),
        ])
    );
}

/// More than an `integer` holds.
#[tokio::test]
async fn large_amounts_do_not_overflow() {
    let app = App::alone().await;
    for user in 1..=3 {
        let story = Story::of(user, 10, 3_000_000_000, 1);
        app.hear(story.captured(T2)).await;
        app.hear(story.confirmed(T2)).await;
    }
    let data = app.data("/api/stats/overview").await;
    assert_eq!(data["total_revenue"], 9_000_000_000_i64);
}

/// Through the bus, as in the running service: all four topics, and repetitions.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn facts_come_through_the_bus() {
    let app = App::alone().await;
    let bus = urr_testkit::bus().await;
    let consumer = Consumer {
        group: GROUP,
        topics: &Topic::ALL,
        pool: app.pool.clone(),
        bus: bus.clone(),
    };
    consumer::spawn(&app.runtime, consumer, app.state.recorder());
    let story = Story::of(1, 10, 100_000, 1);
    let facts = [
        story.created(T1),
        story.captured(T2),
        story.confirmed(T2),
        transferred(1, T1),
        joined(T1),
    ];
    let messages: Vec<Message> = facts.iter().map(message).collect();
    bus.publish(&messages).await.unwrap();
    // What a relay does that died before it marked.
    bus.publish(&messages).await.unwrap();
    let last = message(&story.cancelled(T3));
    bus.publish(&[last]).await.unwrap();
    wait_for("all facts", async || {
        let heard: i64 = sqlx::query_scalar("select count(*) from applied_facts")
            .fetch_one(&app.pool)
            .await
            .unwrap();
        heard == 6
    })
    .await;
    assert_eq!(
        overview(&app).await,
        totals([1, 1, 1, 0, 0], 100_000, (1, 100_000))
    );
    app.runtime.tasks.shutdown().await;
}

fn message(fact: &Fact) -> Message {
    Message {
        id: FactId::random(),
        topic: fact.topic().unwrap().name().to_owned(),
        key: fact.key().unwrap(),
        payload: serde_json::to_string(fact).unwrap(),
    }
}

/// Many lives, all facts in any order and some twice: every day's figures equal a count of
/// the facts themselves.
#[tokio::test]
async fn statistics_equal_a_recount() {
    let app = App::alone().await;
    let mut random = StdRng::seed_from_u64(20_261_123);
    let mut facts: Vec<Fact> = (0..60).flat_map(|_| life(&mut random)).collect();
    facts.shuffle(&mut random);
    for fact in &facts {
        let received = app.hear(fact.clone()).await;
        if random.random_bool(0.2) {
            assert_eq!(app.hear_as(&received).await, Applied::Before);
        }
    }
    let found: Vec<(String, Vec<i64>)> = sqlx::query_as(
        "select date::text, array[total_reservations, confirmed_reservations, cancelled_reservations,
                rejected_reservations, expired_reservations, total_revenue, payments, payment_revenue]
         from daily_stats order by date",
    )
    .fetch_all(&app.pool)
    .await
    .unwrap();
    let counted: Vec<_> = recount(&facts)
        .into_iter()
        .map(|(day, figures)| (day, figures.to_vec()))
        .collect();
    assert_eq!(found, counted);
}

/// The facts of one reservation, or of one other payment.
fn life(random: &mut StdRng) -> Vec<Fact> {
    let story = Story::of(
        random.random_range(1..20),
        random.random_range(1..5),
        random.random_range(1..200_000),
        random.random_range(1..5),
    );
    let start = at("2026-11-18T00:00:00Z").as_second() + random.random_range(0..300_000_i64);
    let time = |hours: i64| {
        Timestamp::from_second(start + hours * 3600)
            .unwrap()
            .to_string()
    };
    let (t0, t1, t2) = (time(0), time(1), time(13));
    let mut facts = match random.random_range(0..7) {
        0 => vec![story.created(&t0)],
        1 => vec![story.created(&t0), story.expired(&t1)],
        2 => vec![story.created(&t0), story.cancelled(&t1)],
        3 => vec![
            story.created(&t0),
            story.captured(&t1),
            story.rejected(&t1),
            story.refunded(&t2),
        ],
        4 => vec![
            story.created(&t0),
            story.captured(&t1),
            story.confirmed(&t1),
        ],
        5 => vec![
            story.created(&t0),
            story.captured(&t1),
            story.confirmed(&t1),
            story.cancelled(&t2),
            story.refunded(&t2),
        ],
        _ => vec![story.captured_as(PaymentType::Transfer, &t1)],
    };
    if facts.len() == 1 && random.random_bool(0.3) {
        facts = vec![
            story.captured_as(PaymentType::Membership, &t0),
            story.refunded_as(PaymentType::Membership, &t2),
        ];
    }
    facts
}

/// The same figures from nothing but the facts.
fn recount(facts: &[Fact]) -> BTreeMap<String, [i64; 8]> {
    let seoul = TimeZone::get("Asia/Seoul").unwrap();
    let confirmed: Vec<ReservationId> = facts
        .iter()
        .filter_map(|fact| match fact {
            Fact::ReservationConfirmed(fact) => Some(fact.reservation_id),
            _ => None,
        })
        .collect();
    let mut days: BTreeMap<String, [i64; 8]> = BTreeMap::new();
    let mut add = |time: Timestamp, column: usize, amount: i64| {
        let day = time.to_zoned(seoul.clone()).date().to_string();
        days.entry(day).or_default()[column] += amount;
    };
    for fact in facts {
        match fact {
            Fact::ReservationCreated(fact) => add(fact.timestamp, 0, 1),
            Fact::ReservationConfirmed(fact) => {
                add(fact.timestamp, 1, 1);
                add(fact.timestamp, 5, fact.total_amount.0);
            }
            Fact::ReservationCancelled(fact) => add(fact.timestamp, 2, 1),
            Fact::ReservationRejected(fact) => add(fact.timestamp, 3, 1),
            Fact::ReservationExpired(fact) => add(fact.timestamp, 4, 1),
            Fact::PaymentConfirmed(fact) => {
                add(fact.timestamp, 6, 1);
                add(fact.timestamp, 7, fact.amount.0);
                if fact.reservation_id.is_none() {
                    add(fact.timestamp, 5, fact.amount.0);
                }
            }
            Fact::PaymentRefunded(fact) => {
                add(fact.timestamp, 7, -fact.amount.0);
                if fact.reservation_id.is_none_or(|id| confirmed.contains(&id)) {
                    add(fact.timestamp, 5, -fact.amount.0);
                }
            }
            _ => {}
        }
    }
    days
}
