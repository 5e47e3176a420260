//! Standing places: stock in shards, limits, and what comes back.

use serde_json::json;
use urr_contract::{EventId, TicketTypeId};

use crate::app::with_app;

#[tokio::test]
async fn places_are_held_with_the_contracts_answer() {
    with_app(async |app| {
        let event = app.event().await;
        let ticket_type = app.ticket_type(event, "R", 50_000, 20).await;
        let fan = app.fan(event);
        let hold = fan.places(ticket_type, 2).await;
        let reservation = &hold.body["reservation"];
        assert_eq!(hold.body["message"], "Reservation created");
        assert_eq!(reservation["eventTitle"], "A night of tests");
        assert_eq!(reservation["totalAmount"], 100_000);
        assert_eq!(reservation["status"], "pending");
        assert_eq!(reservation["paymentStatus"], "pending");
        assert_eq!(
            reservation["items"],
            json!([{"ticketTypeId": ticket_type, "ticketTypeName": "R", "quantity": 2,
                    "unitPrice": 50_000, "subtotal": 100_000}])
        );
        let number = reservation["reservationNumber"].as_str().unwrap();
        assert!(number.starts_with('R') && number.len() == 23, "{number}");
        assert_eq!(app.available(ticket_type).await, 18);
        assert_eq!(app.last_fact(hold.id).await["quantity"], 2);

        app.buy(&hold, "ORD-1").await;
        assert_eq!(app.stage(hold.id).await, "confirmed/completed");
        assert_eq!(app.available(ticket_type).await, 18);
        let shown = fan.detail(hold.id).await.expect(200).body;
        assert_eq!(
            shown["reservation"]["items"],
            json!([{"ticketTypeName": "R", "quantity": 2, "unitPrice": 50_000, "subtotal": 100_000,
                    "seatId": null, "seatLabel": null, "section": null, "rowNumber": null, "seatNumber": null}])
        );
        assert_eq!(shown["reservation"]["seats"], json!([]));
    })
    .await;
}

#[tokio::test]
async fn the_last_places_are_collected_from_all_shards() {
    with_app(async |app| {
        let event = app.event().await;
        // 16 shards of one place each: four places need four shards.
        let ticket_type = app.ticket_type(event, "R", 1_000, 16).await;
        app.set_cap(event, 20).await;
        app.fan(event).places(ticket_type, 10).await;
        app.fan(event).places(ticket_type, 4).await;
        let refused = app.fan(event).try_places(ticket_type, 3).await.expect(409);
        assert_eq!(refused.error(), "R quantity is not enough");
        app.fan(event).places(ticket_type, 2).await;
        assert_eq!(app.available(ticket_type).await, 0);
    })
    .await;
}

/// Where the planner expected one shard, it once looked for a free one again for each of them: one
/// place was taken out of several shards, and nobody had the others.
#[tokio::test]
async fn a_place_is_taken_and_given_back_once_whatever_the_planner_expects() {
    with_app(async |app| {
        let event = app.event().await;
        for name in ["A", "B", "C", "D"] {
            app.ticket_type(event, name, 1_000, 400).await;
        }
        // Types that are known well, so that of any other almost nothing is expected.
        let statement = "analyze ticket_stock";
        sqlx::raw_sql(statement).execute(&app.pool).await.unwrap();
        let late = app.ticket_type(event, "Late", 1_000, 400).await;
        let mut holds = Vec::new();
        for taken in 1..=20 {
            let fan = app.fan(event);
            holds.push((fan.places(late, 1).await, fan));
            assert_eq!(app.available(late).await, 400 - taken);
        }
        for (back, (hold, fan)) in (1..).zip(holds) {
            fan.cancel(hold.id).await.expect(200);
            assert_eq!(app.available(late).await, 380 + back);
        }
    })
    .await;
}

#[tokio::test]
async fn one_type_short_takes_nothing_of_the_others() {
    with_app(async |app| {
        let event = app.event().await;
        let plenty = app.ticket_type(event, "Plenty", 1_000, 50).await;
        let few = app.ticket_type(event, "Few", 1_000, 1).await;
        let fan = app.fan(event);
        let body = json!({"eventId": event, "items": [
            {"ticketTypeId": plenty, "quantity": 1}, {"ticketTypeId": few, "quantity": 2},
        ]});
        let refused = fan.client.post("/api/reservations", body).await.expect(409);
        assert_eq!(refused.error(), "Few quantity is not enough");
        assert_eq!(app.available(plenty).await, 50);
        assert_eq!(app.available(few).await, 1);
    })
    .await;
}

#[tokio::test]
async fn lines_of_one_type_are_one_line_under_one_limit() {
    with_app(async |app| {
        let event = app.event().await;
        app.set_cap(event, 100).await;
        let ticket_type = app.ticket_type(event, "R", 1_000, 50).await;
        let fan = app.fan(event);
        let body = |a: i64, b: i64| {
            json!({"eventId": event, "items": [
                {"ticketTypeId": ticket_type, "quantity": a}, {"ticketTypeId": ticket_type, "quantity": b},
            ]})
        };
        let refused = fan
            .client
            .post("/api/reservations", body(6, 5))
            .await
            .expect(400);
        assert_eq!(refused.error(), "must be less than or equal to 10");
        let held = fan
            .client
            .post("/api/reservations", body(2, 3))
            .await
            .expect(200);
        assert_eq!(held.body["reservation"]["items"][0]["quantity"], 5);
        assert_eq!(app.available(ticket_type).await, 45);
    })
    .await;
}

#[tokio::test]
async fn the_cap_counts_places_and_seats_together() {
    with_app(async |app| {
        let (event, seats) = app.seated(2).await;
        let ticket_type = app.ticket_type(event, "R", 1_000, 50).await;
        let fan = app.fan(event);
        fan.places(ticket_type, 3).await;
        fan.hold(seats[0]).await;
        fan.try_seat(seats[1]).await.expect(403);
        fan.try_places(ticket_type, 1).await.expect(403);
    })
    .await;
}

#[tokio::test]
async fn unknown_events_and_types_are_404() {
    with_app(async |app| {
        let event = app.event().await;
        let other = app.event().await;
        let foreign = app.ticket_type(other, "R", 1_000, 5).await;
        for ticket_type in [foreign, TicketTypeId::random()] {
            let refused = app.fan(event).try_places(ticket_type, 1).await.expect(404);
            assert_eq!(
                refused.error(),
                format!("Ticket type not found: {ticket_type}")
            );
        }
        let nowhere = app.fan(EventId::random());
        let refused = nowhere.try_places(foreign, 1).await.expect(404);
        assert_eq!(refused.error(), "Event not found");
    })
    .await;
}
