//! One fault each, and the check that finds it.

use super::{
    assert_found,
    world::{FREE_SEAT, HELD, HELD_SEAT, SOLD, SOLD_SEAT, STANDING, World},
};
use crate::databases::Name::{self, Bus, Payment, Queue, Stats, Ticket};

/// Plants `fault` and asserts that `check` mentions `mention`.
async fn plant(name: Name, fault: &str, check: &str, mention: &str) {
    let world = World::new().await;
    world.change(name, fault).await;
    assert_found(&world.audit().await, check, mention);
}

/// The same with the database's own guards down.
async fn force(name: Name, fault: &str, check: &str, mention: &str) {
    let world = World::new().await;
    world.force(name, fault).await;
    assert_found(&world.audit().await, check, mention);
}

// === seats and places ===

#[tokio::test]
async fn a_seat_with_two_live_reservations() {
    let fault = format!(
        "drop index reservation_items_one_live_per_seat;
         insert into reservation_items (reservation_id, seat_id, quantity, unit_price, subtotal)
         values ('{HELD}', '{SOLD_SEAT}', 1, 0, 0)"
    );
    plant(Ticket, &fault, "one_live_reservation_per_seat", SOLD_SEAT).await;
}

#[tokio::test]
async fn an_item_that_outlives_its_reservation() {
    let fault = format!("update reservations set status = 'expired' where id = '{HELD}'");
    plant(Ticket, &fault, "items_live_with_reservation", HELD).await;
}

#[tokio::test]
async fn an_item_that_is_let_go_too_early() {
    let fault =
        format!("update reservation_items set live = false where reservation_id = '{SOLD}'");
    plant(Ticket, &fault, "items_live_with_reservation", SOLD).await;
}

#[tokio::test]
async fn a_sold_seat_that_is_free() {
    let fault =
        format!("update seats set status = 'available', locked_by = null where id = '{SOLD_SEAT}'");
    plant(Ticket, &fault, "seat_agrees_with_reservation", SOLD_SEAT).await;
}

#[tokio::test]
async fn a_held_seat_that_is_sold() {
    let fault = format!("update seats set status = 'reserved' where id = '{HELD_SEAT}'");
    plant(Ticket, &fault, "seat_agrees_with_reservation", HELD_SEAT).await;
}

#[tokio::test]
async fn a_seat_that_nobody_holds_and_nobody_can_have() {
    let fault = format!(
        "update seats set status = 'locked', locked_by = gen_random_uuid() where id = '{FREE_SEAT}'"
    );
    plant(Ticket, &fault, "seat_agrees_with_reservation", FREE_SEAT).await;
}

#[tokio::test]
async fn a_live_item_with_an_old_token() {
    let fault = format!("update seats set fencing_token = 9 where id = '{SOLD_SEAT}'");
    plant(Ticket, &fault, "item_carries_seat_token", SOLD_SEAT).await;
}

#[tokio::test]
async fn a_standing_type_below_zero() {
    let fault = "alter table ticket_stock drop constraint ticket_stock_never_below_zero;
                 update ticket_stock set available = -1 where shard = 0";
    plant(Ticket, fault, "stock_never_below_zero", STANDING).await;
}

#[tokio::test]
async fn a_place_that_was_lost() {
    let fault = "update ticket_stock set available = available - 1 where shard = 0";
    plant(Ticket, fault, "stock_adds_up", STANDING).await;
}

#[tokio::test]
async fn a_place_that_was_sold_twice() {
    let fault = "update ticket_stock set available = available + 1 where shard = 1";
    plant(Ticket, fault, "stock_adds_up", STANDING).await;
}

#[tokio::test]
async fn a_person_with_more_than_the_cap() {
    let fault = "update events set max_per_person = 1 where title = 'standing'";
    let person = "00000000-0000-0000-0000-0000000000f3";
    plant(Ticket, fault, "cap_per_person", person).await;
}

#[tokio::test]
async fn a_reservation_that_costs_other_than_its_items() {
    let fault = format!("update reservations set total_amount = 999 where id = '{HELD}'");
    plant(Ticket, &fault, "reservation_is_sum_of_items", HELD).await;
}

#[tokio::test]
async fn a_hold_that_does_not_end() {
    let fault = format!(
        "update reservations set expires_at = now() - interval '6 seconds' where id = '{HELD}'"
    );
    plant(Ticket, &fault, "holds_end", HELD).await;
}

#[tokio::test]
async fn a_hold_that_is_being_paid_may_be_past_its_end() {
    let world = World::new().await;
    let paying = format!(
        "update reservations set payment_status = 'processing', order_id = 'ORD_NEW',
                expires_at = now() - interval '1 hour' where id = '{HELD}'"
    );
    world.change(Ticket, &paying).await;
    let report = world.audit().await;
    let holds = |check| {
        let finding = report
            .findings()
            .iter()
            .find(|finding| finding.name() == check);
        finding.is_some_and(super::Finding::holds)
    };
    assert!(holds("holds_end"));
}

// === tickets ===

#[tokio::test]
async fn a_seat_that_was_sold_without_a_ticket() {
    let fault = format!("delete from tickets where seat_id = '{SOLD_SEAT}'");
    plant(Ticket, &fault, "ticket_per_place", SOLD).await;
}

#[tokio::test]
async fn a_ticket_that_outlives_its_reservation() {
    let fault = "update tickets set voided_at = null";
    let reservation = "00000000-0000-0000-0000-0000000000b4";
    plant(Ticket, fault, "ticket_per_place", reservation).await;
}

#[tokio::test]
async fn two_tickets_for_one_standing_place() {
    let fault = "drop index tickets_one_live_per_unit; update tickets set unit = 1";
    plant(Ticket, fault, "ticket_per_place", "has 2 tickets for 2").await;
}

#[tokio::test]
async fn a_code_that_outlives_a_transfer() {
    let world = World::new().await;
    let resale = format!(
        "insert into ticket_transfers (reservation_id, seller_id, buyer_id, original_price, total_price, status,
                                       order_id, completed_at)
         select id, gen_random_uuid(), user_id, 1000, 1000, 'completed', 'ORD_BOUGHT', now() + interval '1 second'
         from reservations where id = '{SOLD}';
         update reservations set owner_order_id = 'ORD_BOUGHT' where id = '{SOLD}'"
    );
    world.change(Ticket, &resale).await;
    let mention = "is in version 1 after 1 transfers";
    assert_found(&world.audit().await, "transfer_kills_old_code", mention);
}

const SCANS: &str = "insert into ticket_scans (event_id, ticket_id, admin_id, scan_id, credential_hash, gate, offline,
                     code, answer, admitted, eligible, counts, scanned_at, happened_at, received_at)
    select event_id, id, gen_random_uuid(), gen_random_uuid(), '', 'A', true, 'ACCEPTED', '{}', true, true, turn = 2,
           now(), now() - make_interval(mins => 3 - turn), now()
    from tickets cross join generate_series(1, 2) as turn where seat_id is not null and voided_at is null";

#[tokio::test]
async fn a_later_check_in_that_counts() {
    let mention = "has 1 check-ins of 2 that let somebody in";
    plant(Ticket, SCANS, "check_in_is_earliest", mention).await;
}

#[tokio::test]
async fn a_ticket_that_was_used_twice() {
    let fault = format!(
        "drop index ticket_scans_one_counts_per_ticket; {SCANS}; update ticket_scans set counts = true"
    );
    plant(
        Ticket,
        &fault,
        "check_in_is_earliest",
        "has 2 check-ins of 2",
    )
    .await;
}

// === money ===

#[tokio::test]
async fn a_person_charged_twice() {
    let fault = format!(
        "drop index payments_one_open_or_paid_per_target;
         insert into payments (order_id, user_id, payment_type, reservation_id, amount, status,
                               payment_key, method, expires_at, captured_at)
         values ('ORD_TWICE', gen_random_uuid(), 'reservation', '{SOLD}', 1000, 'confirmed',
                 'k9', 'toss', now(), now())"
    );
    plant(Payment, &fault, "charged_once", "ORD_TWICE").await;
}

#[tokio::test]
async fn a_captured_payment_whose_hold_expired() {
    let fault = format!(
        "update reservations set status = 'expired', payment_status = 'pending' where id = '{SOLD}';
         update reservation_items set live = false where reservation_id = '{SOLD}';
         update seats set status = 'available', locked_by = null where id = '{SOLD_SEAT}'"
    );
    plant(Ticket, &fault, "paid_has_ticket", "ORD_SOLD").await;
}

#[tokio::test]
async fn a_captured_payment_whose_reservation_is_gone() {
    let fault = format!(
        "update seats set status = 'available', locked_by = null where id = '{SOLD_SEAT}';
         delete from reservations where id = '{SOLD}'"
    );
    plant(Ticket, &fault, "paid_has_ticket", "ORD_SOLD").await;
}

#[tokio::test]
async fn a_payment_that_stays_in_doubt() {
    let fault = format!(
        "insert into payments (order_id, user_id, payment_type, reservation_id, amount, status, expires_at)
         values ('ORD_DOUBT', gen_random_uuid(), 'reservation', '{HELD}', 1000, 'confirming', now())"
    );
    plant(Payment, &fault, "paid_has_ticket", "ORD_DOUBT").await;
}

#[tokio::test]
async fn a_ticket_without_a_payment() {
    let fault = "update payments set status = 'voided' where order_id = 'ORD_FLOOR'";
    plant(Payment, fault, "ticket_is_paid", "ORD_FLOOR").await;
}

#[tokio::test]
async fn a_ticket_that_was_refunded_and_is_still_valid() {
    let fault = "update payments set status = 'refunded' where order_id = 'ORD_SOLD'";
    plant(Payment, fault, "ticket_is_paid", "ORD_SOLD").await;
}

/// The sold reservation, sold on by its owner to order `ORD_BOUGHT`, which paid.
async fn resold() -> World {
    let world = World::new().await;
    let listing = "00000000-0000-0000-0000-000000000071";
    let resale = format!(
        "insert into ticket_transfers (id, reservation_id, seller_id, buyer_id, original_price, transfer_fee,
                                       total_price, status, order_id, completed_at)
         values ('{listing}', '{SOLD}', gen_random_uuid(), gen_random_uuid(), 1000, 100, 1100, 'completed',
                 'ORD_BOUGHT', now());
         update reservations set owner_order_id = 'ORD_BOUGHT' where id = '{SOLD}';
         update tickets set rotation = 2 where reservation_id = '{SOLD}'"
    );
    world.change(Ticket, &resale).await;
    let paid = format!(
        "insert into payments (id, order_id, user_id, payment_type, reference_id, amount, status, payment_key,
                               method, expires_at, captured_at)
         values ('00000000-0000-0000-0000-0000000000d7', 'ORD_BOUGHT', gen_random_uuid(), 'transfer', '{listing}',
                 1100, 'confirmed', 'k7', 'toss', now(), now())"
    );
    world.change(Payment, &paid).await;
    world
}

/// Whether a check found nothing.
async fn holds(world: &World, check: &str) -> bool {
    let report = world.audit().await;
    let finding = report
        .findings()
        .iter()
        .find(|finding| finding.name() == check);
    finding.is_some_and(super::Finding::holds)
}

#[tokio::test]
async fn a_ticket_that_was_sold_on_and_cancelled_is_owed_to_its_buyer_and_not_to_its_seller() {
    let world = resold().await;
    assert!(holds(&world, "paid_has_ticket").await);
    assert!(holds(&world, "ticket_is_paid").await);
    let cancelled = format!(
        "update reservations set status = 'cancelled', payment_status = 'refund_requested' where id = '{SOLD}'"
    );
    world.change(Ticket, &cancelled).await;
    assert_found(&world.audit().await, "paid_has_ticket", "ORD_BOUGHT");
    let refunded = "update payments set status = 'refunded' where order_id = 'ORD_BOUGHT'";
    world.change(Payment, refunded).await;
    assert!(holds(&world, "paid_has_ticket").await);
}

#[tokio::test]
async fn a_ticket_whose_buyer_has_the_money_back() {
    let world = resold().await;
    let refunded = "update payments set status = 'refunded' where order_id = 'ORD_BOUGHT'";
    world.change(Payment, refunded).await;
    assert_found(&world.audit().await, "ticket_is_paid", "ORD_BOUGHT");
}

#[tokio::test]
async fn a_ticket_for_less_than_its_price() {
    let fault = "update payments set amount = 1 where order_id = 'ORD_SOLD'";
    plant(Payment, fault, "ticket_is_paid", "ORD_SOLD").await;
}

#[tokio::test]
async fn a_refund_that_is_not_carried_out() {
    let fault = "update refunds set status = 'requested'";
    plant(Payment, fault, "refunds_carried_out", "ORD_BACK").await;
}

#[tokio::test]
async fn a_refund_of_less_than_was_paid() {
    plant(
        Payment,
        "update refunds set amount = 1",
        "refunds_carried_out",
        "ORD_BACK",
    )
    .await;
}

#[tokio::test]
async fn a_movement_that_does_not_sum_to_zero() {
    let fault = "update ledger_entries set amount = amount + 1 where account = 'ticket_sales'";
    force(Payment, fault, "ledger_balances", "sum to 1").await;
}

#[tokio::test]
async fn a_capture_that_the_ledger_does_not_know() {
    let fault = "delete from ledger_entries; delete from ledger_transactions";
    let payment = "00000000-0000-0000-0000-0000000000d1";
    force(Payment, fault, "ledger_equals_payments", payment).await;
}

#[tokio::test]
async fn a_refund_in_the_ledger_that_no_payment_had() {
    let fault = "update payments set status = 'confirmed' where order_id = 'ORD_BACK'";
    let payment = "00000000-0000-0000-0000-0000000000d4";
    plant(Payment, fault, "ledger_equals_payments", payment).await;
}

// === facts ===

#[tokio::test]
async fn a_fact_that_does_not_leave() {
    let fault = "insert into outbox (topic, key, payload) values ('payment-events', 'k', '{\"type\":\"STUCK\"}')";
    for name in [Ticket, Payment] {
        plant(name, fault, "outboxes_empty", "STUCK").await;
    }
}

#[tokio::test]
async fn a_fact_that_was_given_up() {
    let fault = "insert into dead_letters (consumer, fact_id, topic, key, payload, error)
                 values ('some-group', gen_random_uuid(), 't', 'k', '{\"type\":\"LOST\"}', 'why')";
    for name in [Ticket, Payment, Stats, Queue] {
        plant(name, fault, "dead_letters_empty", "LOST").await;
    }
}

#[tokio::test]
async fn a_consumer_that_has_not_read_to_the_end() {
    let world = World::new().await;
    let log = "insert into log (topic, partition, fact_id, key, payload)
               values ('payment-events', 2, gen_random_uuid(), 'k', '{}')";
    world.change(Bus, log).await;
    let position = "insert into consumer_offsets (consumer, topic, partition, next_offset)
                    values ('ticket-service-group', 'payment-events', 2, 0)";
    world.change(Ticket, position).await;
    let mention = "ticket-service-group is at 0 of payment-events/2";
    assert_found(&world.audit().await, "consumers_caught_up", mention);
}

#[tokio::test]
async fn a_consumer_of_another_log() {
    let world = World::new().await;
    let position = "insert into consumer_offsets (consumer, topic, partition, next_offset)
                    values ('stats-service-group', 'payment-events', 0, 900)";
    world.change(Stats, position).await;
    let mention = "stats-service-group is at 900 of payment-events/0";
    assert_found(&world.audit().await, "consumers_caught_up", mention);
}

// === statistics ===

#[tokio::test]
async fn a_sale_that_a_day_counts_for_too_much() {
    let fault =
        "update reservation_facts set confirmed_amount = confirmed_amount + 1 where quantity = 2";
    let mention = "day 2026-01-02: total_revenue is 4501, a recount gives 4500";
    plant(Stats, fault, "daily_statistics", mention).await;
}

#[tokio::test]
async fn a_fact_that_is_counted_on_another_day() {
    let fault =
        "update reservation_facts set cancelled_day = '2026-01-03' where cancelled_day is not null";
    let mention = "day 2026-01-03: cancelled_reservations is 1, a recount gives 0";
    plant(Stats, fault, "daily_statistics", mention).await;
}

#[tokio::test]
async fn a_fact_that_the_statistics_never_heard() {
    let fault = "delete from reservation_facts where quantity = 2";
    let event =
        "event 00000000-0000-0000-0000-0000000000e2: reserved_seats is 0, a recount gives 2";
    plant(Stats, fault, "event_statistics", event).await;
    let day = "day 2026-01-02: confirmed_reservations is 2, a recount gives 3";
    plant(Stats, fault, "daily_statistics", day).await;
}

#[tokio::test]
async fn a_refund_that_an_event_does_not_know() {
    let fault = "update reservation_facts set refunded_amount = 0";
    let mention = "total_revenue is 1500, a recount gives 1000";
    plant(Stats, fault, "event_statistics", mention).await;
}

#[tokio::test]
async fn a_reservation_that_was_never_told_of() {
    let world = World::new().await;
    let forgotten = format!("delete from reservation_facts where reservation_id = '{HELD}'");
    world.change(Stats, &forgotten).await;
    let silent = format!("delete from outbox where key = '{HELD}'");
    world.change(Ticket, &silent).await;
    let mention = "total_reservations is 2, a recount gives 3";
    assert_found(&world.audit().await, "event_statistics", mention);
}

#[tokio::test]
async fn days_whose_facts_were_removed_are_not_recounted() {
    let world = World::new().await;
    let old = "delete from outbox where id <= 5";
    world.change(Ticket, old).await;
    let report = world.audit().await;
    assert_eq!(
        report.outcome(),
        crate::process::Outcome::Done,
        "{}",
        report.table()
    );
}
