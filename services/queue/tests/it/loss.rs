//! Defect 17: what the loss of Redis does, and what it must not do.

use std::time::{Duration, Instant};

use urr_contract::{AdmissionId, UserId};
use urr_queue::Settings;

use crate::hall::{Fan, Hall, Replica, entry_claims, number_of, position_of, rules, status_of};

/// People inside and people waiting, as they were before the loss.
struct Crowd {
    inside: Vec<(Fan, AdmissionId)>,
    waiting: Vec<(Fan, u64)>,
}

impl Crowd {
    async fn gather(hall: &Hall, replica: &Replica, inside: usize, waiting: usize) -> Self {
        let mut crowd = Self {
            inside: Vec::new(),
            waiting: Vec::new(),
        };
        for _ in 0..inside {
            let mut fan = Fan::new(hall);
            let answer = fan.check(replica).await;
            crowd.inside.push((fan, entry_claims(&answer).jti));
        }
        for _ in 0..waiting {
            let mut fan = Fan::new(hall);
            let answer = fan.check(replica).await;
            assert_eq!(status_of(&answer), "queued");
            crowd.waiting.push((fan, number_of(&answer)));
        }
        replica.renew().await;
        crowd
    }

    /// Everybody polls and finds what they had.
    async fn finds_everything(&mut self, replica: &Replica) {
        for (fan, admission) in &mut self.inside {
            assert_eq!(entry_claims(&fan.status(replica).await).jti, *admission);
        }
        for (ahead, (fan, number)) in self.waiting.iter_mut().enumerate() {
            let answer = fan.status(replica).await;
            assert_eq!(
                (status_of(&answer), number_of(&answer)),
                ("queued", *number)
            );
            assert!(
                position_of(&answer) <= ahead as u64 + 1,
                "no position ever grows"
            );
        }
    }
}

async fn active(hall: &Hall) -> u64 {
    hall.command(&["ZCARD", &hall.key("active")]).await
}

#[tokio::test]
async fn a_wiped_redis_costs_nobody_the_place_or_the_slot() {
    let hall = Hall::new(rules(5, 1000)).await;
    let (one, other, worker) = (
        hall.replica().await,
        hall.replica().await,
        hall.worker().await,
    );
    let mut crowd = Crowd::gather(&hall, &one, 5, 20).await;
    worker.pass(hall.event).await.unwrap();
    for replica in [&one, &other] {
        Fan::new(&hall).status(replica).await;
    }
    hall.redis.flush().await;
    // Whoever comes now stands behind everybody who was there.
    let newcomer = number_of(&Fan::new(&hall).check(&other).await);
    assert!(newcomer > 25);
    one.renew().await;
    crowd.finds_everything(&one).await;
    crowd.finds_everything(&other).await;
    assert_eq!(active(&hall).await, 5, "the cap holds");
    for replica in [&one, &other] {
        replica.write_signs().await;
    }
    assert_eq!(worker.pass(hall.event).await.unwrap().admitted, 0);
    // Admission goes on where it was: with the first of those who waited.
    crowd.inside[0].0.leave(&one).await.expect(200);
    assert_eq!(worker.pass(hall.event).await.unwrap().admitted, 1);
    one.renew().await;
    assert_eq!(status_of(&crowd.waiting[0].0.status(&one).await), "active");
    assert_eq!(status_of(&crowd.waiting[1].0.status(&one).await), "queued");
    assert_eq!(active(&hall).await, 5);
}

#[tokio::test]
async fn receipts_alone_bring_the_line_back_when_all_memory_is_lost() {
    let hall = Hall::new(rules(3, 1000)).await;
    let (before, worker) = (hall.replica().await, hall.worker().await);
    let mut crowd = Crowd::gather(&hall, &before, 3, 10).await;
    worker.pass(hall.event).await.unwrap();
    drop((before, worker));
    hall.redis.flush().await;
    let (replica, worker) = (hall.replica().await, hall.worker().await);
    // They come back in the wrong order, and are called in the right one.
    crowd.waiting.reverse();
    for (fan, number) in &mut crowd.waiting {
        assert_eq!(number_of(&fan.status(&replica).await), *number);
    }
    crowd.waiting.reverse();
    crowd.finds_everything(&replica).await;
    assert_eq!(active(&hall).await, 3);
    for (fan, _) in &mut crowd.inside {
        fan.leave(&replica).await.expect(200);
    }
    worker.pass(hall.event).await.unwrap();
    replica.renew().await;
    for (place, (fan, _)) in crowd.waiting.iter_mut().enumerate() {
        let expected = if place < 3 { "active" } else { "queued" };
        assert_eq!(status_of(&fan.status(&replica).await), expected, "{place}");
    }
}

#[tokio::test]
async fn a_token_proves_a_slot_that_nobody_had_noted() {
    let hall = Hall::new(rules(3, 1000)).await;
    let before = hall.replica().await;
    let mut fan = Fan::new(&hall);
    let claims = entry_claims(&fan.check(&before).await);
    drop(before);
    // The token must have been issued before the line is laid out again.
    let runtime = urr_testkit::runtime("queue");
    let second = claims.iat;
    urr_testkit::wait_for("the next second", async || {
        runtime.clock.now().as_second() > second
    })
    .await;
    hall.redis.flush().await;
    let replica = hall.replica().await;
    assert_eq!(entry_claims(&fan.status(&replica).await).jti, claims.jti);
    assert_eq!(active(&hall).await, 1);
    // A stranger's token proves nothing.
    let mut thief = Fan {
        jar: fan.jar.clone(),
        ..Fan::new(&hall)
    };
    assert_eq!(status_of(&thief.status(&replica).await), "not_in_queue");
}

#[tokio::test]
async fn nobody_enters_until_everybody_could_come_back() {
    let settings = Settings {
        hold_after_loss: Duration::from_mins(1),
        ..rules(2, 1000)
    };
    let hall = Hall::new(settings).await;
    let (replica, worker) = (hall.replica().await, hall.worker().await);
    let mut first = Fan::new(&hall);
    assert_eq!(
        status_of(&first.check(&replica).await),
        "active",
        "a new line does not wait"
    );
    hall.redis.flush().await;
    assert_eq!(status_of(&Fan::new(&hall).check(&replica).await), "queued");
    assert_eq!(worker.pass(hall.event).await.unwrap().status, "closed");
    let line = hall.key("line");
    let resumes: u64 = hall.command(&["HGET", &line, "resumes_at"]).await;
    assert!(resumes > 0);
    let _: i64 = hall.command(&["HSET", &line, "resumes_at", "0"]).await;
    hall.refill().await;
    assert_eq!(worker.pass(hall.event).await.unwrap().admitted, 1);
}

#[tokio::test]
async fn a_place_that_had_ended_before_the_loss_stays_ended() {
    let settings = Settings {
        hold_after_loss: Duration::from_mins(1),
        ..rules(1, 1000)
    };
    let hall = Hall::new(settings).await;
    let replica = hall.replica().await;
    Fan::new(&hall).check(&replica).await;
    let (mut left, mut stays) = (Fan::new(&hall), Fan::new(&hall));
    left.check(&replica).await;
    stays.check(&replica).await;
    let receipt = left.jar.clone();
    left.leave(&replica).await.expect(200);
    left.jar = receipt;
    hall.redis.flush().await;
    replica.renew().await;
    assert_eq!(status_of(&left.status(&replica).await), "not_in_queue");
    let told = stays.status(&replica).await;
    assert_eq!((number_of(&told), position_of(&told)), (3, 1));
}

#[tokio::test]
async fn a_redis_that_forgot_the_last_numbers_gives_none_twice() {
    let hall = Hall::new(rules(1, 1000)).await;
    let replica = hall.replica().await;
    let mut crowd = Crowd::gather(&hall, &replica, 1, 9).await;
    // As after a restart from an older file.
    let _: () = hall
        .command(&["SET", &hall.key("seq"), "4", "KEEPTTL"])
        .await;
    let newcomer = number_of(&Fan::new(&hall).check(&replica).await);
    assert!(newcomer > 10, "{newcomer}");
    replica.renew().await;
    crowd.finds_everything(&replica).await;
}

/// Everything in Redis, as a file or a replica has it.
async fn copy_of(hall: &Hall) -> Vec<(String, Vec<u8>)> {
    let keys: Vec<String> = hall.command(&["KEYS", "*"]).await;
    let mut copy = Vec::new();
    for key in keys {
        let content = hall.command(&["DUMP", &key]).await;
        copy.push((key, content));
    }
    copy
}

#[tokio::test]
async fn an_older_copy_of_redis_gives_no_number_twice() {
    let hall = Hall::new(rules(1, 1000)).await;
    let replica = hall.replica().await;
    let mut crowd = Crowd::gather(&hall, &replica, 1, 4).await;
    let older = copy_of(&hall).await;
    crowd
        .waiting
        .extend(Crowd::gather(&hall, &replica, 0, 5).await.waiting);
    hall.redis.start();
    urr_testkit::wait_for("Redis to be found again", async || {
        hall.redis.client.ping().await.is_ok()
    })
    .await;
    for (key, content) in older {
        let mut restore = redis::cmd("RESTORE");
        restore.arg(key).arg(60_000).arg(content);
        let restored: redis::RedisResult<()> = restore
            .query_async(&mut hall.redis.client.connection())
            .await;
        restored.unwrap();
    }
    // This one remembers nothing that could tell it how far numbers were given out.
    let other = hall.replica().await;
    let newcomer = number_of(&Fan::new(&hall).check(&other).await);
    assert!(newcomer > 10, "{newcomer}");
    replica.renew().await;
    crowd.finds_everything(&replica).await;
    crowd.finds_everything(&other).await;
}

#[tokio::test]
async fn a_worker_calls_nobody_by_an_older_copy_of_redis() {
    let hall = Hall::new(rules(1, 1000)).await;
    let (replica, worker) = (hall.replica().await, hall.worker().await);
    Crowd::gather(&hall, &replica, 1, 1).await;
    let _: i64 = hall
        .command(&["HSET", &hall.key("line"), "run", "another"])
        .await;
    let admitted = replica.keys().admit("worker").await.unwrap();
    assert_eq!((admitted.status.as_str(), admitted.admitted), ("behind", 0));
    assert_eq!(worker.pass(hall.event).await.unwrap().status, "open");
    assert_eq!(replica.keys().epoch().await.unwrap(), Some(2));
}

#[tokio::test]
async fn of_two_who_show_a_number_after_a_loss_one_has_it() {
    for account_is_first in [true, false] {
        let hall = Hall::new(rules(1, 1000)).await;
        let before = hall.replica().await;
        Fan::new(&hall).check(&before).await;
        let mut visitor = Fan::visitor(&hall);
        visitor.check(&before).await;
        let signed_in = || Fan {
            user: Some(UserId::random()),
            ..visitor.clone()
        };
        let (mut account, mut other) = (signed_in(), signed_in());
        assert_eq!(number_of(&account.check(&before).await), 2);
        drop(before);
        hall.redis.flush().await;
        let replica = hall.replica().await;
        let mut fans = [&mut account, &mut other];
        if !account_is_first {
            fans.reverse();
        }
        let mut numbers = Vec::new();
        for fan in fans {
            numbers.push(number_of(&fan.check(&replica).await));
        }
        assert_eq!(numbers[0], 2);
        assert!(numbers[1] > 2, "{numbers:?}");
    }
}

#[tokio::test]
async fn while_redis_is_down_holders_are_answered_from_memory_and_nobody_enters() {
    let hall = Hall::new(rules(2, 1000)).await;
    let (replica, worker) = (hall.replica().await, hall.worker().await);
    let mut crowd = Crowd::gather(&hall, &replica, 2, 5).await;
    worker.pass(hall.event).await.unwrap();
    hall.redis.stop();
    replica.renew().await;
    let mut fastest = Duration::MAX;
    for (ahead, (fan, number)) in crowd.waiting.iter_mut().enumerate() {
        let begin = Instant::now();
        let answer = fan.status(&replica).await.expect(200);
        fastest = fastest.min(begin.elapsed());
        assert_eq!(
            (number_of(&answer), position_of(&answer)),
            (*number, ahead as u64 + 1)
        );
        assert_eq!(
            (&answer.body["paused"], &answer.body["estimatedWait"]),
            (&true.into(), &().into())
        );
        fan.check(&replica).await.expect(200);
    }
    assert!(fastest < Duration::from_millis(100), "{fastest:?}");
    for (fan, admission) in &mut crowd.inside {
        assert_eq!(entry_claims(&fan.status(&replica).await).jti, *admission);
    }
    let begin = Instant::now();
    let refused = Fan::new(&hall).check(&replica).await.expect(503);
    assert!(begin.elapsed() < Duration::from_secs(5));
    assert_eq!(
        refused.error(),
        "Queue service temporarily unavailable. Please retry."
    );
    assert!(refused.headers.contains_key("retry-after"));
    assert!(worker.pass(hall.event).await.is_err());
    // It comes back empty, and everything is as it was.
    hall.redis.start();
    urr_testkit::wait_for("Redis to be found again", async || {
        replica.renew().await;
        let line = replica.state.lines.line(hall.event);
        line.view().is_some_and(|view| !view.redis_is_lost)
    })
    .await;
    crowd.finds_everything(&replica).await;
    assert_eq!(active(&hall).await, 2);
}
