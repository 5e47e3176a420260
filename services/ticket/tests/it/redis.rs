//! The scripts on a real Redis, and a service whose Redis is wiped, away or lying.

use std::time::Duration;

use urr_contract::{EventId, ReservationId, SeatId, UserId};
use urr_testkit::TestRedis;
use urr_ticket::redis::seat_locks::{HELD, Lock, PAYING, SeatLocks};

use crate::app::with_app;

const LIFE: Duration = Duration::from_mins(1);

async fn field(redis: &TestRedis, event: EventId, seat: SeatId, name: &str) -> Option<String> {
    redis::cmd("HGET")
        .arg(SeatLocks::key(event, seat))
        .arg(name)
        .query_async(&mut redis.client.connection())
        .await
        .unwrap()
}

async fn life_left(redis: &TestRedis, event: EventId, seat: SeatId) -> i64 {
    redis::cmd("PTTL")
        .arg(SeatLocks::key(event, seat))
        .query_async(&mut redis.client.connection())
        .await
        .unwrap()
}

async fn locks(redis: &TestRedis) -> SeatLocks {
    SeatLocks::new(redis.args().connect().await.unwrap())
}

#[tokio::test]
async fn seat_lock_takes_all_or_none_and_names_whose_it_is() {
    let redis = urr_testkit::redis().await;
    let locks = locks(&redis).await;
    let event = EventId::random();
    let (a, b, c) = (SeatId::random(), SeatId::random(), SeatId::random());
    let (ana, ben) = (UserId::random(), UserId::random());
    let (first, second) = (ReservationId::random(), ReservationId::random());

    assert_eq!(
        locks.take(event, &[a, b], first, ana, LIFE).await,
        Lock::Taken
    );
    assert!(matches!(
        locks.take(event, &[c, b], second, ben, LIFE).await,
        Lock::Held(age) if age < LIFE
    ));
    assert_eq!(field(&redis, event, c, "hold").await, None, "all or none");
    assert_eq!(
        locks.take(event, &[a], second, ana, LIFE).await,
        Lock::OwnHold
    );
    assert_eq!(
        field(&redis, event, a, "hold").await,
        Some(first.to_string()),
        "a second request of the same person changes nothing"
    );
    let left = life_left(&redis, event, a).await;
    assert!((1..=60_000).contains(&left), "{left}");
    // Somebody else's lock counts for more than one's own.
    assert_eq!(
        locks.take(event, &[c], second, ben, LIFE).await,
        Lock::Taken
    );
    assert!(matches!(
        locks
            .take(event, &[a, c], ReservationId::random(), ana, LIFE)
            .await,
        Lock::Held(_)
    ));
}

#[tokio::test]
async fn seat_mark_and_seat_release_touch_only_the_locks_of_their_hold() {
    let redis = urr_testkit::redis().await;
    let locks = locks(&redis).await;
    let event = EventId::random();
    let (mine, theirs) = (SeatId::random(), SeatId::random());
    let (hold, other) = (ReservationId::random(), ReservationId::random());
    locks
        .take(event, &[mine], hold, UserId::random(), LIFE)
        .await;
    locks
        .take(event, &[theirs], other, UserId::random(), LIFE)
        .await;

    let long = Duration::from_mins(10);
    locks
        .mark(event, &[(mine, 7), (theirs, 9)], hold, PAYING, long)
        .await;
    assert_eq!(
        field(&redis, event, mine, "status").await.as_deref(),
        Some(PAYING)
    );
    assert_eq!(
        field(&redis, event, mine, "token").await.as_deref(),
        Some("7")
    );
    assert!(life_left(&redis, event, mine).await > 60_000);
    assert_eq!(
        field(&redis, event, theirs, "status").await.as_deref(),
        Some(HELD)
    );
    assert_eq!(field(&redis, event, theirs, "token").await, None);
    assert!(life_left(&redis, event, theirs).await <= 60_000);

    locks.release(event, &[mine, theirs], hold).await;
    assert_eq!(field(&redis, event, mine, "hold").await, None);
    assert_eq!(
        field(&redis, event, theirs, "hold").await,
        Some(other.to_string())
    );
}

#[tokio::test]
async fn all_locks_of_an_event_are_in_one_hash_slot() {
    let event = EventId::random();
    let key = SeatLocks::key(event, SeatId::random());
    let tag = key.split_once('{').unwrap().1.split_once('}').unwrap().0;
    assert_eq!(tag, event.to_string());
}

#[tokio::test]
async fn redis_gets_a_copy_of_the_token_that_the_row_issued() {
    with_app(async |app| {
        let (event, seats) = app.seated(1).await;
        let fan = app.fan(event);
        let first = fan.hold(seats[0]).await;
        fan.cancel(first.id).await.expect(200);
        assert_eq!(field(&app.redis, event, seats[0], "hold").await, None);
        let second = app.fan(event).hold(seats[0]).await;
        assert_eq!(
            field(&app.redis, event, seats[0], "token").await.as_deref(),
            Some("2")
        );
        assert_eq!(
            field(&app.redis, event, seats[0], "hold").await,
            Some(second.id.to_string())
        );
        // A little longer than the hold, also while it is being paid.
        let left = life_left(&app.redis, event, seats[0]).await;
        assert!((300_001..=315_000).contains(&left), "{left}");
        app.pay(&second, "ORD-1").await.expect(200);
        let left = life_left(&app.redis, event, seats[0]).await;
        assert!((600_001..=615_000).contains(&left), "{left}");
    })
    .await;
}

#[tokio::test]
async fn a_refused_hold_releases_the_lock_it_took() {
    with_app(async |app| {
        let (event, seats) = app.seated(5).await;
        let fan = app.fan(event);
        for seat in &seats[..4] {
            fan.hold(*seat).await;
        }
        fan.try_seat(seats[4]).await.expect(403);
        assert_eq!(field(&app.redis, event, seats[4], "hold").await, None);
    })
    .await;
}

#[tokio::test]
async fn booking_goes_on_while_redis_is_away_and_after_it_came_back_empty() {
    with_app(async |app| {
        let (event, seats) = app.seated(3).await;
        let before = app.fan(event).hold(seats[0]).await;
        app.redis.stop();
        let during = app.fan(event).hold(seats[1]).await;
        for seat in &seats[..2] {
            let refused = app.fan(event).try_seat(*seat).await.expect(409);
            assert_eq!(refused.body["code"], "SEAT_RESERVED");
        }
        app.buy(&during, "ORD-1").await;
        app.redis.start();
        app.buy(&before, "ORD-2").await;
        for seat in &seats[..2] {
            app.fan(event).try_seat(*seat).await.expect(409);
        }
        app.fan(event).hold(seats[2]).await;
    })
    .await;
}

#[tokio::test]
async fn a_redis_that_hangs_costs_a_moment_and_no_seat() {
    with_app(async |app| {
        let (event, seats) = app.seated(2).await;
        let held = app.fan(event).hold(seats[0]).await;
        redis::cmd("CLIENT")
            .arg(&["PAUSE", "600000", "ALL"])
            .query_async::<()>(&mut app.redis.client.connection())
            .await
            .unwrap();
        app.fan(event).hold(seats[1]).await;
        app.fan(event).try_seat(seats[0]).await.expect(409);
        app.buy(&held, "ORD-1").await;
        app.fan_named(held.user, event)
            .cancel(held.id)
            .await
            .expect(200);
        app.fan(event).hold(seats[0]).await;
    })
    .await;
}

#[tokio::test]
async fn a_lock_that_outlived_its_hold_blocks_nobody() {
    with_app(async |app| {
        let (event, seats) = app.seated(1).await;
        let hold = app.fan(event).hold(seats[0]).await;
        // Its hold ended, but Redis did not get to know, some time ago.
        app.redis.stop();
        app.expire(hold.id).await;
        app.redis.start();
        let stale = ReservationId::random();
        app.state
            .locks
            .take(event, &seats, stale, UserId::random(), LIFE)
            .await;
        app.fan(event).try_seat(seats[0]).await.expect(409);
        let _: i64 = redis::cmd("HINCRBY")
            .arg(SeatLocks::key(event, seats[0]))
            .arg("heldAt")
            .arg(-10_000)
            .query_async(&mut app.redis.client.connection())
            .await
            .unwrap();
        app.fan(event).hold(seats[0]).await;
    })
    .await;
}

#[tokio::test]
async fn a_lying_redis_sells_nothing_twice() {
    with_app(async |app| {
        let (event, seats) = app.seated(1).await;
        let hold = app.fan(event).hold(seats[0]).await;
        app.buy(&hold, "ORD-1").await;
        // Redis says free, or says that another person has it.
        app.redis.flush().await;
        let liar = app.fan(event);
        app.state
            .locks
            .take(event, &seats, ReservationId::random(), liar.user, LIFE)
            .await;
        liar.try_seat(seats[0]).await.expect(409);
        app.redis.flush().await;
        liar.try_seat(seats[0]).await.expect(409);
    })
    .await;
}
