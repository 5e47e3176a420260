//! How much one client may ask for, on one gateway and on several, with Redis and without.

use std::time::{Duration, Instant};

use ::redis::AsyncCommands;
use futures::future::join_all;
use http::Method;
use serde_json::json;
use urr_contract::UserId;
use urr_gateway::config::OnRedisFailure;
use urr_testkit::{TestRedis, wait_for};

use crate::app::{Answer, Setup, TestGateway};

async fn limited(redis: &TestRedis, requests: u32) -> Setup {
    Setup::new(redis.args()).await.with(|config| {
        config.limits.rate_limit_auth_rpm = requests;
        config.limits.rate_limit_queue_rpm = requests;
        config.limits.rate_limit_booking_rpm = requests;
        config.limits.rate_limit_door_rpm = requests;
        config.limits.rate_limit_general_rpm = requests;
    })
}

async fn passes(gateway: &TestGateway, path: &str) -> bool {
    gateway.get(path).await.status != 429
}

async fn knows_redis_is_lost(gateway: &TestGateway) {
    wait_for("the loss of Redis to be noticed", || async {
        gateway.get("/health").await.status == 503
    })
    .await;
}

/// Requests that pass until one is refused.
async fn passing(gateway: &TestGateway, path: &str) -> u32 {
    let mut count = 0;
    while passes(gateway, path).await {
        count += 1;
        assert!(count < 1_000, "there is no limit");
    }
    count
}

#[tokio::test]
async fn each_category_has_its_own_limit_and_one_answer() {
    let redis = urr_testkit::redis().await;
    let gateway = limited(&redis, 3).await.start().await;
    for path in [
        "/api/v1/auth/x",
        "/api/queue/status/1",
        "/api/v1/reservations",
        "/api/check-ins",
        "/api/events",
    ] {
        assert_eq!(passing(&gateway, path).await, 3, "{path}");
        let answer = gateway.get(path).await.expect_refusal(429, "RATE_LIMITED");
        assert_eq!(answer.json["error"], "Rate limit exceeded");
        assert_eq!(answer.json["retryAfter"], 60);
        assert_eq!(answer.headers["retry-after"], "60");
    }
    // Of the same category, in any spelling.
    gateway.get("/api/seats/reserve").await.expect(429);
    gateway.get("/api/%73eats//reserve").await.expect(429);
    gateway.get("/api/reservations/1/cancel").await.expect(429);
    gateway.get("/api/reservations/1").await.expect(429);
}

#[tokio::test]
async fn some_paths_are_never_counted() {
    let redis = urr_testkit::redis().await;
    let gateway = limited(&redis, 1).await.start().await;
    for _ in 0..3 {
        gateway.get("/api/v1/auth/me").await.expect(200);
        gateway.get("/health").await.expect(200);
        gateway.get("/actuator/info").await.expect(200);
    }
    gateway.get("/api/auth/x").await.expect(200);
    gateway.get("/api/auth/x").await.expect(429);
}

#[tokio::test]
async fn a_person_is_counted_apart_from_the_address() {
    let redis = urr_testkit::redis().await;
    let gateway = limited(&redis, 2).await.start().await;
    assert_eq!(passing(&gateway, "/api/events").await, 2);
    let ask = async |user| -> Answer {
        let bearer = format!("Bearer {}", gateway.access_token(user));
        let headers = [("authorization", bearer.as_str())];
        gateway.send(Method::GET, "/api/events", &headers, "").await
    };
    let (ana, bob) = (UserId::random(), UserId::random());
    for user in [ana, bob, ana, bob] {
        ask(user).await.expect(200);
    }
    ask(ana).await.expect(429);
    let forwarded = [("x-forwarded-for", "9.9.9.9")];
    let answer = gateway.send(Method::GET, "/api/events", &forwarded, "");
    answer.await.expect(429);
}

#[tokio::test]
async fn a_trusted_proxy_speaks_for_its_clients() {
    let redis = urr_testkit::redis().await;
    let gateway = limited(&redis, 1)
        .await
        .with(|config| config.trusted_proxies = "127.0.0.0/8".parse().expect("a network"))
        .start()
        .await;
    for (forwarded, status) in [
        ("9.9.9.9", 200),
        ("9.9.9.8", 200),
        ("9.9.9.9", 429),
        ("1.1.1.1, 9.9.9.9", 429),
    ] {
        let headers = [("x-forwarded-for", forwarded)];
        let answer = gateway.send(Method::GET, "/api/events", &headers, "").await;
        let answer = answer.expect(status);
        if status == 200 {
            assert_eq!(answer.echoed("x-client-address"), forwarded);
        }
    }
}

#[tokio::test]
async fn the_budget_comes_back_after_the_minute() {
    let redis = urr_testkit::redis().await;
    let mut setup = limited(&redis, 2).await;
    setup.runtime = urr_testkit::runtime_at("gateway", setup.runtime.clock.now());
    let gateway = setup.start().await;
    assert_eq!(passing(&gateway, "/api/events").await, 2);
    let minute = Duration::from_secs(64).try_into().expect("short");
    gateway.runtime.clock.advance(minute);
    assert_eq!(passing(&gateway, "/api/events").await, 2);
}

#[tokio::test]
async fn booking_is_counted_exactly_however_many_ask_at_once() {
    let redis = urr_testkit::redis().await;
    let first = limited(&redis, 10).await.start().await;
    let second = limited(&redis, 10).await.start().await;
    let gateways = [&first, &second];
    let answers =
        join_all((0..64).map(|number| {
            gateways[number % 2].send(Method::POST, "/api/v1/reservations", &[], "{}")
        }))
        .await;
    let count = |status| {
        answers
            .iter()
            .filter(|answer| answer.status == status)
            .count()
    };
    // Without an entry token, whoever is within the limit is refused by the next filter.
    assert_eq!((count(403), count(429)), (10, 54));
    let logged: u32 = redis
        .client
        .connection()
        .zcard("rate:booking:ip:127.0.0.1")
        .await
        .expect("Redis answers");
    assert_eq!(logged, 10);
}

#[tokio::test]
async fn two_gateways_share_what_they_count_in_memory() {
    let redis = urr_testkit::redis().await;
    let first = limited(&redis, 100).await.start().await;
    let second = limited(&redis, 100).await.start().await;
    let mut passed = 0;
    let mut refused = [false, false];
    for turn in 0..100 {
        let gateway = [&first, &second][turn % 2];
        for _ in 0..5 {
            if passes(gateway, "/api/events").await {
                passed += 1;
            } else {
                refused[turn % 2] = true;
            }
        }
        if refused == [true, true] {
            break;
        }
        wait_for("the counts to be told", || async {
            told(&redis).await == passed
        })
        .await;
    }
    assert_eq!(refused, [true, true]);
    assert!((100..=110).contains(&passed), "{passed} of 100 passed");
}

/// All requests that gateways told each other of.
async fn told(redis: &TestRedis) -> u32 {
    let mut connection = redis.client.connection();
    let keys: Vec<String> = connection
        .keys("rate:{*}:general:*")
        .await
        .expect("Redis answers");
    let mut sum = 0;
    for key in keys {
        let counts: Vec<u32> = connection.hvals(key).await.expect("Redis answers");
        sum += counts.iter().sum::<u32>();
    }
    sum
}

/// Defect 17.
#[tokio::test]
async fn without_redis_limits_are_enforced_from_memory_and_at_once() {
    let redis = urr_testkit::redis().await;
    let gateway = limited(&redis, 5).await.start().await;
    assert_eq!(passing(&gateway, "/api/events").await, 5);
    for _ in 0..2 {
        gateway.get("/api/reservations").await.expect(200);
    }
    redis.stop();
    gateway.get("/api/events").await.expect(429);
    assert_eq!(passing(&gateway, "/api/queue/status/1").await, 5);
    assert_eq!(passing(&gateway, "/api/reservations").await, 3);

    // What passed meanwhile still counts when Redis is back and empty.
    redis.start();
    wait_for("booking to be counted in Redis again", || async {
        let user = UserId::random();
        let bearer = format!("Bearer {}", gateway.access_token(user));
        let headers = [("authorization", bearer.as_str())];
        let asked = gateway.send(Method::GET, "/api/reservations", &headers, "");
        asked.await.expect(200);
        let key = format!("rate:booking:user:{user}");
        redis.client.connection().exists(key).await == Ok(true)
    })
    .await;
    assert_eq!(passing(&gateway, "/api/reservations").await, 0);
}

#[tokio::test]
async fn a_redis_that_hangs_is_not_waited_for() {
    let redis = urr_testkit::redis().await;
    let gateway = limited(&redis, 5)
        .await
        .with(|config| config.redis.redis_timeout_ms = 100)
        .start()
        .await;
    gateway.get("/api/reservations").await.expect(200);
    let () = ::redis::cmd("CLIENT")
        .arg("PAUSE")
        .arg(600_000)
        .arg("ALL")
        .query_async(&mut redis.client.connection())
        .await
        .expect("Redis answers");
    let begun = Instant::now();
    for _ in 0..4 {
        gateway.get("/api/reservations").await.expect(200);
    }
    gateway.get("/api/reservations").await.expect(429);
    gateway.get("/api/events").await.expect(200);
    // Far more than it needs on a busy machine, far less than waiting for Redis.
    assert!(begun.elapsed() < Duration::from_secs(20), "{begun:?}");
}

/// Redis carries out what it was told while it hung, however often that was.
#[tokio::test]
async fn nobody_is_counted_twice_after_redis_hung() {
    const LIMIT: u32 = 50;
    let redis = urr_testkit::redis().await;
    let gateway = limited(&redis, LIMIT)
        .await
        .with(|config| config.redis.redis_timeout_ms = 20)
        .start()
        .await;
    gateway.get("/api/events").await.expect(200);
    wait_for("the count to be told", || async { told(&redis).await == 1 }).await;
    let client = async |command: &[&str]| -> ::redis::Value {
        ::redis::cmd("CLIENT")
            .arg(command)
            .query_async(&mut redis.client.connection())
            .await
            .expect("Redis answers")
    };
    client(&["PAUSE", "600000", "WRITE"]).await;
    for _ in 0..4 {
        gateway.get("/api/events").await.expect(200);
    }
    wait_for("the counts to be told several times", || async {
        let list: String = ::redis::from_redis_value(client(&["LIST"]).await).expect("a text");
        let unread = list
            .split_ascii_whitespace()
            .filter_map(|word| word.strip_prefix("qbuf=")?.parse::<u32>().ok());
        unread.sum::<u32>() > 2_000
    })
    .await;
    client(&["UNPAUSE"]).await;
    wait_for("the counts to be told", || async {
        told(&redis).await >= 5
    })
    .await;
    wait_for("Redis to be in use again", || async {
        gateway.get("/health").await.status == 200
    })
    .await;
    gateway.get("/api/events").await.expect(200);
    wait_for("the next count to be told", || async {
        told(&redis).await == 6
    })
    .await;
    assert_eq!(passing(&gateway, "/api/events").await, LIMIT - 6);
}

#[tokio::test]
async fn the_setting_decides_what_happens_without_redis() {
    for (setting, statuses) in [
        (OnRedisFailure::Open, [200; 4]),
        (OnRedisFailure::Closed, [503; 4]),
        (OnRedisFailure::Local, [200, 200, 429, 429]),
    ] {
        let redis = urr_testkit::redis().await;
        let gateway = limited(&redis, 2)
            .await
            .with(|config| config.limits.rate_limit_on_redis_failure = setting)
            .start()
            .await;
        redis.stop();
        knows_redis_is_lost(&gateway).await;
        // The first booking request finds out by itself, the others are told.
        for path in ["/api/reservations", "/api/events"] {
            for status in statuses {
                let answer = gateway.get(path).await.expect(status);
                if status == 503 {
                    assert_eq!(answer.json["code"], json!("RATE_LIMIT_UNKNOWN"));
                }
            }
        }
        gateway.get("/health").await.expect(503);
        gateway.get("/api/auth/me").await.expect(200);
    }
}
