//! Events that a resource declares: made once, removed once everything is settled.

use serde_json::{Value, json};
use urr_contract::{EventId, ReservationId};
use urr_testkit::Answer;
use uuid::Uuid;

use crate::app::{App, refunded, with_app};

fn standing() -> Value {
    json!({
        "title": "Aurora live", "venue": "Hall", "startsAt": "2199-01-01T10:00:00Z", "artist": "Aurora",
        "ticketTypes": [{"name": "Floor", "price": 1000, "totalQuantity": 3}],
        "opensAt": "2020-01-01T00:00:00Z", "closesAt": "2198-01-01T00:00:00Z",
    })
}

async fn make(app: &App, uid: Uuid, body: Value) -> Answer {
    let path = format!("/internal/events/by-source/{uid}");
    app.client.internal().put(&path, body).await
}

fn made(answer: &Answer) -> EventId {
    answer.body["eventId"].as_str().unwrap().parse().unwrap()
}

async fn remove(app: &App, event: EventId) -> Answer {
    app.client
        .internal()
        .delete(&format!("/internal/events/{event}"))
        .await
}

async fn count(app: &App, table: &str) -> i64 {
    let events = sqlx::query_scalar!(r#"select count(*) as "n!" from events"#);
    let types = sqlx::query_scalar!(r#"select count(*) as "n!" from ticket_types"#);
    match table {
        "events" => events.fetch_one(&app.pool).await.unwrap(),
        _ => types.fetch_one(&app.pool).await.unwrap(),
    }
}

#[tokio::test]
async fn one_resource_has_one_event_whoever_asks_how_often() {
    with_app(async |app| {
        let uid = Uuid::new_v4();
        let asked = futures::future::join_all((0..8).map(|_| make(app, uid, standing()))).await;
        let created = asked.iter().filter(|answer| answer.status == 201).count();
        assert_eq!(created, 1);
        let event = made(&asked[0]);
        assert!(asked.iter().all(|answer| made(answer) == event));
        assert_eq!(
            (count(app, "events").await, count(app, "types").await),
            (1, 1)
        );

        // From then on it is the administrators'.
        let form =
            json!({"title": "Renamed", "venue": "Hall", "artistName": "Aurora", "eventDate": "2199-01-01T10:00:00Z"});
        app.admin()
            .put(&format!("/api/admin/events/{event}"), form)
            .await
            .expect(200);
        let mut other = standing();
        other["title"] = "Aurora, again".into();
        let again = make(app, uid, other).await.expect(200);
        assert_eq!(
            (made(&again), &again.body["created"]),
            (event, &false.into())
        );
        let shown = app
            .client
            .get(&format!("/api/events/{event}"))
            .await
            .expect(200)
            .body;
        assert_eq!(shown["event"]["title"], "Renamed");
        assert_eq!(shown["event"]["artist_name"], "Aurora");
        assert!(
            shown.get("preSaleSchedule").is_none(),
            "a resource asks for a presale"
        );
        assert_ne!(
            made(&make(app, Uuid::new_v4(), standing()).await.expect(201)),
            event
        );
    })
    .await;
}

#[tokio::test]
async fn a_seated_event_is_made_with_the_seats_of_the_named_layout() {
    with_app(async |app| {
        let (seated, _) = app.seated(7).await;
        let layout = sqlx::query_scalar!(
            r#"select l.name from seat_layouts l join events e on e.seat_layout_id = l.id where e.id = $1"#,
            seated as EventId
        )
        .fetch_one(&app.pool)
        .await
        .unwrap();
        let mut body = standing();
        body.as_object_mut().unwrap().remove("ticketTypes");
        body["seatLayout"] = layout.into();
        body["presale"] = true.into();
        let event = made(&make(app, Uuid::new_v4(), body.clone()).await.expect(201));
        let figures = format!("/internal/events/{event}/sale-figures");
        let figures = app.client.internal().get(&figures).await.expect(200).body;
        assert_eq!(figures, json!({"status": "on_sale", "total": 7, "available": 7, "held": 0, "sold": 0}));
        let shown = app.client.get(&format!("/api/events/{event}")).await.expect(200).body;
        assert!(shown["preSaleSchedule"]["gold"].is_string());
        body["seatLayout"] = "no such layout".into();
        make(app, Uuid::new_v4(), body).await.expect(404);
    })
    .await;
}

#[tokio::test]
async fn a_resource_that_makes_no_sense_makes_no_event() {
    with_app(async |app| {
        for (field, value) in [
            ("title", json!(" ")),
            ("title", Value::Null),
            ("startsAt", json!("soon")),
            ("closesAt", json!("2019-01-01T00:00:00Z")),
            ("seatLayout", json!("and types as well")),
            ("ticketTypes", json!([])),
            (
                "ticketTypes",
                json!([{"name": "A", "price": -1, "totalQuantity": 1}]),
            ),
            ("maxSeatsPerHold", json!(9)),
        ] {
            let mut body = standing();
            body[field] = value;
            make(app, Uuid::new_v4(), body).await.expect(400);
        }
        let path = "/internal/events/by-source/not-a-uid";
        app.client
            .internal()
            .put(path, standing())
            .await
            .expect(400);
        assert_eq!(count(app, "events").await, 0);
    })
    .await;
}

#[tokio::test]
async fn an_event_goes_once_everybody_has_the_money_back() {
    with_app(async |app| {
        let uid = Uuid::new_v4();
        let event = made(&make(app, uid, standing()).await.expect(201));
        let kind = app.only_type(event).await;
        let hold = app.fan(event).places(kind, 2).await;
        app.buy(&hold, "ORD-1").await;
        let waits = app.fan(event).places(kind, 1).await;

        let refused = remove(app, event).await.expect(409);
        assert_eq!(
            (&refused.body["code"], &refused.body["unsettled"]),
            (&"PAYMENTS_UNSETTLED".into(), &1.into())
        );
        assert_eq!(app.stage(hold.id).await, "cancelled/refund_requested");
        assert_eq!(app.stage(waits.id).await, "cancelled/pending");
        make(app, uid, standing()).await.expect(409);
        // The refund is told by payment, as always.
        app.receive(urr_contract::FactId::random(), refunded(&hold, "ORD-1"))
            .await
            .unwrap();
        remove(app, event).await.expect(200);
        remove(app, event).await.expect(404);
        assert_eq!(
            (count(app, "events").await, count(app, "types").await),
            (0, 0)
        );
        assert_eq!(app.stage(hold.id).await, "cancelled/refunded");
        let named = sqlx::query_scalar!(
            r#"select event_id as "event: EventId" from reservations where id = $1"#,
            hold.id as ReservationId
        )
        .fetch_one(&app.pool)
        .await
        .unwrap();
        assert_eq!(named, None);
    })
    .await;
}

#[tokio::test]
async fn after_the_show_tickets_stay_as_records_and_money_on_its_way_keeps_the_event() {
    with_app(async |app| {
        let (event, seats) = app.seated(2).await;
        let sold = app.fan(event).hold(seats[0]).await;
        app.buy(&sold, "ORD-1").await;
        let paying = app.fan(event).hold(seats[1]).await;
        app.pay(&paying, "ORD-2").await.expect(200);
        sqlx::query!(
            "update events set event_date = now() - interval '1 hour' where id = $1",
            event as EventId
        )
        .execute(&app.pool)
        .await
        .unwrap();
        let refused = remove(app, event).await.expect(409);
        assert_eq!(refused.body["unsettled"], 1);
        assert_eq!(
            app.stage(paying.id).await,
            "pending/processing",
            "nobody is called off"
        );
        app.confirm(&paying, "ORD-2").await.expect(200);
        remove(app, event).await.expect(200);
        for hold in [sold, paying] {
            assert_eq!(app.stage(hold.id).await, "confirmed/completed");
        }
    })
    .await;
}
