//! Payment's facts, once and again, early and late.

use urr_contract::{
    Fact, FactId,
    facts::{PaymentConfirmedV1, PaymentType},
};
use urr_kit::consumer::Applied;

use crate::app::{App, Hold, captured, refunded, with_app};

async fn held(app: &App) -> Hold {
    let (event, seats) = app.seated(1).await;
    app.fan(event).hold(seats[0]).await
}

#[tokio::test]
async fn the_fact_of_a_capture_sells_like_the_direct_call() {
    with_app(async |app| {
        let hold = held(app).await;
        app.pay(&hold, "ORD-1").await.expect(200);
        let id = FactId::random();
        let fact = captured(&hold, "ORD-1");
        app.receive(id, fact.clone()).await.unwrap();
        assert_eq!(app.stage(hold.id).await, "confirmed/completed");
        // Again by redelivery, by a second publication, and by the direct call.
        let again = app.receive(id, fact.clone()).await.unwrap();
        assert!(matches!(again, Applied::Before), "{again:?}");
        app.receive(FactId::random(), fact).await.unwrap();
        app.confirm(&hold, "ORD-1").await.expect(200);
        assert_eq!(
            app.facts(hold.id).await,
            ["RESERVATION_CREATED", "RESERVATION_CONFIRMED"]
        );
        let sold = app.last_fact(hold.id).await;
        assert_eq!(sold["totalAmount"], hold.total);
        assert_eq!(sold["paymentMethod"], "toss");
        assert_eq!(sold["quantity"], 1);
        assert!(sold["sagaId"].is_null() && sold["timestamp"].is_number());
    })
    .await;
}

#[tokio::test]
async fn a_refund_only_changes_what_is_said_of_the_money() {
    with_app(async |app| {
        let hold = held(app).await;
        app.buy(&hold, "ORD-1").await;
        app.fan_named(hold.user, urr_contract::EventId::random())
            .cancel(hold.id)
            .await
            .expect(200);
        let before = app.facts(hold.id).await;
        for _ in 0..2 {
            app.receive(FactId::random(), refunded(&hold, "ORD-1"))
                .await
                .unwrap();
        }
        assert_eq!(app.stage(hold.id).await, "cancelled/refunded");
        assert_eq!(app.facts(hold.id).await, before);
    })
    .await;
}

#[tokio::test]
async fn the_refund_of_a_second_order_says_nothing_about_the_ticket() {
    with_app(async |app| {
        let hold = held(app).await;
        app.buy(&hold, "ORD-1").await;
        app.confirm(&hold, "ORD-2").await.expect(409);
        app.receive(FactId::random(), refunded(&hold, "ORD-2"))
            .await
            .unwrap();
        assert_eq!(app.stage(hold.id).await, "confirmed/completed");
    })
    .await;
}

#[tokio::test]
async fn a_rejected_payment_ends_as_refunded() {
    with_app(async |app| {
        let (event, seats) = app.seated(1).await;
        let hold = app.fan(event).hold(seats[0]).await;
        app.expire(hold.id).await;
        app.fan(event).hold(seats[0]).await;
        app.receive(FactId::random(), captured(&hold, "ORD-1"))
            .await
            .unwrap();
        assert_eq!(app.stage(hold.id).await, "expired/refund_requested");
        app.receive(FactId::random(), refunded(&hold, "ORD-1"))
            .await
            .unwrap();
        assert_eq!(app.stage(hold.id).await, "expired/refunded");
    })
    .await;
}

#[tokio::test]
async fn facts_of_later_versions_pass_and_a_payment_for_nothing_is_an_error() {
    with_app(async |app| {
        let hold = held(app).await;
        let Fact::PaymentConfirmed(fact) = captured(&hold, "ORD-1") else {
            unreachable!("it is one")
        };
        app.receive(FactId::random(), Fact::Unknown).await.unwrap();
        for payment_type in [
            PaymentType::Reservation,
            PaymentType::Transfer,
            PaymentType::Membership,
        ] {
            for reference in [None, Some(uuid::Uuid::new_v4())] {
                let nowhere = PaymentConfirmedV1 {
                    payment_type,
                    reservation_id: reference.map(urr_contract::ReservationId),
                    reference_id: reference,
                    ..fact.clone()
                };
                app.receive(FactId::random(), Fact::PaymentConfirmed(nowhere))
                    .await
                    .unwrap_err();
            }
        }
        assert_eq!(app.stage(hold.id).await, "pending/pending");
    })
    .await;
}
