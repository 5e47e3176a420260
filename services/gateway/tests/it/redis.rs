//! The scripts, against a real Redis.

use std::sync::Arc;

use ::redis::AsyncCommands;
use urr_contract::{AdmissionId, EventId, revocations};
use urr_gateway::{
    domain::{client::ClientId, limits::Category, window::SubWindow},
    limiter::{Key, Others, Untold},
    redis::{
        booking::{self, BookingLog},
        exchange::Exchange,
        revocations::RevocationReader,
    },
    revocations::Revocations,
};
use urr_testkit::TestRedis;

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
async fn counts_of_all_other_gateways_add_up() {
    let redis = urr_testkit::redis().await;
    let [first, second, third] = [(); 3].map(|()| Exchange::new(redis.client.clone()));
    let now = SubWindow(100);
    let run = async |gateway: &Exchange, batch: &[Untold]| {
        gateway.run(4, now, batch).await.expect("Redis answers")
    };
    let batch = [untold(1, &[(99, 3), (100, 2)]), untold(2, &[(100, 7)])];
    assert_eq!(run(&first, &batch).await, [Others::new(), Others::new()]);
    let others = run(&second, &[untold(1, &[(100, 5)])]).await;
    assert_eq!(others, [[(SubWindow(99), 3), (SubWindow(100), 2)].into()]);
    let others = run(&third, &[untold(1, &[(100, 1)])]).await;
    assert_eq!(others, [[(SubWindow(99), 3), (SubWindow(100), 7)].into()]);
}

#[tokio::test]
async fn telling_twice_or_late_changes_nothing() {
    let redis = urr_testkit::redis().await;
    let [first, second] = [(); 2].map(|()| Exchange::new(redis.client.clone()));
    let now = SubWindow(100);
    for counts in [[(100, 5)], [(100, 5)], [(100, 9)], [(100, 5)]] {
        let told = first.run(4, now, &[untold(1, &counts)]).await;
        assert_eq!(told.expect("Redis answers"), [Others::new()]);
    }
    let others = second.run(4, now, &[untold(1, &[(100, 1)])]).await;
    assert_eq!(others.expect("Redis answers"), [[(now, 9)].into()]);
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
    let other = Exchange::new(redis.client.clone());
    let later = [untold(1, &[(116, 1)])];
    let others = other
        .run(0, SubWindow(116), &later)
        .await
        .expect("Redis answers");
    assert_eq!(others, [Others::new()]);
    let mut connection = redis.client.connection();
    let key = "rate:{s00}:queue:ip:10.0.0.1";
    let fields: Vec<String> = connection.hkeys(key).await.expect("Redis answers");
    assert_eq!(fields.len(), 1);
    assert!(fields[0].starts_with("116:"), "{fields:?}");
    let life: i64 = connection.ttl(key).await.expect("Redis answers");
    assert!((60..=70).contains(&life), "{life}");
}

async fn end(redis: &TestRedis, event: EventId, ended: &[(i64, AdmissionId)]) {
    let members: Vec<_> = ended
        .iter()
        .map(|(end, admission)| (*end, admission.to_string()))
        .collect();
    let mut connection = redis.client.connection();
    let () = connection
        .zadd_multiple(revocations::key(event), &members)
        .await
        .expect("Redis answers");
    let () = connection
        .sadd(revocations::EVENTS, event.to_string())
        .await
        .expect("Redis answers");
}

fn reader(redis: &TestRedis) -> (RevocationReader, Arc<Revocations>) {
    let ended = Arc::<Revocations>::default();
    let reader = RevocationReader::new(redis.client.clone(), Arc::clone(&ended));
    (reader, ended)
}

async fn read(reader: &mut RevocationReader, now: i64) {
    let now = jiff::Timestamp::from_second(now).expect("in range");
    reader.read(now).await.expect("Redis answers");
}

/// Bytes that Redis has sent.
async fn sent(redis: &TestRedis) -> u64 {
    let info: String = ::redis::cmd("INFO")
        .arg("stats")
        .query_async(&mut redis.client.connection())
        .await
        .expect("Redis answers");
    let line = info
        .lines()
        .find_map(|line| line.strip_prefix("total_net_output_bytes:"));
    line.and_then(|bytes| bytes.parse().ok()).expect("a number")
}

#[tokio::test]
async fn ended_admissions_are_read_whatever_else_stands_there() {
    let redis = urr_testkit::redis().await;
    let (event, live, over) = (
        EventId::random(),
        AdmissionId::random(),
        AdmissionId::random(),
    );
    end(&redis, event, &[(1_600, live), (999, over)]).await;
    end(&redis, EventId::random(), &[(1_300, AdmissionId::random())]).await;
    let mut connection = redis.client.connection();
    let () = connection
        .zadd(revocations::key(event), "not an id", 2_000)
        .await
        .expect("Redis answers");
    let () = connection
        .sadd(revocations::EVENTS, "not an id")
        .await
        .expect("Redis answers");
    let (mut reader, ended) = reader(&redis);
    read(&mut reader, 1_000).await;
    assert!(ended.contains(live));
    assert!(!ended.contains(over));
    // Its token is over, and the memory is given back.
    read(&mut reader, 1_600).await;
    assert!(!ended.contains(live));
}

#[tokio::test]
async fn a_long_list_is_read_once_and_then_only_what_is_new() {
    let redis = urr_testkit::redis().await;
    let event = EventId::random();
    let admissions = |count: usize, end: i64| -> Vec<(i64, AdmissionId)> {
        (0..count).map(|_| (end, AdmissionId::random())).collect()
    };
    // More than two pages end in the same second.
    let mut all = [admissions(1_500, 1_599), admissions(2_500, 1_600)].concat();
    end(&redis, event, &all).await;
    let (mut reader, ended) = reader(&redis);
    read(&mut reader, 1_000).await;

    let before = sent(&redis).await;
    for now in 1_001..1_011 {
        let news = admissions(1, now + 600);
        end(&redis, event, &news).await;
        all.extend(news);
        read(&mut reader, now).await;
        assert!(all.iter().all(|(_, admission)| ended.contains(*admission)));
    }
    let sent = sent(&redis).await - before;
    // The whole list has more than 40 bytes an admission, and was there ten times to read.
    assert!(sent < 10 * 40 * 4_000 / 4, "{sent} bytes");
    let before = self::sent(&redis).await;
    read(&mut reader, 1_011).await;
    let quiet = self::sent(&redis).await - before;
    assert!(quiet < 10_000, "{quiet} bytes");
}

#[tokio::test]
async fn news_are_read_even_if_they_end_sooner_than_what_is_known() {
    let redis = urr_testkit::redis().await;
    let (mut reader, ended) = reader(&redis);
    let event = EventId::random();
    let [long, short, next] = [(); 3].map(|()| AdmissionId::random());
    for (now, end_at, admission) in [
        (1_000, 4_600, long),
        (1_001, 1_601, short),
        (1_002, 1_602, next),
    ] {
        end(&redis, event, &[(end_at, admission)]).await;
        read(&mut reader, now).await;
        assert!(ended.contains(admission), "{end_at}");
    }
}

#[tokio::test]
async fn what_redis_forgets_is_remembered_and_what_it_then_learns_is_read() {
    let redis = urr_testkit::redis().await;
    let (mut reader, ended) = reader(&redis);
    let event = EventId::random();
    let before = [(); 3].map(|()| AdmissionId::random());
    end(&redis, event, &before.map(|admission| (4_600, admission))).await;
    read(&mut reader, 1_000).await;
    redis.flush().await;
    read(&mut reader, 1_001).await;
    let after = AdmissionId::random();
    end(&redis, event, &[(1_602, after)]).await;
    read(&mut reader, 1_002).await;
    assert!(ended.contains(after));
    for now in [1_003, 1_100, 1_601] {
        read(&mut reader, now).await;
        assert!(before.iter().all(|admission| ended.contains(*admission)));
    }
}
