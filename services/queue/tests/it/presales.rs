//! Presales: who may line up before everybody may.

use jiff::{SignedDuration, Timestamp};
use urr_contract::internal::QueueInfo;

use crate::hall::{Fan, Hall, on_sale, position_of, rules, status_of};

fn now() -> Timestamp {
    urr_testkit::runtime("queue").clock.now()
}

fn hours(hours: i64) -> SignedDuration {
    SignedDuration::from_hours(hours)
}

/// A sale that began so many hours ago, and is everybody's two days after its start.
async fn hall_since(since: i64) -> Hall {
    let hall = Hall::new(rules(10, 1000)).await;
    let start = now() - hours(since);
    let info = QueueInfo {
        sale_starts_at: Some(start),
        general_sale_starts_at: Some(start + hours(48)),
        ..on_sale()
    };
    hall.ticket.put(hall.event, info);
    hall
}

#[tokio::test]
async fn whoever_is_too_early_gets_no_number_and_is_told_when_to_come() {
    let hall = hall_since(2).await;
    let replica = hall.replica().await;
    let (mut silver, mut gold) = (Fan::new(&hall), Fan::new(&hall));
    let opens = now() + hours(22);
    hall.ticket.set_window(&silver, "SILVER", opens);
    hall.ticket.set_window(&gold, "GOLD", now() - hours(1));
    let refused = silver.check(&replica).await.expect(403).body;
    assert_eq!(
        (&refused["code"], &refused["tier"]),
        (&"PRESALE_NOT_OPEN".into(), &"SILVER".into())
    );
    let told: Timestamp = refused["opensAt"].as_str().unwrap().parse().unwrap();
    assert_eq!(told, opens);
    assert_eq!(
        silver.status(&replica).await.expect(200).body["status"],
        "not_in_queue"
    );
    assert_eq!(status_of(&gold.check(&replica).await), "active");
    let last: String = hall.command(&["GET", &hall.key("seq")]).await;
    assert_eq!(last, "1", "only the one who may enter has a number");
    // Nobody is passed by who might be a member: a visitor signs in first.
    let visitor = Fan::visitor(&hall).check(&replica).await.expect(403).body;
    assert_eq!(visitor["signInRequired"], true);
}

#[tokio::test]
async fn ticket_is_asked_for_a_person_once_and_never_for_a_poll() {
    let hall = hall_since(2).await;
    let replica = hall.replica().await;
    let mut fan = Fan::new(&hall);
    hall.ticket.set_window(&fan, "GOLD", now() - hours(1));
    fan.check(&replica).await.expect(200);
    for _ in 0..5 {
        fan.check(&replica).await.expect(200);
        fan.status(&replica).await.expect(200);
        fan.elsewhere().check(&replica).await.expect(200);
    }
    assert_eq!(hall.ticket.asked_for_people(), 1);
}

#[tokio::test]
async fn once_everybody_may_buy_nobody_is_asked_about() {
    let hall = hall_since(48).await;
    let replica = hall.replica().await;
    assert_eq!(status_of(&Fan::new(&hall).check(&replica).await), "active");
    assert_eq!(hall.ticket.asked_for_people(), 0);
}

#[tokio::test]
async fn the_first_tier_waits_in_the_lobby_and_the_others_outside() {
    let hall = hall_since(-1).await;
    let replica = hall.replica().await;
    let (mut diamond, mut gold) = (Fan::new(&hall), Fan::new(&hall));
    let start = now() + hours(1);
    let info_start = hall.ticket.info(hall.event).sale_starts_at.unwrap();
    hall.ticket.set_window(&diamond, "DIAMOND", info_start);
    hall.ticket.set_window(&gold, "GOLD", start + hours(1));
    assert_eq!(position_of(&diamond.check(&replica).await), 1);
    gold.check(&replica).await.expect(403);
}

#[tokio::test]
async fn without_ticket_a_member_who_was_not_asked_about_comes_back_later() {
    let hall = hall_since(2).await;
    let replica = hall.replica().await;
    let (mut known, mut unknown) = (Fan::new(&hall), Fan::new(&hall));
    hall.ticket.set_window(&known, "GOLD", now() - hours(1));
    hall.ticket.set_window(&unknown, "GOLD", now() - hours(1));
    known.check(&replica).await.expect(200);
    hall.ticket.go_down();
    known.elsewhere().check(&replica).await.expect(200);
    let refused = unknown.check(&replica).await.expect(503);
    assert!(refused.headers.contains_key("retry-after"));
}
