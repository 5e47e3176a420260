//! What administrators see and do: events, layouts, ticket types, lists and the log.

use serde_json::{Value, json};
use urr_contract::{EventId, SeatLayoutId, TicketTypeId, UserId};

use crate::app::{App, SEAT_PRICE, with_app};

async fn layout(app: &App, name: &str, seats: i32) -> SeatLayoutId {
    let config = json!({"sections": [
        {"name": "R", "rows": 1, "seatsPerRow": seats, "price": SEAT_PRICE}
    ]});
    let id = SeatLayoutId::random();
    sqlx::query!(
        "insert into seat_layouts (id, name, total_seats, layout_config) values ($1, $2, $3, $4)",
        id as SeatLayoutId,
        name,
        seats,
        config,
    )
    .execute(&app.pool)
    .await
    .unwrap();
    id
}

fn form(change: &Value) -> Value {
    let mut form = json!({
        "title": "Peer concert", "description": "desc", "venue": "Hall", "address": "Seoul",
        "eventDate": "2199-12-22T22:45:22+09:00", "saleStartDate": "2026-01-21T22:45:22+09:00",
        "saleEndDate": "2199-12-21T22:45:22+09:00",
    });
    let change = change.as_object().unwrap().clone();
    form.as_object_mut().unwrap().extend(change);
    form
}

fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(value: &Value) -> T {
    value.as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn defect_21_an_event_with_seats_and_types_is_made_at_once_or_not_at_all() {
    with_app(async |app| {
        let hall = layout(app, "hall", 3).await;
        let types = json!([
            {"name": "VIP", "price": 100_000, "totalQuantity": 5, "description": "d"},
            {"name": "A", "price": 0, "totalQuantity": 40},
        ]);
        let body = form(
            &json!({"seatLayoutId": hall, "ticketTypes": types, "status": "ended",
                                "artistName": " 아이유 ", "maxSeatsPerHold": 4, "presale": true}),
        );
        let admin = app.admin();
        let made = admin.post("/api/admin/events", body).await.expect(201).body;
        assert_eq!(made["message"], "Event created successfully");
        assert_eq!(made["event"]["status"], "on_sale");
        assert_eq!(made["event"]["max_seats_per_hold"], 4);
        assert_eq!(made["ignored"], json!(["status"]));
        let event: EventId = id(&made["event"]["id"]);
        let map = app.client.get(&format!("/api/seats/events/{event}")).await;
        assert_eq!(map.body["seats"].as_array().unwrap().len(), 3);
        let detail = app.client.get(&format!("/api/events/{event}")).await.body;
        assert_eq!(detail["ticketTypes"][0]["available_quantity"], 5);
        assert_eq!(detail["ticketTypes"][1]["available_quantity"], 40);
        // The artist is linked, so that the presale applies that was asked for.
        assert_eq!(detail["event"]["artist_name"], "아이유");
        assert!(detail["preSaleSchedule"]["gold"].is_string());
        let artists = app.client.get("/api/artists").await.body;
        assert_eq!(artists["artists"][0]["event_count"], 1);

        let unknown = form(&json!({"seatLayoutId": SeatLayoutId::random()}));
        admin.post("/api/admin/events", unknown).await.expect(404);
        let huge = json!([{"name": "A", "price": 1, "totalQuantity": 1_i64 << 31}]);
        let huge = form(&json!({"seatLayoutId": hall, "ticketTypes": huge}));
        admin.post("/api/admin/events", huge).await.expect(400);
        let events = app.client.get("/api/events").await.body;
        assert_eq!(events["pagination"]["total"], 1);
    })
    .await;
}

#[tokio::test]
async fn sale_dates_may_be_left_out_and_must_be_in_order() {
    with_app(async |app| {
        let admin = app.admin();
        let open = json!({"title": "T", "venue": "V", "eventDate": "2199-12-22T00:00:00Z"});
        let made = admin.post("/api/admin/events", open).await.expect(201).body;
        let event = &made["event"];
        assert_eq!(event["status"], "on_sale");
        assert_eq!(event["sale_end_date"], event["event_date"]);
        assert!(event["sale_start_date"].is_string() && event["artist_id"].is_null());
        for change in [
            json!({"saleEndDate": "2026-01-20T00:00:00Z"}),
            json!({"saleEndDate": "2026-01-21T22:45:22+09:00"}),
        ] {
            let refused = admin
                .post("/api/admin/events", form(&change))
                .await
                .expect(400);
            assert_eq!(
                refused.error(),
                "saleEndDate must be later than saleStartDate"
            );
            let path = format!("/api/admin/events/{}", event["id"].as_str().unwrap());
            admin.put(&path, form(&change)).await.expect(400);
        }
        for change in [
            json!({"title": ""}),
            json!({"title": null}),
            json!({"venue": "\u{0}"}),
            json!({"eventDate": "tomorrow"}),
            json!({"maxSeatsPerHold": 9}),
            json!({"maxPerPerson": 0}),
            json!({"seatLayoutId": "x"}),
            json!({"ticketTypes": [{"name": "A", "price": -1, "totalQuantity": 1}]}),
        ] {
            admin
                .post("/api/admin/events", form(&change))
                .await
                .expect(400);
        }
    })
    .await;
}

#[tokio::test]
async fn an_update_keeps_what_it_leaves_out_and_sets_a_layout_while_there_are_no_seats() {
    with_app(async |app| {
        let admin = app.admin();
        let (one, other) = (layout(app, "one", 2).await, layout(app, "other", 3).await);
        let made = admin
            .post("/api/admin/events", form(&json!({"maxPerPerson": 7})))
            .await
            .expect(201)
            .body;
        let path = format!("/api/admin/events/{}", made["event"]["id"].as_str().unwrap());
        let generate = format!("{path}/generate-seats");
        let refused = admin.post(&generate, Value::Null).await.expect(400);
        assert_eq!(
            refused.error(),
            "Seat layout is not configured for this event"
        );

        let change = json!({"title": "New", "venue": "V", "eventDate": "2199-12-23T00:00:00Z",
                            "seatLayoutId": one, "ticketTypes": [], "status": "cancelled"});
        let changed = admin.put(&path, change.clone()).await.expect(200).body;
        assert_eq!(changed["message"], "Event updated successfully");
        assert_eq!(changed["event"]["title"], "New");
        assert_eq!(changed["event"]["status"], "on_sale");
        assert_eq!(changed["event"]["max_per_person"], 7);
        assert_eq!(
            changed["event"]["sale_start_date"],
            made["event"]["sale_start_date"]
        );
        assert_eq!(changed["event"]["seat_layout_id"], json!(one));
        assert_eq!(changed["ignored"], json!(["ticketTypes", "status"]));

        let generated = admin.post(&generate, Value::Null).await.expect(200).body;
        assert_eq!(
            generated,
            json!({"message": "Seats generated successfully", "seatsCreated": 2, "eventTitle": "New"})
        );
        // The alias, and once more.
        let again = admin.post(&format!("{path}/seats"), Value::Null).await;
        assert_eq!(
            again.expect(400).error(),
            "Seats already generated for this event"
        );
        // The same layout is no change; another one is refused while there are seats.
        admin.put(&path, change.clone()).await.expect(200);
        let mut moved = change;
        moved["seatLayoutId"] = json!(other);
        admin.put(&path, moved.clone()).await.expect(400);
        let deleted = admin.delete(&format!("{path}/seats")).await.expect(200).body;
        assert_eq!(deleted["seatsDeleted"], 2);
        admin.put(&path, moved).await.expect(200);
    })
    .await;
}

#[tokio::test]
async fn ticket_types_grow_and_shrink_around_what_is_sold() {
    with_app(async |app| {
        let event = app.event().await;
        let admin = app.admin();
        let path = format!("/api/admin/events/{event}/tickets");
        let body = json!({"name": "S", "price": 30_000, "totalQuantity": 20, "description": "s"});
        let made = admin.post(&path, body).await.expect(201).body;
        assert_eq!(made["message"], "Ticket type created");
        assert_eq!(made["ticketType"]["available_quantity"], 20);
        assert_eq!(made["ticketType"]["event_id"], json!(event));
        let ticket_type: TicketTypeId = id(&made["ticketType"]["id"]);
        app.fan(event).places(ticket_type, 3).await;

        let path = format!("/api/admin/tickets/{ticket_type}");
        let total = |total: i64| json!({"name": "S2", "price": 55_000, "totalQuantity": total});
        for (places, left) in [(50, 47), (3, 0), (21, 18)] {
            let changed = admin.put(&path, total(places)).await.expect(200).body;
            assert_eq!(changed["ticketType"]["total_quantity"], places);
            assert_eq!(changed["ticketType"]["available_quantity"], left);
            assert_eq!(app.available(ticket_type).await, left);
        }
        let refused = admin.put(&path, total(2)).await.expect(400);
        assert_eq!(refused.error(), "Cannot set quantity below sold amount");
        admin.put(&path, total(0)).await.expect(400);

        let refused = admin.delete(&path).await.expect(409);
        assert_eq!(refused.body["code"], "TICKET_TYPE_IN_USE");
        let unused = app.ticket_type(event, "unused", 1, 1).await;
        let unused = format!("/api/admin/tickets/{unused}");
        admin.delete(&unused).await.expect(200);
        assert_eq!(
            admin.delete(&unused).await.expect(404).error(),
            "Ticket type not found"
        );
        admin.put(&unused, total(1)).await.expect(404);
        let listed = admin
            .get(&format!("/api/admin/tickets?eventId={event}"))
            .await
            .expect(200)
            .body;
        assert_eq!(listed["pagination"]["total"], 1);
        assert_eq!(listed["ticketTypes"][0]["name"], "S2");
    })
    .await;
}

#[tokio::test]
async fn the_dashboard_and_the_list_name_people_or_say_that_they_cannot() {
    with_app(async |app| {
        let (event, seats) = app.seated(3).await;
        let sold = app.fan(event).hold(seats[0]).await;
        app.buy(&sold, "ORD-1").await;
        let ended = app.fan(event).hold(seats[1]).await;
        app.fan_named(ended.user, event).cancel(ended.id).await;
        app.fan(event).hold(seats[2]).await;
        let admin = app.admin();
        let body = admin.get("/api/admin/dashboard").await.expect(200).body;
        assert_eq!(
            body["stats"],
            json!({"totalEvents": 1, "totalReservations": 2, "totalRevenue": SEAT_PRICE,
                   "todayReservations": 3})
        );
        assert_eq!(body["degraded"], false);
        assert_eq!(body["recentReservations"].as_array().unwrap().len(), 3);

        let path = "/api/admin/reservations?status=confirmed&limit=1";
        let body = admin.get(path).await.expect(200).body;
        let row = &body["reservations"][0];
        assert_eq!(row["id"], json!(sold.id));
        assert_eq!(row["user_name"], format!("Name of {}", sold.user));
        assert_eq!(row["event_title"], "A night of tests");
        assert_eq!(body["pagination"]["totalPages"], 1);

        app.auth.set_down(true);
        let body = admin.get(path).await.expect(200).body;
        assert_eq!(body["reservations"][0]["user_email"], Value::Null);
        let body = admin
            .get("/api/admin/dashboard/stats")
            .await
            .expect(200)
            .body;
        assert_eq!(body["degraded"], true);
        assert_eq!(body["stats"]["totalRevenue"], SEAT_PRICE);
    })
    .await;
}

#[tokio::test]
async fn every_act_is_in_the_log_with_its_true_status() {
    with_app(async |app| {
        let me = UserId::random();
        let admin = app
            .client
            .as_admin(me)
            .with_header("x-client-address", "203.0.113.9");
        let made = admin.post("/api/admin/events", form(&json!({}))).await;
        let event: EventId = id(&made.expect(201).body["event"]["id"]);
        let blank = form(&json!({"title": "\u{0}"}));
        let path = format!("/api/admin/events/{event}");
        admin.put(&path, blank).await.expect(400);
        admin.delete(&path).await.expect(200);
        admin.delete(&path).await.expect(404);
        // Of somebody who may not act there is nothing to log, and neither of reading.
        app.client.as_user(me).delete(&path).await.expect(403);
        app.client.delete(&path).await.expect(401);
        admin.get("/api/admin/events").await.expect(200);

        let body = admin
            .get("/api/admin/audit-logs?limit=10")
            .await
            .expect(200)
            .body;
        assert_eq!(body["pagination"]["total"], 4);
        let acts: Vec<_> = body["logs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| {
                assert_eq!(row["admin_user_id"], json!(me));
                assert_eq!(row["ip_address"], "203.0.113.9");
                assert_eq!(row["resource_type"], "event");
                assert_eq!(row["resource_id"], json!(event));
                (
                    row["action"].as_str().unwrap(),
                    row["response_status"].as_i64(),
                )
            })
            .collect();
        assert_eq!(
            acts,
            [
                ("DELETE_EVENT", Some(404)),
                ("DELETE_EVENT", Some(200)),
                ("UPDATE_EVENT", Some(400)),
                ("CREATE_EVENT", Some(201)),
            ]
        );
        let summary = body["logs"][3]["request_summary"].as_str().unwrap();
        assert!(summary.contains("Peer concert"), "{summary}");
        let path = "/api/admin/audit-logs?action=CREATE_EVENT&page=0&limit=0";
        let body = admin.get(path).await.expect(200).body;
        assert_eq!(body["pagination"]["total"], 1);
    })
    .await;
}

#[tokio::test]
async fn only_administrators_administer() {
    with_app(async |app| {
        let event = app.event().await;
        let admin = app.admin();
        for path in [
            "/api/admin/dashboard",
            "/api/admin/dashboard/stats",
            "/api/admin/seat-layouts",
            "/api/admin/seatLayouts",
            "/api/admin/events",
            "/api/admin/tickets",
            "/api/admin/reservations",
            "/api/admin/audit-logs",
        ] {
            app.client.get(path).await.expect(401);
            let refused = app.client.as_user(UserId::random()).get(path).await;
            assert_eq!(refused.expect(403).error(), "Admin role required");
            admin.get(path).await.expect(200);
        }
        for (path, body) in [
            ("/api/admin/events".to_owned(), form(&json!({}))),
            (format!("/api/admin/events/{event}/cancel"), Value::Null),
            (
                format!("/api/admin/events/{event}/generate-seats"),
                Value::Null,
            ),
        ] {
            let fan = app.client.as_user(UserId::random());
            fan.post(&path, body).await.expect(403);
        }
        let nowhere = EventId::random();
        let cancel = format!("/api/admin/events/{nowhere}/cancel");
        assert_eq!(
            admin.post(&cancel, Value::Null).await.expect(404).error(),
            "Event not found or already cancelled"
        );
        for path in [
            format!("/api/admin/events/{nowhere}"),
            format!("/api/admin/events/{nowhere}/seats"),
        ] {
            assert_eq!(
                admin.delete(&path).await.expect(404).error(),
                "Event not found"
            );
        }
        admin.delete("/api/admin/events/x").await.expect(400);
        let names = [layout(app, "b", 1).await, layout(app, "a", 9).await];
        let layouts = admin.get("/api/admin/seatLayouts").await.expect(200).body;
        assert_eq!(layouts["layouts"][0]["id"], json!(names[1]));
    })
    .await;
}
