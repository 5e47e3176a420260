//! What travels between the services, as bytes: a changed name or form shows in review.

use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use urr_contract::{
    EventId, Fact, MembershipId, PaymentId, ReservationId, TransferId, UserId, Won,
    facts::{
        MembershipActivatedV1, PaymentConfirmedV1, PaymentRefundedV1, PaymentType,
        ReservationConfirmedV1, ReservationCreatedV1, ReservationEndedV1, TransferCompletedV1,
    },
    internal::{
        OrderOutcome, OrderState, PayAnswer, PayRequest, PaymentByReservation, QueueInfo,
        UserIdBatch,
    },
    sale_policy::{Fence, SalePolicy, Throttle},
    topics::Topic,
};
use uuid::Uuid;

fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

fn time() -> Timestamp {
    Timestamp::from_microsecond(1_771_056_653_123_456).expect("in range")
}

fn ended() -> ReservationEndedV1 {
    ReservationEndedV1 {
        saga_id: None,
        reservation_id: ReservationId(id(1)),
        user_id: UserId(id(2)),
        event_id: Some(EventId(id(3))),
        reason: Some("User requested cancellation".to_owned()),
        was_confirmed: true,
        quantity: 2,
        order_id: Some("ORD_1771056653123_A1B2C3D4".to_owned()),
        payer_id: None,
        timestamp: time(),
    }
}

fn all_facts() -> Vec<Fact> {
    vec![
        Fact::PaymentConfirmed(PaymentConfirmedV1 {
            payment_id: PaymentId(id(4)),
            order_id: "ORD_1771056653123_A1B2C3D4".to_owned(),
            user_id: UserId(id(2)),
            reservation_id: Some(ReservationId(id(1))),
            reference_id: None,
            payment_type: PaymentType::Reservation,
            amount: Won(100_000),
            payment_method: "toss".to_owned(),
            timestamp: time(),
        }),
        Fact::PaymentRefunded(PaymentRefundedV1 {
            payment_id: PaymentId(id(4)),
            order_id: "ORD_1771056653123_A1B2C3D4".to_owned(),
            user_id: UserId(id(2)),
            reservation_id: None,
            reference_id: Some(id(5)),
            payment_type: PaymentType::Transfer,
            amount: Won(110_000),
            reason: "user-request".to_owned(),
            event_id: None,
            timestamp: time(),
        }),
        Fact::ReservationCreated(ReservationCreatedV1 {
            saga_id: None,
            reservation_id: ReservationId(id(1)),
            user_id: UserId(id(2)),
            event_id: Some(EventId(id(3))),
            total_amount: Won(100_000),
            quantity: 1,
            timestamp: time(),
        }),
        Fact::ReservationConfirmed(ReservationConfirmedV1 {
            saga_id: None,
            reservation_id: ReservationId(id(1)),
            user_id: UserId(id(2)),
            event_id: Some(EventId(id(3))),
            total_amount: Won(100_000),
            payment_method: "toss".to_owned(),
            quantity: 1,
            timestamp: time(),
        }),
        Fact::ReservationCancelled(ended()),
        Fact::ReservationRejected(ended()),
        Fact::ReservationExpired(ended()),
        Fact::TransferCompleted(TransferCompletedV1 {
            saga_id: None,
            transfer_id: TransferId(id(6)),
            reservation_id: Some(ReservationId(id(1))),
            seller_id: Some(UserId(id(2))),
            buyer_id: UserId(id(7)),
            total_price: Won(110_000),
            timestamp: time(),
        }),
        Fact::MembershipActivated(MembershipActivatedV1 {
            saga_id: None,
            membership_id: MembershipId(id(8)),
            user_id: UserId(id(2)),
            artist_id: None,
            timestamp: time(),
        }),
    ]
}

fn round_trip<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: &T) {
    let text = serde_json::to_string(value).expect("serializes");
    let back: T = serde_json::from_str(&text).expect("reads what it wrote");
    assert_eq!(&back, value, "{text}");
}

#[test]
fn facts_have_the_contracts_form() {
    let facts = all_facts();
    facts.iter().for_each(round_trip);
    insta::assert_json_snapshot!(facts);
}

#[test]
fn every_fact_has_a_topic_and_a_key() {
    for fact in all_facts() {
        assert!(fact.topic().is_some() && fact.key().is_some(), "{fact:?}");
    }
    let topics: Vec<_> = all_facts().iter().filter_map(Fact::topic).collect();
    assert!(Topic::ALL.iter().all(|topic| topics.contains(topic)));
}

#[test]
fn a_payload_of_the_reference_is_read() {
    let old = json!({
        "type": "RESERVATION_CONFIRMED", "sagaId": null, "reservationId": id(1), "userId": id(2),
        "eventId": null, "totalAmount": 5, "paymentMethod": "toss",
        "timestamp": "2026-02-14T08:10:53.123456Z",
    });
    let Ok(Fact::ReservationConfirmed(fact)) = serde_json::from_value(old) else {
        panic!("not read");
    };
    assert_eq!((fact.timestamp, fact.quantity), (time(), 0));
}

#[test]
fn a_fact_of_a_later_version_is_known_as_unknown() {
    let later: Value = json!({"type": "SEAT_UPGRADED", "seatId": id(9)});
    assert_eq!(
        serde_json::from_value::<Fact>(later).ok(),
        Some(Fact::Unknown)
    );
}

#[test]
fn internal_bodies() {
    let pay = PayRequest {
        user_id: UserId(id(2)),
        order_id: "ORD_1771056653123_A1B2C3D4".to_owned(),
        amount: Won(100_000),
        replaces: vec!["ORD_1771056600000_B2C3D4E5".to_owned()],
    };
    let answer = PayAnswer {
        order_id: pay.order_id.clone(),
        amount: pay.amount,
        event_id: Some(EventId(id(3))),
        event_title: "여름 음악회".to_owned(),
        expires_at: time(),
    };
    let state = OrderState {
        outcome: OrderOutcome::InDoubt,
        payment_id: Some(PaymentId(id(4))),
        method: None,
        amount: None,
    };
    let info = QueueInfo {
        title: "여름 음악회".to_owned(),
        artist: None,
        status: "on_sale".to_owned(),
        sale_starts_at: Some(time()),
        sale_ends_at: None,
        general_sale_starts_at: None,
    };
    let none = PaymentByReservation {
        found: false,
        reservation_id: Some(ReservationId(id(1))),
        status: None,
        method: None,
        amount: None,
        order_id: None,
        outcome: None,
    };
    round_trip(&pay);
    round_trip(&answer);
    round_trip(&state);
    round_trip(&info);
    round_trip(&none);
    insta::assert_json_snapshot!(json!([pay, answer, state, info, none]));
}

#[test]
fn the_sale_policy_and_its_times() {
    let hour = jiff::SignedDuration::from_hours(1);
    let policy = SalePolicy {
        opens_at: Some(time()),
        closes_at: Some(time() + hour),
        lobby_seconds: 3600,
        suspended: false,
        message: None,
        max_active: 1000,
        admit_per_second: 100,
        active_seconds: 600,
        absent_seconds: 600,
        claim_seconds: 60,
        max_stay_seconds: 1800,
        seat_seconds: 300,
        payment_seconds: 600,
        throttle: Some(Throttle {
            admit_per_second: 10,
            until: time() + hour / 2,
        }),
        fence: Fence {
            owner: "admin".to_owned(),
            generation: 1,
            sequence: 0,
        },
    };
    round_trip(&policy);
    insta::assert_json_snapshot!(policy);
}

#[test]
fn a_batch_of_accounts_is_asked_for_as_the_contract_says() {
    let batch = UserIdBatch {
        user_ids: vec![UserId(id(2))],
    };
    let json = serde_json::to_value(&batch).expect("JSON");
    assert_eq!(json, json!({"userIds": [id(2)]}));
    let other: UserIdBatch = serde_json::from_value(json!({"ids": [id(2)]})).expect("read");
    assert_eq!(other, batch);
}
