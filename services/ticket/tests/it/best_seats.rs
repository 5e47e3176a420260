//! The best seats that are left, and seats for wheelchairs.

use serde_json::{Value, json};
use urr_contract::{EventId, SeatLayoutId};

use crate::app::{App, with_app};

/// An event of two classes whose first row has room for a wheelchair at its end.
async fn hall(app: &App) -> EventId {
    let config = json!({"sections": [
        {"name": "VIP", "rows": 1, "seatsPerRow": 4, "price": 200_000,
         "wheelchair": [{"row": 1, "seats": [1]}], "companion": [{"row": 1, "seats": [2]}]},
        {"name": "A", "rows": 2, "seatsPerRow": 5, "price": 100_000, "startRow": 2},
    ]});
    let layout = SeatLayoutId::random();
    sqlx::query!(
        "insert into seat_layouts (id, name, total_seats, layout_config) values ($1, 'hall', 14, $2)",
        layout as SeatLayoutId,
        config,
    )
    .execute(&app.pool)
    .await
    .unwrap();
    let form = json!({"title": "T", "venue": "V", "eventDate": "2199-01-01T00:00:00Z",
                      "seatLayoutId": layout, "maxSeatsPerHold": 4});
    let made = app
        .admin()
        .post("/api/admin/events", form)
        .await
        .expect(201);
    made.body["event"]["id"].as_str().unwrap().parse().unwrap()
}

fn labels(body: &Value) -> Vec<&str> {
    body["seats"]
        .as_array()
        .unwrap()
        .iter()
        .map(|seat| seat["seat_label"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn the_best_seats_are_found_and_can_be_held() {
    with_app(async |app| {
        let event = hall(app).await;
        let path = format!("/api/seats/events/{event}/best-available");
        let best = async |query: &str| {
            let answer = app.client.get(&format!("{path}?{query}")).await;
            answer.expect(200).body
        };
        let body = best("quantity=2").await;
        assert_eq!(labels(&body), ["VIP-1-3", "VIP-1-4"]);
        assert_eq!(body["totalAmount"], 400_000);
        assert_eq!(body["adjacent"], true);
        assert_eq!(
            labels(&best("quantity=3&section=A").await),
            ["A-2-2", "A-2-3", "A-2-4"]
        );
        assert_eq!(labels(&best("price=100000").await), ["A-2-3"]);
        let accessible = best("quantity=2&accessible=true").await;
        assert_eq!(labels(&accessible), ["VIP-1-1", "VIP-1-2"]);
        assert_eq!(accessible["seats"][0]["kind"], "wheelchair");
        assert_eq!(accessible["seats"][1]["kind"], "companion");
        assert!(body["seats"][0].get("kind").is_none());
        let wide = app
            .client
            .get(&format!("{path}?quantity=3&section=VIP"))
            .await;
        assert_eq!(wide.expect(409).body["code"], "SEATS_NOT_AVAILABLE");

        let fan = app.fan(event);
        let ids: Vec<&Value> = accessible["seats"]
            .as_array()
            .unwrap()
            .iter()
            .map(|seat| &seat["id"])
            .collect();
        let wanted = json!({"eventId": event, "seatIds": ids});
        fan.client
            .post("/api/seats/reserve", wanted)
            .await
            .expect(200);
        urr_testkit::wait_for("the map to show the hold", async || {
            let query = format!("{path}?accessible=true&adjacent=false");
            app.client.get(&query).await.status == 409
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn odd_wishes_are_refused() {
    with_app(async |app| {
        let event = hall(app).await;
        let path = format!("/api/seats/events/{event}/best-available");
        for query in [
            "quantity=0",
            "quantity=5",
            "quantity=-1",
            "quantity=99999999999999999999",
            "quantity=two",
            "adjacent=perhaps",
            "price=1e309",
        ] {
            app.client.get(&format!("{path}?{query}")).await.expect(400);
        }
        app.client
            .get(&format!("{path}?section=Z"))
            .await
            .expect(409);
        let nowhere = EventId::random();
        let path = format!("/api/seats/events/{nowhere}/best-available");
        app.client.get(&path).await.expect(404);
        let standing = app.event().await;
        let path = format!("/api/seats/events/{standing}/best-available");
        app.client.get(&path).await.expect(409);
    })
    .await;
}
