//! Events, ticket types, layouts, seat maps and the time.

use std::io::Read;

use serde_json::{Value, json};
use urr_contract::{EventId, TicketTypeId};

use crate::app::{SEAT_PRICE, with_app};

#[tokio::test]
async fn the_list_is_by_start_of_sale_with_prices_of_ticket_types() {
    with_app(async |app| {
        let later = app.event().await;
        let (sooner, _) = app.seated(2).await;
        app.ticket_type(later, "A", 30_000, 5).await;
        app.ticket_type(later, "B", 50_000, 5).await;
        sqlx::query!(
            "update events set sale_start_date = now() - interval '2 days' where id = $1",
            sooner as EventId
        )
        .execute(&app.pool)
        .await
        .unwrap();
        let body = app.client.get("/api/events").await.expect(200).body;
        assert_eq!(
            body["pagination"],
            json!({"page": 1, "limit": 10, "total": 2, "totalPages": 1})
        );
        let events = body["events"].as_array().unwrap();
        assert_eq!(events[0]["id"], json!(sooner));
        assert_eq!(events[0]["ticket_type_count"], 0);
        assert_eq!(events[0]["min_price"], Value::Null);
        assert_eq!(events[1]["ticket_type_count"], 2);
        assert_eq!(events[1]["min_price"], 30_000);
        assert_eq!(events[1]["max_price"], 50_000);
        let keys: Vec<&String> = events[0].as_object().unwrap().keys().collect();
        assert_eq!(
            keys,
            [
                "address",
                "artist_name",
                "description",
                "event_date",
                "id",
                "max_price",
                "min_price",
                "poster_image_url",
                "sale_end_date",
                "sale_start_date",
                "status",
                "ticket_type_count",
                "title",
                "venue"
            ]
        );
    })
    .await;
}

#[tokio::test]
async fn the_list_is_filtered_by_status_and_by_words_that_stand_for_themselves() {
    with_app(async |app| {
        let event = app.event().await;
        app.event().await;
        sqlx::query!(
            r"update events set title = '100%_Jazz\Night', artist_name = 'Ünder', status = 'ended' where id = $1",
            event as EventId
        )
        .execute(&app.pool)
        .await
        .unwrap();
        let total = async |query: &str| {
            let path = format!("/api/events?{query}");
            app.client.get(&path).await.expect(200).body["pagination"]["total"].clone()
        };
        assert_eq!(total("status=ended").await, 1);
        assert_eq!(total("status=on_sale").await, 1);
        assert_eq!(total("status=sold_out").await, 0);
        assert_eq!(total("status=%00").await, 0);
        assert_eq!(total("q=jazz").await, 1);
        assert_eq!(total("q=%20JAZZ%20").await, 1);
        assert_eq!(total("q=100%25_").await, 1);
        assert_eq!(total("q=%25").await, 1);
        assert_eq!(total("q=_").await, 1);
        assert_eq!(total("q=%5C").await, 1);
        assert_eq!(total("q=%C3%BCnder%20hall").await, 1, "artist and venue joined");
        assert_eq!(total("q=%20").await, 2);
        assert_eq!(total("q=%00").await, 2);
        assert_eq!(total("q=nothing").await, 0);
    })
    .await;
}

#[tokio::test]
async fn odd_pages_are_pulled_into_range_and_wrong_types_are_400() {
    with_app(async |app| {
        app.event().await;
        for (query, page, limit) in [
            ("page=0&limit=0", 1, 1),
            ("page=-5&limit=-1", 1, 1),
            ("page=2&limit=100000", 2, 100),
            ("page=9223372036854775807", 1_000_000_000, 10),
        ] {
            let body = app
                .client
                .get(&format!("/api/events?{query}"))
                .await
                .expect(200)
                .body;
            assert_eq!(body["pagination"]["page"], page, "{query}");
            assert_eq!(body["pagination"]["limit"], limit, "{query}");
        }
        for query in ["page=x", "limit=1.5", "page=99999999999999999999", "page="] {
            app.client
                .get(&format!("/api/events?{query}"))
                .await
                .expect(400);
        }
    })
    .await;
}

#[tokio::test]
async fn the_detail_has_types_dearest_first_and_a_status_that_time_decides() {
    with_app(async |app| {
        let event = app.event().await;
        app.ticket_type(event, "Cheap", 30_000, 7).await;
        let dear = app.ticket_type(event, "Dear", 90_000, 20).await;
        app.fan(event).places(dear, 1).await;
        sqlx::query!(
            "update events set sale_end_date = now() where id = $1",
            event as EventId
        )
        .execute(&app.pool)
        .await
        .unwrap();
        let body = app
            .client
            .get(&format!("/api/events/{event}"))
            .await
            .expect(200)
            .body;
        assert_eq!(body["event"]["status"], "ended");
        assert_eq!(body["event"]["seat_layout_id"], Value::Null);
        assert_eq!(body["event"]["pre_scaled"], false);
        assert_eq!(
            body["ticketTypes"][0],
            json!({"id": dear, "name": "Dear", "price": 90_000, "total_quantity": 20,
                   "available_quantity": 19, "description": null})
        );
        assert_eq!(body["ticketTypes"][1]["name"], "Cheap");
        assert!(body.get("preSaleSchedule").is_none());

        let missing = app
            .client
            .get(&format!("/api/events/{}", EventId::random()))
            .await
            .expect(404);
        assert_eq!(missing.error(), "Event not found");
        assert_eq!(missing.body["message"], "Event not found");
    })
    .await;
}

#[tokio::test]
async fn types_and_availability_stand_alone_too() {
    with_app(async |app| {
        let event = app.event().await;
        let ticket_type = app.ticket_type(event, "R", 1_000, 40).await;
        let list = app
            .client
            .get(&format!("/api/tickets/event/{event}"))
            .await
            .expect(200)
            .body;
        assert_eq!(list["ticketTypes"][0]["id"], json!(ticket_type));
        let unknown = format!("/api/tickets/event/{}", EventId::random());
        let none = app.client.get(&unknown).await.expect(200).body;
        assert_eq!(none, json!({"ticketTypes": []}));
        let path = format!("/api/tickets/availability/{ticket_type}");
        assert_eq!(
            app.client.get(&path).await.expect(200).body,
            json!({"available_quantity": 40, "total_quantity": 40})
        );
        let path = format!("/api/tickets/availability/{}", TicketTypeId::random());
        assert_eq!(
            app.client.get(&path).await.expect(404).error(),
            "Ticket type not found"
        );
    })
    .await;
}

#[tokio::test]
async fn the_seat_map_is_cached_for_a_second_and_says_so() {
    with_app(async |app| {
        let (event, seats) = app.seated(60).await;
        let path = format!("/api/seats/events/{event}");
        let map = app.client.get(&path).await.expect(200);
        assert_eq!(
            map.body["event"],
            json!({"id": event, "title": "A night of tests"})
        );
        assert_eq!(map.body["layout"]["sections"][0]["seatsPerRow"], 60);
        assert_eq!(
            map.body["seats"][0],
            json!({"id": seats[0], "section": "R", "row_number": 4, "seat_number": 1,
                   "seat_label": "R-4-1", "price": SEAT_PRICE, "status": "available"})
        );
        let tag = map.headers["etag"].to_str().unwrap().to_owned();
        let same = app
            .client
            .with_header("if-none-match", &tag)
            .get(&path)
            .await
            .expect(304);
        assert!(same.bytes.is_empty());

        let small = app
            .client
            .with_header("accept-encoding", "br, gzip")
            .get(&path)
            .await
            .expect(200);
        assert_eq!(small.headers["content-encoding"], "gzip");
        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(&small.bytes[..])
            .read_to_end(&mut plain)
            .unwrap();
        assert_eq!(plain, map.bytes);
        assert!(small.bytes.len() * 2 < plain.len());
        let plain = app
            .client
            .with_header("accept-encoding", "gzip;q=0")
            .get(&path)
            .await;
        assert!(!plain.headers.contains_key("content-encoding"));

        app.fan(event).hold(seats[0]).await;
        urr_testkit::wait_for("the map to show the hold", async || {
            let map = app
                .client
                .with_header("if-none-match", &tag)
                .get(&path)
                .await;
            map.status == 200 && map.body["seats"][0]["status"] == "locked"
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn a_standing_event_has_an_empty_map_and_an_unknown_one_none() {
    with_app(async |app| {
        let event = app.event().await;
        let map = app
            .client
            .get(&format!("/api/seats/events/{event}"))
            .await
            .expect(200)
            .body;
        assert_eq!(map["layout"], Value::Null);
        assert_eq!(map["seats"], json!([]));
        let path = format!("/api/seats/events/{}", EventId::random());
        assert_eq!(
            app.client.get(&path).await.expect(404).error(),
            "Event not found"
        );
    })
    .await;
}

#[tokio::test]
async fn layouts_are_listed_smallest_first_as_plain_objects() {
    with_app(async |app| {
        app.seated(9).await;
        app.seated(3).await;
        let body = app.client.get("/api/seats/layouts").await.expect(200).body;
        let sizes: Vec<i64> = body["layouts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|layout| layout["total_seats"].as_i64().unwrap())
            .collect();
        assert_eq!(sizes, [3, 9]);
        assert_eq!(
            body["layouts"][0]["layout_config"]["sections"][0]["name"],
            "R"
        );
    })
    .await;
}

#[tokio::test]
async fn the_time_is_an_instant() {
    with_app(async |app| {
        let body = app.client.get("/api/time").await.expect(200).body;
        let time: jiff::Timestamp = body["time"].as_str().unwrap().parse().unwrap();
        assert!(body["time"].as_str().unwrap().ends_with('Z'));
        assert!(time.as_second() > 1_700_000_000);
    })
    .await;
}
