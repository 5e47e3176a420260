//! What ticket says of an event, and what the line makes of it.

use std::time::Duration;

use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use urr_contract::{EventId, internal::QueueInfo};
use urr_queue::Settings;

use crate::hall::{Fan, Hall, on_sale, position_of, rules, status_of};

/// Defect 19: any UUID used to make a line.
#[tokio::test]
async fn an_event_that_does_not_exist_has_no_line() {
    let hall = Hall::new(rules(1, 1000)).await;
    let replica = hall.replica().await;
    let nowhere = Hall {
        event: EventId::random(),
        ..hall
    };
    let mut fan = Fan::new(&nowhere);
    assert_eq!(
        fan.check(&replica).await.expect(404).error(),
        "Event not found"
    );
    fan.status(&replica).await.expect(404);
    fan.heartbeat(&replica).await.expect(404);
    fan.leave(&replica).await.expect(200);
    assert_eq!(nowhere.ticket.asked(), 1, "asked once for a while");
    let keys: Vec<String> = nowhere.command(&["KEYS", "*"]).await;
    assert!(keys.is_empty());
}

#[tokio::test]
async fn ticket_is_asked_once_for_a_crowd() {
    let hall = Hall::new(rules(1, 1000)).await;
    let replica = hall.replica().await;
    join_all((0..200).map(async |_| Fan::new(&hall).check(&replica).await.expect(200))).await;
    assert_eq!(hall.ticket.asked(), 1);
}

#[tokio::test]
async fn without_ticket_a_known_line_goes_on_and_an_unknown_one_waits() {
    let hall = Hall::new(rules(1, 1000)).await;
    Fan::new(&hall)
        .check(&hall.replica().await)
        .await
        .expect(200);
    hall.ticket.go_down();
    // This replica never heard of the event; the policy is stored.
    let replica = hall.replica().await;
    let answer = Fan::new(&hall).check(&replica).await.expect(200);
    assert_eq!(
        answer.body["eventInfo"],
        serde_json::json!({"title": "Unknown"})
    );
    let unknown = Hall {
        event: EventId::random(),
        ..hall
    };
    let refused = Fan::new(&unknown).check(&replica).await.expect(503);
    assert!(refused.headers.contains_key("retry-after"));
}

#[tokio::test]
async fn a_line_that_goes_on_asks_ticket_in_the_background_only() {
    let hall = Hall::new(rules(1, 1000)).await;
    Fan::new(&hall).check(&hall.replica().await).await;
    hall.ticket.go_down();
    let asked = hall.ticket.asked();
    let replica = hall.replica().await;
    replica.state.lines.load_in_use().await.unwrap();
    let mut fan = Fan::new(&hall);
    assert_eq!(position_of(&fan.check(&replica).await), 1);
    assert_eq!(position_of(&fan.status(&replica).await), 1);
    assert_eq!(hall.ticket.asked(), asked);
    urr_queue::jobs::events::renew_all(&replica.state).await;
    assert!(hall.ticket.asked() > asked);
    assert_eq!(position_of(&fan.status(&replica).await), 1);
}

#[tokio::test]
async fn without_ticket_an_event_that_somebody_made_up_gets_no_line() {
    let hall = Hall::new(rules(1, 1000)).await;
    hall.ticket.go_down();
    let replica = hall.replica().await;
    Fan::new(&hall).check(&replica).await.expect(503);
    replica.renew().await;
    let keys: Vec<String> = hall.command(&["KEYS", "*"]).await;
    assert!(keys.is_empty(), "{keys:?}");
    let lines = urr_queue::store::lines::in_use(&hall.database.pool).await;
    assert!(lines.unwrap().is_empty());
}

#[tokio::test]
async fn an_event_that_is_no_more_has_no_line_any_more() {
    let hall = Hall::new(asked_each_time()).await;
    let replica = hall.replica().await;
    let mut fan = Fan::new(&hall);
    fan.check(&replica).await.expect(200);
    hall.ticket.remove(hall.event);
    urr_queue::jobs::events::renew_all(&replica.state).await;
    fan.status(&replica).await.expect(404);
}

#[tokio::test]
async fn a_line_that_was_sold_out_goes_on_when_seats_come_back() {
    let hall = Hall::new(asked_each_time()).await;
    let (replica, worker) = (hall.replica().await, hall.worker().await);
    let (mut inside, mut waiting) = (Fan::new(&hall), Fan::new(&hall));
    inside.check(&replica).await;
    waiting.check(&replica).await;
    let of_status = |status: &str| QueueInfo {
        status: status.to_owned(),
        ..on_sale()
    };
    hall.ticket.put(hall.event, of_status("sold_out"));
    urr_queue::jobs::events::renew_all(&replica.state).await;
    replica.renew().await;
    let told = waiting.status(&replica).await;
    assert_eq!(
        (&told.body["message"], &told.body["saleStatus"]),
        (&"Sold out".into(), &"sold_out".into())
    );
    let refused = Fan::new(&hall).check(&replica).await.expect(409);
    assert_eq!(refused.body["code"], "SOLD_OUT");
    inside.leave(&replica).await.expect(200);
    assert_eq!(worker.pass(hall.event).await.unwrap().admitted, 0);
    hall.ticket.put(hall.event, of_status("on_sale"));
    urr_queue::jobs::events::renew_all(&replica.state).await;
    replica.renew().await;
    Fan::new(&hall).check(&replica).await.expect(200);
    hall.refill().await;
    assert_eq!(worker.pass(hall.event).await.unwrap().admitted, 1);
    replica.renew().await;
    assert_eq!(status_of(&waiting.status(&replica).await), "active");
}

/// While everything is held, whoever entered would find an empty map and lose the place.
#[tokio::test]
async fn while_everything_is_held_people_wait_for_what_comes_back() {
    let hall = Hall::new(asked_each_time()).await;
    let (replica, worker) = (hall.replica().await, hall.worker().await);
    let mut inside = Fan::new(&hall);
    inside.check(&replica).await;
    let of_status = |status: &str| QueueInfo {
        status: status.to_owned(),
        ..on_sale()
    };
    hall.ticket.put(hall.event, of_status("held"));
    urr_queue::jobs::events::renew_all(&replica.state).await;
    replica.renew().await;
    let mut waiting = Fan::new(&hall);
    let told = waiting.check(&replica).await;
    assert_eq!(position_of(&told), 1, "joining goes on");
    assert_eq!(told.body["saleStatus"], "held");
    assert!(told.body["message"].as_str().unwrap().contains("held"));
    inside.leave(&replica).await.expect(200);
    assert_eq!(worker.pass(hall.event).await.unwrap().status, "closed");
    hall.ticket.put(hall.event, of_status("on_sale"));
    urr_queue::jobs::events::renew_all(&replica.state).await;
    hall.refill().await;
    assert_eq!(worker.pass(hall.event).await.unwrap().admitted, 1);
    replica.renew().await;
    assert_eq!(status_of(&waiting.status(&replica).await), "active");
}

/// One may enter; every answer of ticket is taken for old at once.
fn asked_each_time() -> Settings {
    Settings {
        event_info_fresh: Duration::ZERO,
        ..rules(1, 1000)
    }
}

async fn line_of(info: QueueInfo) -> Hall {
    let hall = Hall::new(rules(10, 1000)).await;
    hall.ticket.put(hall.event, info);
    hall
}

#[tokio::test]
async fn before_the_sale_people_line_up_and_nobody_enters() {
    let opens = urr_testkit::runtime("queue").clock.now() + SignedDuration::from_hours(1);
    let hall = line_of(QueueInfo {
        sale_starts_at: Some(opens),
        status: "upcoming".to_owned(),
        ..on_sale()
    })
    .await;
    let (replica, worker) = (hall.replica().await, hall.worker().await);
    let mut fan = Fan::new(&hall);
    let answer = fan.check(&replica).await;
    assert_eq!((status_of(&answer), position_of(&answer)), ("queued", 1));
    let told: Timestamp = answer.body["opensAt"].as_str().unwrap().parse().unwrap();
    assert_eq!(told.as_millisecond(), opens.as_millisecond());
    assert_eq!(worker.pass(hall.event).await.unwrap().status, "closed");
    // The clock strikes: the rate counts from the opening, and the first is the first.
    let time: (i64, i64) = hall.command(&["TIME"]).await;
    let policy = hall.key("policy");
    let _: i64 = hall
        .command(&[
            "HSET",
            &policy,
            "opens_at",
            &((time.0 - 1) * 1000).to_string(),
        ])
        .await;
    assert_eq!(worker.pass(hall.event).await.unwrap().admitted, 1);
}

#[tokio::test]
async fn a_sale_that_is_over_gives_out_no_numbers() {
    for (status, text) in [
        ("ended", "Sale has ended"),
        ("cancelled", "Event is cancelled"),
        ("sold_out", "Sold out"),
    ] {
        let hall = line_of(QueueInfo {
            status: status.to_owned(),
            ..on_sale()
        })
        .await;
        let replica = hall.replica().await;
        assert_eq!(
            Fan::new(&hall).check(&replica).await.expect(409).error(),
            text
        );
    }
}

#[tokio::test]
async fn a_sold_out_line_stops_and_says_so() {
    let hall = Hall::new(rules(1, 1000)).await;
    let (replica, worker) = (hall.replica().await, hall.worker().await);
    let (mut inside, mut waiting) = (Fan::new(&hall), Fan::new(&hall));
    inside.check(&replica).await;
    waiting.check(&replica).await;
    hall.ticket.put(
        hall.event,
        QueueInfo {
            status: "sold_out".to_owned(),
            ..on_sale()
        },
    );
    // Another replica hears of it; this one sees it in Redis.
    Fan::new(&hall)
        .check(&hall.replica().await)
        .await
        .expect(409);
    inside.leave(&replica).await.expect(200);
    assert_eq!(worker.pass(hall.event).await.unwrap().status, "closed");
    replica.renew().await;
    let told = waiting.status(&replica).await;
    assert_eq!(
        (position_of(&told), &told.body["message"]),
        (1, &"Sold out".into())
    );
}
