//! People who have not signed in: they may wait, never enter, and keep the place at sign-in.

use urr_contract::UserId;

use crate::hall::{Fan, Hall, entry_claims, number_of, position_of, rules, status_of};

fn signed_in(visitor: &Fan) -> Fan {
    Fan {
        user: Some(UserId::random()),
        ..visitor.clone()
    }
}

#[tokio::test]
async fn a_visitor_waits_even_where_there_is_room() {
    let hall = Hall::new(rules(10, 1000)).await;
    let (replica, worker) = (hall.replica().await, hall.worker().await);
    let mut visitor = Fan::visitor(&hall);
    let answer = visitor.check(&replica).await;
    assert_eq!((status_of(&answer), position_of(&answer)), ("queued", 1));
    assert_eq!(answer.body["signInRequired"], true);
    assert!(answer.body.get("entryToken").is_none());
    assert!(visitor.jar.contains_key("urr-visitor"));
    assert_eq!(worker.pass(hall.event).await.unwrap().admitted, 0);
    assert_eq!(number_of(&visitor.check(&replica).await), 1);
    assert_eq!(number_of(&visitor.status(&replica).await), 1);
    // Nobody is held up by somebody who cannot enter.
    assert_eq!(status_of(&Fan::new(&hall).check(&replica).await), "active");
}

#[tokio::test]
async fn signing_in_takes_the_place_along() {
    let hall = Hall::new(rules(1, 1000)).await;
    let (replica, worker) = (hall.replica().await, hall.worker().await);
    let mut first = Fan::new(&hall);
    first.check(&replica).await;
    let mut visitor = Fan::visitor(&hall);
    assert_eq!(number_of(&visitor.check(&replica).await), 2);
    Fan::new(&hall).check(&replica).await;
    // A poll is enough; so is a check.
    let mut fan = signed_in(&visitor);
    let adopted = fan.status(&replica).await;
    assert_eq!((number_of(&adopted), position_of(&adopted)), (2, 1));
    assert!(
        !fan.jar.contains_key("urr-visitor"),
        "the visitor is no more"
    );
    first.leave(&replica).await.expect(200);
    worker.pass(hall.event).await.unwrap();
    replica.renew().await;
    let answer = fan.status(&replica).await;
    assert_eq!(entry_claims(&answer).uid, fan.user.unwrap());
}

#[tokio::test]
async fn a_place_is_taken_along_once() {
    let hall = Hall::new(rules(1, 1000)).await;
    let replica = hall.replica().await;
    Fan::new(&hall).check(&replica).await;
    let mut visitor = Fan::visitor(&hall);
    visitor.check(&replica).await;
    let (mut one, mut other) = (signed_in(&visitor), signed_in(&visitor));
    assert_eq!(number_of(&one.check(&replica).await), 2);
    // The same cookies, shown again by somebody else, or by the visitor.
    assert_eq!(number_of(&other.check(&replica).await), 3);
    replica.renew().await;
    let again = visitor.check(&replica).await;
    let mut third = signed_in(&visitor);
    assert_eq!(status_of(&again), "queued");
    assert_eq!(number_of(&third.check(&replica).await), 4, "{}", again.body);
    assert_eq!(number_of(&one.check(&replica).await), 2);
}

#[tokio::test]
async fn an_account_with_a_number_keeps_the_lower_one() {
    for account_was_first in [true, false] {
        let hall = Hall::new(rules(1, 1000)).await;
        let replica = hall.replica().await;
        Fan::new(&hall).check(&replica).await;
        let (mut visitor, mut account) = (Fan::visitor(&hall), Fan::new(&hall));
        if account_was_first {
            account.check(&replica).await;
            visitor.check(&replica).await;
        } else {
            visitor.check(&replica).await;
            account.check(&replica).await;
        }
        let mut signed_in = Fan {
            user: account.user,
            ..visitor.clone()
        };
        assert_eq!(number_of(&signed_in.check(&replica).await), 2);
        replica.renew().await;
        assert_eq!(number_of(&account.elsewhere().check(&replica).await), 2);
        let waiting: i64 = hall.command(&["BITCOUNT", &hall.key("waiting")]).await;
        assert_eq!(waiting, 1, "the other place is free");
    }
}

#[tokio::test]
async fn whoever_was_signed_in_and_is_no_more_is_told_to_sign_in() {
    let hall = Hall::new(rules(1, 1000)).await;
    let replica = hall.replica().await;
    let mut fan = Fan::new(&hall);
    fan.check(&replica).await;
    let mut with_receipt = Fan {
        user: None,
        ..fan.clone()
    };
    assert_eq!(
        with_receipt.status(&replica).await.expect(401).error(),
        "Authentication required"
    );
    with_receipt.check(&replica).await.expect(401);
    let path = format!("/api/queue/status/{}", hall.event);
    let with_stale_token = replica
        .client
        .through_gateway()
        .with_header("authorization", "Bearer stale");
    with_stale_token.get(&path).await.expect(401);
}

#[tokio::test]
async fn identity_is_believed_from_the_gateway_only() {
    let hall = Hall::new(rules(1, 1000)).await;
    let replica = hall.replica().await;
    let path = format!("/api/queue/check/{}", hall.event);
    let forged = replica
        .client
        .with_header("x-user-id", &UserId::random().to_string());
    let answer = forged.send(http::Method::POST, &path, "").await.expect(200);
    assert_eq!(
        answer.body["signInRequired"], true,
        "a visitor like any other"
    );
}

#[tokio::test]
async fn visitors_can_be_refused() {
    let settings = urr_queue::Settings {
        visitors: false,
        ..rules(1, 1000)
    };
    let hall = Hall::new(settings).await;
    let replica = hall.replica().await;
    let mut visitor = Fan::visitor(&hall);
    visitor.check(&replica).await.expect(401);
    visitor.status(&replica).await.expect(401);
    visitor.heartbeat(&replica).await.expect(401);
    visitor.leave(&replica).await.expect(401);
}

#[tokio::test]
async fn a_made_up_visitor_cookie_is_nobodys() {
    let hall = Hall::new(rules(1, 1000)).await;
    let replica = hall.replica().await;
    let mut visitor = Fan::visitor(&hall);
    visitor.check(&replica).await;
    let mut forger = Fan::visitor(&hall);
    forger.jar.insert(
        "urr-visitor".to_owned(),
        "eyJhbGciOiJub25lIn0.e30.".to_owned(),
    );
    assert_eq!(status_of(&forger.status(&replica).await), "not_in_queue");
    assert_eq!(number_of(&forger.check(&replica).await), 2);
}
