//! Letting people in: order, cap, rate, the absent, many workers.

use std::time::Duration;

use futures::{StreamExt, future::join_all, stream};
use urr_contract::UserId;
use urr_queue::{
    domain::person::Person,
    redis::{JoinRequest, Joined},
};

use crate::hall::{Fan, Hall, Replica, number_of, position_of, rules, status_of};

/// A join of somebody who then polls so rarely that presence lasts two minutes.
pub(crate) fn a_join(person: Person) -> JoinRequest {
    JoinRequest {
        person,
        may_join: true,
        adopts: None,
        receipt: None,
        token: None,
        presence: Duration::from_mins(2),
        seen: (0, 0),
    }
}

/// Numbers of that many new accounts; nobody enters by joining.
pub(crate) async fn join_many(replica: &Replica, people: usize) -> Vec<u64> {
    stream::iter(0..people)
        .map(async |_| {
            let person = Person::account(UserId::random());
            let joined = replica.keys().join(&a_join(person)).await.unwrap();
            let Joined::Waiting { number, .. } = joined else {
                unreachable!("nobody enters while somebody waits: {joined:?}");
            };
            number
        })
        .buffer_unordered(64)
        .collect()
        .await
}

async fn inside(hall: &Hall) -> Vec<u64> {
    hall.command(&["ZRANGE", &hall.key("active"), "0", "-1"])
        .await
}

async fn redis_ms(hall: &Hall) -> u64 {
    let time: (u64, u64) = hall.command(&["TIME"]).await;
    time.0 * 1000 + time.1 / 1000
}

/// A line of one who is inside and `people` who wait.
async fn full_house(hall: &Hall, replica: &Replica, people: usize) -> (Fan, Vec<Fan>) {
    let mut first = Fan::new(hall);
    assert_eq!(status_of(&first.check(replica).await), "active");
    let mut fans = Vec::new();
    for _ in 0..people {
        let mut fan = Fan::new(hall);
        assert_eq!(status_of(&fan.check(replica).await), "queued");
        fans.push(fan);
    }
    (first, fans)
}

#[tokio::test]
async fn a_slot_that_is_given_back_goes_to_the_lowest_number() {
    let hall = Hall::new(rules(1, 1000)).await;
    let (replica, worker) = (hall.replica().await, hall.worker().await);
    let (mut first, mut fans) = full_house(&hall, &replica, 3).await;
    assert_eq!(worker.pass(hall.event).await.unwrap().admitted, 0);
    first.leave(&replica).await.expect(200);
    assert_eq!(worker.pass(hall.event).await.unwrap().admitted, 1);
    replica.renew().await;
    assert_eq!(status_of(&fans[0].status(&replica).await), "active");
    let second = fans[1].status(&replica).await;
    assert_eq!((status_of(&second), position_of(&second)), ("queued", 1));
    let third = fans[2].check(&replica).await;
    assert_eq!((status_of(&third), position_of(&third)), ("queued", 2));
}

#[tokio::test]
async fn nobody_who_comes_later_enters_before_those_who_wait() {
    let hall = Hall::new(rules(1, 1000)).await;
    let replica = hall.replica().await;
    let (mut first, _) = full_house(&hall, &replica, 1).await;
    first.leave(&replica).await.expect(200);
    // There is room now, and a rate; but somebody is waiting.
    assert_eq!(status_of(&Fan::new(&hall).check(&replica).await), "queued");
}

#[tokio::test]
async fn the_living_enter_at_full_speed_when_nine_in_ten_have_vanished() {
    let hall = Hall::new(rules(1000, 1_000_000)).await;
    let (replica, worker) = (hall.replica().await, hall.worker().await);
    full_house_of_none(&hall, &replica).await;
    let numbers = join_many(&replica, 1000).await;
    hall.everybody_falls_silent().await;
    let living: Vec<u64> = numbers
        .iter()
        .copied()
        .filter(|number| number % 10 == 0)
        .collect();
    let signs: Vec<_> = living
        .iter()
        .map(|number| (*number, Duration::from_mins(2)))
        .collect();
    replica.keys().presence(&signs, &[]).await.unwrap();
    open_doors(&hall).await;
    let pass = worker.pass(hall.event).await.unwrap();
    assert_eq!((pass.admitted, pass.backlog), (living.len() as u64, false));
    let mut expected = living.clone();
    expected.sort_unstable();
    let mut entered = inside(&hall).await;
    entered.sort_unstable();
    assert_eq!(entered, expected);
    // The absent keep their numbers: whoever comes back is next.
    replica
        .keys()
        .presence(&[(7, Duration::from_mins(2))], &[])
        .await
        .unwrap();
    assert_eq!(worker.pass(hall.event).await.unwrap().admitted, 1);
    assert!(inside(&hall).await.contains(&7));
}

/// Nobody enters until the doors open.
async fn full_house_of_none(hall: &Hall, replica: &Replica) {
    let mut visitor = Fan::visitor(hall);
    visitor.check(replica).await;
    let _: i64 = hall
        .command(&["HSET", &hall.key("policy"), "suspended", "1"])
        .await;
}

async fn open_doors(hall: &Hall) {
    let _: i64 = hall
        .command(&["HSET", &hall.key("policy"), "suspended", "0"])
        .await;
    hall.refill().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn three_workers_keep_cap_and_rate_and_admit_nobody_twice() {
    let hall = Hall::new(rules(100_000, 500)).await;
    let replica = hall.replica().await;
    full_house_of_none(&hall, &replica).await;
    join_many(&replica, 3000).await;
    open_doors(&hall).await;
    let begin = redis_ms(&hall).await;
    let line = hall.key("line");
    let _: i64 = hall
        .command(&[
            "HSET",
            &line,
            "tokens",
            "0",
            "refilled_at",
            &begin.to_string(),
        ])
        .await;
    let (mut admitted, mut before, mut after) = (0, begin, begin);
    let owners = ["one", "two", "three"];
    while after < begin + 2000 {
        before = redis_ms(&hall).await;
        let rooms = hall.rooms();
        let passes = owners.map(async |owner| rooms.line(hall.event).admit(owner).await.unwrap());
        let passes = join_all(passes).await;
        assert_eq!(
            passes.iter().filter(|pass| pass.status == "busy").count(),
            2,
            "one leads"
        );
        admitted += passes.iter().map(|pass| pass.admitted).sum::<u64>();
        after = redis_ms(&hall).await;
        // The lease runs out, and another worker leads.
        let _: i64 = hall.command(&["DEL", &hall.key("admission:lock")]).await;
    }
    let (least, most) = ((before - begin) / 2, (after - begin) / 2 + 1);
    assert!(
        (least..=most).contains(&admitted),
        "{least} <= {admitted} <= {most}"
    );
    let entered = inside(&hall).await;
    assert_eq!(entered.len() as u64, admitted, "each number entered once");
    let highest = entered.iter().max().copied().unwrap_or_default();
    assert_eq!(
        highest,
        admitted + 1,
        "in order, after the visitor's number"
    );
}

#[tokio::test]
async fn the_cap_holds_however_many_wait() {
    let hall = Hall::new(rules(7, 1_000_000)).await;
    let (replica, worker) = (hall.replica().await, hall.worker().await);
    full_house_of_none(&hall, &replica).await;
    join_many(&replica, 100).await;
    open_doors(&hall).await;
    for _ in 0..5 {
        worker.pass(hall.event).await.unwrap();
        assert_eq!(inside(&hall).await.len(), 7);
    }
}

#[tokio::test]
async fn a_lease_is_given_back_by_its_owner_only() {
    let hall = Hall::new(rules(7, 100)).await;
    let replica = hall.replica().await;
    Fan::new(&hall).check(&replica).await;
    let keys = replica.keys();
    assert_eq!(keys.admit("one").await.unwrap().status, "open");
    assert_eq!(keys.admit("two").await.unwrap().status, "busy");
    assert!(!keys.release("two").await.unwrap());
    assert_eq!(keys.admit("two").await.unwrap().status, "busy");
    assert!(keys.release("one").await.unwrap());
    assert_eq!(keys.admit("two").await.unwrap().status, "open");
    let life: i64 = hall.command(&["PTTL", &hall.key("admission:lock")]).await;
    assert!((1..=4000).contains(&life));
}

#[tokio::test]
async fn a_worker_that_stops_hands_its_lines_over_at_once() {
    let hall = Hall::new(rules(7, 100)).await;
    let replica = hall.replica().await;
    Fan::new(&hall).check(&replica).await;
    let (one, other) = (hall.worker().await, hall.worker().await);
    for worker in [&one, &other] {
        worker.look_for_lines().await.unwrap();
    }
    assert_eq!(one.pass(hall.event).await.unwrap().status, "open");
    assert_eq!(other.pass(hall.event).await.unwrap().status, "busy");
    one.release_all().await;
    assert_eq!(other.pass(hall.event).await.unwrap().status, "open");
}

#[tokio::test]
async fn whoever_is_away_beyond_the_grace_loses_the_place_and_nobody_else_does() {
    let hall = Hall::new(rules(1, 1000)).await;
    let replica = hall.replica().await;
    let (_, mut fans) = full_house(&hall, &replica, 3).await;
    replica.write_signs().await;
    hall.everybody_is_long_gone().await;
    fans[1].status(&replica).await;
    replica.write_signs().await;
    assert_eq!(replica.keys().sweep().await.unwrap(), 2);
    replica.renew().await;
    let living = fans[1].status(&replica).await;
    assert_eq!((number_of(&living), position_of(&living)), (3, 1));
    assert_eq!(status_of(&fans[0].status(&replica).await), "not_in_queue");
    assert_eq!(
        number_of(&fans[0].check(&replica).await),
        5,
        "at the end of the line"
    );
}

#[tokio::test]
async fn an_outage_takes_nobody_out_of_the_line() {
    let hall = Hall::new(rules(1, 1000)).await;
    let (replica, worker) = (hall.replica().await, hall.worker().await);
    full_house(&hall, &replica, 3).await;
    hall.everybody_is_long_gone().await;
    // The workers were away as well, and begin to watch again with this pass.
    let _: i64 = hall
        .command(&["HSET", &hall.key("line"), "watched_at", "0"])
        .await;
    worker.pass(hall.event).await.unwrap();
    assert_eq!(replica.keys().sweep().await.unwrap(), 0);
}

#[tokio::test]
async fn a_worker_finds_lines_and_reserves_numbers_before_they_run_out() {
    let settings = urr_queue::Settings {
        number_block: 20,
        ..rules(1, 1000)
    };
    let hall = Hall::new(settings).await;
    let (replica, worker) = (hall.replica().await, hall.worker().await);
    full_house(&hall, &replica, 14).await;
    worker.look_for_lines().await.unwrap();
    worker.pass(hall.event).await.unwrap();
    let reserved: u64 = hall.command(&["HGET", &hall.key("line"), "reserved"]).await;
    assert_eq!(reserved, 35, "a block beyond the last number");
    let numbers = join_many(&replica, 20).await;
    assert_eq!(numbers.iter().max(), Some(&35));
    assert_eq!(
        number_of(&Fan::new(&hall).check(&replica).await),
        36,
        "reserved on the way"
    );
}
