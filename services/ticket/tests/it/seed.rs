//! The demo data: as the contract describes it, and the same after a second time.

use serde_json::Value;
use urr_ticket::seed::{SeedReport, demo};

use crate::app::{App, with_app};

async fn all(app: &App, query: &str) -> Vec<Value> {
    let body = app
        .client
        .get(&format!("/api/events?limit=100{query}"))
        .await
        .expect(200)
        .body;
    body["events"].as_array().unwrap().clone()
}

#[tokio::test]
async fn the_demo_data_is_complete_and_stays_when_seeded_again() {
    with_app(async |app| {
        let now = app.state.clock.now();
        let report = demo(&app.pool, now).await.unwrap();
        assert_eq!((report.layouts, report.artists, report.events), (3, 22, 28));
        assert_eq!(report.ticket_types, 15);
        assert_eq!(demo(&app.pool, now).await.unwrap(), SeedReport::default());

        let events = all(app, "").await;
        let on_sale = all(app, "&status=on_sale").await;
        assert_eq!((events.len(), on_sale.len()), (28, 6));
        assert_eq!(
            events
                .iter()
                .filter(|event| !event["artist_name"].is_null())
                .count(),
            22
        );
        let layouts = app.client.get("/api/seats/layouts").await.expect(200).body;
        let sizes: Vec<&Value> = layouts["layouts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|layout| &layout["total_seats"])
            .collect();
        assert_eq!(sizes, [265, 1250, 4900]);

        let mut seats = 0;
        for event in &events {
            let id = event["id"].as_str().unwrap();
            let map = app
                .client
                .get(&format!("/api/seats/events/{id}"))
                .await
                .expect(200)
                .body;
            let count = map["seats"].as_array().unwrap().len();
            let sections = map["layout"]["sections"].as_array();
            let described: i64 = sections
                .into_iter()
                .flatten()
                .map(|section| {
                    section["rows"].as_i64().unwrap() * section["seatsPerRow"].as_i64().unwrap()
                })
                .sum();
            assert_eq!(i64::try_from(count).unwrap(), described, "{event}");
            seats += count;
        }
        assert_eq!(u64::try_from(seats).unwrap(), report.seats);
    })
    .await;
}

#[tokio::test]
async fn what_the_demo_data_puts_on_sale_can_be_bought() {
    with_app(async |app| {
        demo(&app.pool, app.state.clock.now()).await.unwrap();
        for event in all(app, "&status=on_sale").await {
            let id = event["id"].as_str().unwrap().parse().unwrap();
            let fan = app.fan(id);
            let map = app
                .client
                .get(&format!("/api/seats/events/{id}"))
                .await
                .expect(200)
                .body;
            if let Some(seat) = map["seats"][0]["id"].as_str() {
                fan.hold(seat.parse().unwrap()).await;
            } else {
                let types = app
                    .client
                    .get(&format!("/api/tickets/event/{id}"))
                    .await
                    .expect(200)
                    .body;
                let ticket_type = types["ticketTypes"][0]["id"].as_str().unwrap();
                fan.places(ticket_type.parse().unwrap(), 2).await;
            }
        }
    })
    .await;
}
