//! The scripts, against a real Redis.

use ::redis::AsyncCommands;
use urr_contract::{AdmissionId, EventId, revocations};
use urr_gateway::{
    domain::{client::ClientId, limits::Category, window::SubWindow},
    limiter::{Key, Untold},
    redis::{
        booking::{self, BookingLog},
        exchange::Exchange,
        revocations::read,
    },
};

fn client(last: u8) -> ClientId {
    ClientId::Address(std::net::Ipv4Addr::new(10, 0, 0, last).into())
}

fn untold(last: u8, counts: &[(u64, u32)]) -> Untold {
    Untold {
        key: Key {
            category: Category::Queue,
            client: client(last),
        },
        counts: counts
            .iter()
            .map(|(window, count)| (SubWindow(*window), *count))
            .collect(),
    }
}

#[tokio::test]
async fn booking_requests_older_than_a_minute_are_forgotten() {
    let redis = urr_testkit::redis().await;
    let mut connection = redis.client.connection();
    let log = BookingLog::new(redis.client.clone());
    let key = booking::key(client(1));
    let (seconds, micros): (i64, i64) = ::redis::cmd("TIME")
        .query_async(&mut connection)
        .await
        .expect("Redis answers");
    let now = seconds * 1_000 + micros / 1_000;
    for (member, age) in [("old", 60_001), ("inside", 30_000)] {
        let () = connection
            .zadd(&key, member, now - age)
            .await
            .expect("Redis answers");
    }
    assert!(log.take(client(1), 2).await.expect("Redis answers"));
    assert!(!log.take(client(1), 2).await.expect("Redis answers"));
    assert!(log.take(client(2), 2).await.expect("Redis answers"));
    let members: Vec<String> = connection.zrange(&key, 0, -1).await.expect("Redis answers");
    assert_eq!(members.len(), 2);
    assert_eq!(members[0], "inside");
    let life: i64 = connection.pttl(&key).await.expect("Redis answers");
    assert!((50_000..=61_000).contains(&life), "{life}");
}

#[tokio::test]
async fn counts_of_all_gateways_add_up() {
    let redis = urr_testkit::redis().await;
    let first = Exchange::new(redis.client.clone());
    let second = Exchange::new(redis.client.clone());
    let now = SubWindow(100);
    let batch = [untold(1, &[(99, 3), (100, 2)]), untold(2, &[(100, 7)])];
    let totals = first.run(4, now, &batch).await.expect("Redis answers");
    assert_eq!(totals[0], [(SubWindow(99), 3), (SubWindow(100), 2)]);
    assert_eq!(totals[1], [(SubWindow(100), 7)]);

    let batch = [untold(1, &[(100, 5)])];
    let totals = second.run(4, now, &batch).await.expect("Redis answers");
    assert_eq!(totals[0], [(SubWindow(99), 3), (SubWindow(100), 7)]);
}

#[tokio::test]
async fn counts_that_left_the_minute_are_removed() {
    let redis = urr_testkit::redis().await;
    let exchange = Exchange::new(redis.client.clone());
    let counts = [untold(1, &[(100, 5)])];
    exchange
        .run(0, SubWindow(100), &counts)
        .await
        .expect("Redis answers");
    let later = [untold(1, &[(116, 1)])];
    let totals = exchange
        .run(0, SubWindow(116), &later)
        .await
        .expect("Redis answers");
    assert_eq!(totals[0], [(SubWindow(116), 1)]);
    let mut connection = redis.client.connection();
    let key = "rate:{s00}:queue:ip:10.0.0.1";
    let fields: Vec<u64> = connection.hkeys(key).await.expect("Redis answers");
    assert_eq!(fields, [116]);
    let life: i64 = connection.ttl(key).await.expect("Redis answers");
    assert!((60..=70).contains(&life), "{life}");
}

#[tokio::test]
async fn ended_admissions_are_read_until_their_tokens_end() {
    let redis = urr_testkit::redis().await;
    let mut connection = redis.client.connection();
    let now = jiff::Timestamp::from_second(1_000).expect("in range");
    let (event, live, over) = (
        EventId::random(),
        AdmissionId::random(),
        AdmissionId::random(),
    );
    let key = revocations::key(event);
    let members = [
        (1_001, live.to_string()),
        (999, over.to_string()),
        (2_000, "not an id".to_owned()),
    ];
    let () = connection
        .zadd_multiple(key, &members)
        .await
        .expect("Redis answers");
    let events = [event.to_string(), EventId::random().to_string()];
    let () = connection
        .sadd(revocations::EVENTS, &events)
        .await
        .expect("Redis answers");
    let ended = read(&redis.client, now).await.expect("Redis answers");
    assert_eq!(ended, [live].into());
}
