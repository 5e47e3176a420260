//! How long a line is, as those are told who watch over sales.

use serde_json::json;
use urr_contract::EventId;

use crate::hall::{Fan, Hall, rules};

#[tokio::test]
async fn the_line_is_counted_and_the_count_outlives_redis() {
    let hall = Hall::new(rules(2, 1000)).await;
    let (replica, worker) = (hall.replica().await, hall.worker().await);
    let path = format!("/internal/events/{}/line", hall.event);
    let caller = replica.client.internal();
    let nothing = json!({"waiting": 0, "active": 0, "admitted": 0});
    assert_eq!(caller.get(&path).await.expect(200).body, nothing);
    let mut fans: Vec<Fan> = (0..5).map(|_| Fan::new(&hall)).collect();
    for fan in &mut fans {
        fan.check(&replica).await.expect(200);
    }
    let counted = caller.get(&path).await.expect(200).body;
    assert_eq!(counted, json!({"waiting": 3, "active": 2, "admitted": 2}));
    fans[0].leave(&replica).await.expect(200);
    hall.refill().await;
    worker.look_for_lines().await.unwrap();
    worker.pass(hall.event).await.unwrap();
    let counted = caller.get(&path).await.expect(200).body;
    assert_eq!(counted, json!({"waiting": 2, "active": 2, "admitted": 3}));

    let _: String = hall.command(&["FLUSHALL"]).await;
    assert_eq!(
        caller.get(&path).await.expect(200).body,
        nothing,
        "to look lays nothing out"
    );
    hall.replica()
        .await
        .state
        .lines
        .load_in_use()
        .await
        .unwrap();
    assert_eq!(caller.get(&path).await.expect(200).body["admitted"], 3);
}

#[tokio::test]
async fn only_services_look_and_an_unknown_event_has_no_line() {
    let hall = Hall::new(rules(2, 1000)).await;
    let replica = hall.replica().await;
    let path = format!("/internal/events/{}/line", EventId::random());
    Fan::new(&hall)
        .client(&replica)
        .get(&path)
        .await
        .expect(401);
    let counted = replica.client.internal().get(&path).await.expect(200).body;
    assert_eq!(counted["waiting"], 0);
    hall.redis.stop();
    let refused = replica.client.internal().get(&path).await.expect(503);
    assert!(refused.headers.contains_key("retry-after"));
}
