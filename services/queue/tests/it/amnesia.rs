//! What is known again of the people inside, and of who is ahead, once Redis was wiped.

use std::time::Duration;

use urr_contract::AdmissionId;
use urr_queue::Settings;

use crate::hall::{Fan, Hall, Replica, entry_claims, number_of, position_of, rules, status_of};

/// Room for as many as `inside`, who are in it, and `waiting` more in the line.
async fn full_room(
    hall: &Hall,
    replica: &Replica,
    inside: usize,
    waiting: usize,
) -> (Vec<Fan>, Vec<Fan>) {
    let (mut insiders, mut line) = (Vec::new(), Vec::new());
    for at in 0..inside + waiting {
        let mut fan = Fan::new(hall);
        let answer = fan.check(replica).await;
        if at < inside {
            assert_eq!(status_of(&answer), "active");
            insiders.push(fan);
        } else {
            assert_eq!(status_of(&answer), "queued");
            line.push(fan);
        }
    }
    replica.renew().await;
    (insiders, line)
}

async fn inside(hall: &Hall) -> Vec<u64> {
    let mut numbers: Vec<u64> = hall
        .command(&["ZRANGE", &hall.key("active"), "0", "-1"])
        .await;
    numbers.sort_unstable();
    numbers
}

async fn is_revoked(hall: &Hall, admission: AdmissionId) -> bool {
    let until: Option<i64> = hall
        .command(&["ZSCORE", &hall.key("revoked"), &admission.to_string()])
        .await;
    until.is_some()
}

/// Tokens of before are told from those of after by the second of their issue.
async fn next_second() {
    let clock = urr_testkit::runtime("queue").clock;
    let begun = clock.now().as_second();
    urr_testkit::wait_for("the next second", async || clock.now().as_second() > begun).await;
}

fn with_hold(max_active: u32) -> Settings {
    Settings {
        hold_after_loss: Duration::from_mins(1),
        ..rules(max_active, 1000)
    }
}

#[tokio::test]
async fn all_who_were_inside_buy_and_the_next_enter_at_once() {
    let hall = Hall::new(rules(4, 1000)).await;
    let (replica, worker) = (hall.replica().await, hall.worker().await);
    let (mut insiders, mut line) = full_room(&hall, &replica, 4, 10).await;
    // Two of those inside did not join into the room: they were called, and appeared.
    for mut fan in insiders.drain(..2) {
        fan.leave(&replica).await.expect(200);
    }
    assert_eq!(worker.pass(hall.event).await.unwrap().admitted, 2);
    replica.renew().await;
    for mut fan in line.drain(..2) {
        assert_eq!(status_of(&fan.status(&replica).await), "active");
        insiders.push(fan);
    }
    replica.write_signs().await;
    worker.pass(hall.event).await.unwrap();
    hall.redis.flush().await;
    replica.renew().await;
    assert_eq!(inside(&hall).await.len(), 4, "the cap holds");
    for fan in &insiders {
        hall.buy(fan.user.unwrap()).await;
    }
    assert_eq!(inside(&hall).await.len(), 0, "whoever has bought is out");
    for fan in &mut line {
        assert_eq!(status_of(&fan.status(&replica).await), "queued");
    }
    assert_eq!(worker.pass(hall.event).await.unwrap().admitted, 4);
}

#[tokio::test]
async fn a_purchase_that_is_known_before_the_line_is_laid_out_frees_the_slot() {
    let hall = Hall::new(rules(2, 1000)).await;
    let (replica, worker) = (hall.replica().await, hall.worker().await);
    let (insiders, _) = full_room(&hall, &replica, 2, 0).await;
    worker.pass(hall.event).await.unwrap();
    hall.redis.flush().await;
    hall.buy(insiders[0].user.unwrap()).await;
    replica.renew().await;
    assert_eq!(inside(&hall).await, [2]);
    // Nor does the slot come back with the next loss.
    hall.redis.flush().await;
    replica.renew().await;
    assert_eq!(inside(&hall).await, [2]);
}

#[tokio::test]
async fn whoever_was_inside_leaves_without_any_receipt() {
    let hall = Hall::new(rules(2, 1000)).await;
    let (replica, worker) = (hall.replica().await, hall.worker().await);
    let (insiders, _) = full_room(&hall, &replica, 2, 0).await;
    worker.pass(hall.event).await.unwrap();
    hall.redis.flush().await;
    // Nobody has noticed the loss yet.
    insiders[0].elsewhere().leave(&replica).await.expect(200);
    assert_eq!(inside(&hall).await, [2]);
    insiders[1].elsewhere().leave(&replica).await.expect(200);
    assert_eq!(inside(&hall).await, [0; 0]);
}

#[tokio::test]
async fn whoever_was_waiting_leaves_with_a_receipt_of_before() {
    let hall = Hall::new(with_hold(1)).await;
    let replica = hall.replica().await;
    let (_, mut line) = full_room(&hall, &replica, 1, 2).await;
    hall.redis.flush().await;
    replica.renew().await;
    line[0].leave(&replica).await.expect(200);
    assert_eq!(position_of(&line[1].status(&replica).await), 1);
}

#[tokio::test]
async fn whoever_was_called_and_is_not_known_has_the_claim_window_again() {
    let hall = Hall::new(rules(1, 1000)).await;
    let (replica, worker) = (hall.replica().await, hall.worker().await);
    let (mut insiders, mut line) = full_room(&hall, &replica, 1, 2).await;
    insiders[0].leave(&replica).await.expect(200);
    assert_eq!(worker.pass(hall.event).await.unwrap().admitted, 1);
    hall.redis.flush().await;
    replica.renew().await;
    assert_eq!(inside(&hall).await, [2]);
    assert_eq!(status_of(&line[1].status(&replica).await), "queued");
    hall.age(Duration::from_secs(64)).await;
    let pass = worker.pass(hall.event).await.unwrap();
    assert_eq!((pass.ended, pass.admitted), (1, 1));
    assert_eq!(inside(&hall).await, [3]);
}

/// The token alone names the admission, and that admission has its slot already.
#[tokio::test]
async fn a_token_takes_its_own_slot_over_and_never_a_second_one() {
    let hall = Hall::new(rules(1, 1000)).await;
    let (replica, worker) = (hall.replica().await, hall.worker().await);
    let (mut insiders, mut line) = full_room(&hall, &replica, 1, 1).await;
    insiders[0].leave(&replica).await.expect(200);
    assert_eq!(worker.pass(hall.event).await.unwrap().admitted, 1);
    replica.renew().await;
    // They appear and get their token; the sign of life is lost with Redis.
    let claims = entry_claims(&line[0].status(&replica).await);
    next_second().await;
    hall.redis.flush().await;
    let fresh = hall.replica().await;
    let receipt = line[0].receipt_cookie();
    line[0].jar.remove(&receipt);
    let answer = line[0].status(&fresh).await;
    assert_eq!((status_of(&answer), number_of(&answer)), ("active", 2));
    assert_eq!(entry_claims(&answer).jti, claims.jti);
    assert_eq!(inside(&hall).await, [2]);
    // From now on they are known, also without the token.
    hall.buy(line[0].user.unwrap()).await;
    assert_eq!(inside(&hall).await, [0; 0]);
}

/// One whose slot had ended just before the loss, and the one called in their stead.
#[tokio::test]
async fn older_knowledge_never_puts_somebody_back_whose_slot_had_ended() {
    let hall = Hall::new(with_hold(2)).await;
    let (replica, worker) = (hall.replica().await, hall.worker().await);
    let (mut insiders, mut line) = full_room(&hall, &replica, 2, 4).await;
    worker.pass(hall.event).await.unwrap();
    // Of what follows, the worker and Postgres know nothing.
    insiders[0].leave(&replica).await.expect(200);
    let _: i64 = hall.command(&["DEL", &hall.key("admission:lock")]).await;
    let called = replica.keys().admit("another worker").await.unwrap();
    assert_eq!(called.admitted, 1);
    line[1].leave(&replica).await.expect(200);
    replica.renew().await;
    let mut told = Vec::new();
    for fan in &mut line[2..] {
        told.push(position_of(&fan.status(&replica).await));
    }
    assert_eq!(told, [1, 2]);
    hall.redis.flush().await;
    worker.pass(hall.event).await.unwrap();
    replica.renew().await;
    assert_eq!(inside(&hall).await, [2, 3]);
    let snapshot = replica.keys().snapshot().await.unwrap().expect("laid out");
    let waiting: Vec<u64> = (1..=snapshot.last_number)
        .filter(|number| snapshot.waiting.contains(*number))
        .collect();
    assert_eq!(waiting, [5, 6], "4 had left");
    for (fan, told) in line[2..].iter_mut().zip(told) {
        assert_eq!(position_of(&fan.status(&replica).await), told);
    }
    // In the other order it comes to the same.
    let other = hall.replica().await;
    Fan::new(&hall).status(&other).await;
    assert_eq!(inside(&hall).await, [2, 3]);
}

#[tokio::test]
async fn no_position_grows_while_those_ahead_come_back() {
    let hall = Hall::new(rules(1, 1000)).await;
    let before = hall.replica().await;
    let (_, mut line) = full_room(&hall, &before, 1, 8).await;
    hall.redis.flush().await;
    // All memory is lost as well: only receipts bring the line back, the last one first.
    let replica = hall.replica().await;
    let mut told = vec![u64::MAX; line.len()];
    for back in (0..line.len()).rev() {
        for (fan, told) in line[back..].iter_mut().zip(&mut told[back..]) {
            let position = position_of(&fan.status(&replica).await);
            assert!(position <= *told, "{position} after {told}");
            *told = position;
        }
        replica.renew().await;
    }
    let newcomer = Fan::new(&hall).check(&replica).await;
    assert_eq!(
        position_of(&newcomer),
        9,
        "whoever is new is told the whole line"
    );
}

#[tokio::test]
async fn current_users_are_never_more_than_there_is_room_for() {
    let hall = Hall::new(rules(2, 1000)).await;
    let (one, other) = (hall.replica().await, hall.replica().await);
    let (mut insiders, _) = full_room(&hall, &one, 2, 0).await;
    insiders[0].leave(&other).await.expect(200);
    // This replica has not heard that somebody left, only that somebody entered.
    let answer = Fan::new(&hall).check(&one).await;
    assert_eq!(status_of(&answer), "active");
    assert_eq!(answer.body["currentUsers"], 2);
}

#[tokio::test]
async fn an_admission_that_has_ended_stays_ended() {
    let hall = Hall::new(rules(3, 1000)).await;
    let (replica, worker) = (hall.replica().await, hall.worker().await);
    let mut left = Fan::new(&hall);
    let claims = entry_claims(&left.check(&replica).await);
    let mut buyer = Fan::new(&hall);
    let bought = entry_claims(&buyer.check(&replica).await);
    worker.pass(hall.event).await.unwrap();
    let token = left.jar.clone();
    left.leave(&replica).await.expect(200);
    worker.pass(hall.event).await.unwrap();
    // A purchase is noted with the fact itself.
    hall.buy(buyer.user.unwrap()).await;
    next_second().await;
    hall.redis.flush().await;
    replica.renew().await;
    assert!(is_revoked(&hall, claims.jti).await);
    assert!(is_revoked(&hall, bought.jti).await);
    left.jar = token;
    for fan in [&mut left, &mut buyer] {
        let receipt = fan.receipt_cookie();
        fan.jar.remove(&receipt);
        assert!(!fan.jar.is_empty(), "the token is shown");
        assert_eq!(status_of(&fan.status(&replica).await), "not_in_queue");
    }
    assert_eq!(inside(&hall).await, [0; 0]);
    let life: i64 = hall.command(&["TTL", &hall.key("revoked")]).await;
    assert!((600..=660).contains(&life), "{life}");
}

/// One who came and went between two notes of the worker.
#[tokio::test]
async fn an_admission_of_a_moment_stays_ended_too() {
    let hall = Hall::new(rules(3, 1000)).await;
    let (replica, worker) = (hall.replica().await, hall.worker().await);
    let mut left = Fan::new(&hall);
    let claims = entry_claims(&left.check(&replica).await);
    left.leave(&replica).await.expect(200);
    worker.pass(hall.event).await.unwrap();
    hall.redis.flush().await;
    replica.renew().await;
    assert!(is_revoked(&hall, claims.jti).await);
}

#[tokio::test]
async fn a_replica_gives_back_who_entered_since_its_last_snapshot() {
    let hall = Hall::new(with_hold(3)).await;
    let replica = hall.replica().await;
    let mut fan = Fan::new(&hall);
    let claims = entry_claims(&fan.check(&replica).await);
    hall.redis.flush().await;
    replica.renew().await;
    assert_eq!(inside(&hall).await, [1]);
    let elsewhere = fan.elsewhere().status(&replica).await;
    assert_eq!(entry_claims(&elsewhere).jti, claims.jti);
}

/// A worker that was slow must not undo what the one after it has noted.
#[tokio::test]
async fn an_older_note_of_who_is_inside_is_refused() {
    let hall = Hall::new(rules(1, 1000)).await;
    Fan::new(&hall).check(&hall.replica().await).await;
    let note = async |epoch, at_ms| {
        urr_queue::store::lines::begin_note(&hall.database.pool, hall.event, epoch, at_ms)
            .await
            .unwrap()
    };
    assert!(note(1, 1_767_225_600_123).await);
    assert!(!note(1, 1_767_225_600_122).await);
    assert!(note(1, 1_767_225_600_123).await);
    assert!(note(2, 5).await, "the clock of another Redis");
    assert!(!note(1, 1_767_225_600_124).await);
}
