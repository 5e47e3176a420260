//! How a line ends: nobody uses it any more, its keys go, and it is not laid out again.

use std::time::Duration;

use urr_contract::internal::QueueInfo;

use crate::{
    hall::{Fan, Hall, on_sale, rules, status_of},
    silence::silence,
};

async fn was_used_now(hall: &Hall) -> bool {
    sqlx::query_scalar!(r#"select now() - used_at < interval '1 hour' as "is_now!" from lines"#)
        .fetch_one(&hall.database.pool)
        .await
        .unwrap()
}

async fn was_last_used_yesterday(hall: &Hall) {
    let yesterday = "update lines set used_at = now() - interval '23 hours'";
    sqlx::raw_sql(yesterday)
        .execute(&hall.database.pool)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_line_counts_as_used_while_somebody_is_there_only() {
    let hall = Hall::new(rules(1, 1000)).await;
    let (replica, worker) = (hall.replica().await, hall.worker().await);
    let mut fan = Fan::new(&hall);
    fan.check(&replica).await;
    worker.pass(hall.event).await.unwrap();
    was_last_used_yesterday(&hall).await;
    worker.pass(hall.event).await.unwrap();
    assert!(was_used_now(&hall).await, "somebody is inside");
    fan.leave(&replica).await.expect(200);
    was_last_used_yesterday(&hall).await;
    worker.pass(hall.event).await.unwrap();
    assert!(!was_used_now(&hall).await, "nobody is there");
    fan.check(&replica).await;
    worker.pass(hall.event).await.unwrap();
    assert!(was_used_now(&hall).await, "somebody came");
}

#[tokio::test]
async fn a_line_that_nobody_is_heard_of_ends_by_itself() {
    let hall = Hall::new(rules(1, 1000)).await;
    let (replica, worker) = (hall.replica().await, hall.worker().await);
    Fan::new(&hall).check(&replica).await;
    let mut waiting = Fan::new(&hall);
    waiting.check(&replica).await;
    worker.pass(hall.event).await.unwrap();
    silence(&hall, Duration::from_secs(700)).await;
    was_last_used_yesterday(&hall).await;
    let line = hall.key("line");
    let _: i64 = hall.command(&["EXPIRE", &line, "1000"]).await;
    worker.pass(hall.event).await.unwrap();
    assert!(!was_used_now(&hall).await);
    let left: i64 = hall.command(&["TTL", &line]).await;
    assert!(left <= 1000, "{left}");
    // Unless somebody comes back.
    replica.renew().await;
    waiting.status(&replica).await.expect(200);
    replica.write_signs().await;
    worker.pass(hall.event).await.unwrap();
    assert!(was_used_now(&hall).await);
    let left: i64 = hall.command(&["TTL", &line]).await;
    assert!(left > 1000, "{left}");
}

#[tokio::test]
async fn the_line_of_a_sale_long_over_is_not_laid_out_again() {
    let hall = Hall::new(rules(1, 1000)).await;
    let past = QueueInfo {
        sale_ends_at: "2021-01-01T00:00:00Z".parse().ok(),
        ..on_sale()
    };
    hall.ticket.put(hall.event, past);
    let (replica, worker) = (hall.replica().await, hall.worker().await);
    for _ in 0..2 {
        let mut fan = Fan::new(&hall);
        assert_eq!(
            fan.check(&replica).await.expect(409).error(),
            "Sale has ended"
        );
        assert_eq!(status_of(&fan.status(&replica).await), "not_in_queue");
        fan.heartbeat(&replica).await.expect(200);
        fan.leave(&replica).await.expect(200);
        replica.renew().await;
    }
    assert_eq!(worker.pass(hall.event).await.unwrap().status, "unloaded");
    let keys: Vec<String> = hall.command(&["KEYS", "line:*"]).await;
    assert!(keys.is_empty(), "{keys:?}");
    let lines = urr_queue::store::lines::in_use(&hall.database.pool).await;
    assert!(lines.unwrap().is_empty());
    // The sale goes on after all.
    hall.ticket.put(hall.event, on_sale());
    let other = hall.replica().await;
    assert_eq!(status_of(&Fan::new(&hall).check(&other).await), "active");
    replica.renew().await;
    assert_eq!(status_of(&Fan::new(&hall).check(&replica).await), "queued");
}
