//! What the waiting room holds about one person, and how it forgets.

use serde_json::json;

use crate::hall::{Fan, Hall, number_of, rules, status_of};

#[tokio::test]
async fn an_erased_person_has_no_place_and_frees_the_slot() {
    let hall = Hall::new(rules(1, 1000)).await;
    let (replica, worker) = (hall.replica().await, hall.worker().await);
    let mut inside = Fan::new(&hall);
    assert_eq!(status_of(&inside.check(&replica).await), "active");
    worker.pass(hall.event).await.expect("a pass");
    let mut waiting = Fan::new(&hall);
    let number = number_of(&waiting.check(&replica).await);
    let client = replica.client.internal();
    let user = waiting.user.expect("an account");

    let held = client
        .get(&format!("/internal/users/{user}/personal-data"))
        .await
        .expect(200);
    let places = json!([{"eventId": hall.event, "number": number}]);
    assert_eq!(held.body["personalData"]["places"], places);
    let open = client
        .get(&format!("/internal/users/{user}/open-matters"))
        .await
        .expect(200);
    assert_eq!(open.body, json!({"openMatters": []}));

    for (user, erased) in [(user, 1), (user, 0)] {
        let path = format!("/internal/users/{user}/erase");
        let answer = client.post(&path, json!({})).await.expect(200);
        assert_eq!(answer.body, json!({"erased": erased}));
    }
    let path = format!("/internal/users/{}/erase", inside.user.expect("an account"));
    client.post(&path, json!({})).await.expect(200);
    let stays: Vec<String> = hall
        .command(&["ZRANGE", &hall.key("active"), "0", "-1"])
        .await;
    assert!(stays.is_empty(), "{stays:?}");
    for fan in [&inside, &waiting] {
        let path = format!(
            "/internal/users/{}/personal-data",
            fan.user.expect("an account")
        );
        let held = client.get(&path).await.expect(200);
        let nothing = json!({"personalData": {"places": [], "inside": []}});
        assert_eq!(held.body, nothing);
    }
}

#[tokio::test]
async fn without_redis_nothing_is_said_to_be_erased() {
    let hall = Hall::new(rules(1, 1000)).await;
    let replica = hall.replica().await;
    let mut fan = Fan::new(&hall);
    fan.check(&replica).await;
    hall.redis.stop();
    let client = replica.client.internal();
    let user = fan.user.expect("an account");
    let path = format!("/internal/users/{user}/erase");
    client.post(&path, json!({})).await.expect(503);
    client
        .get(&format!("/internal/users/{user}/personal-data"))
        .await
        .expect(503);
    replica.client.post(&path, json!({})).await.expect(401);
}
