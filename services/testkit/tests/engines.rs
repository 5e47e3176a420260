//! The engines that other tests rely on do start, isolate and end.

#![expect(
    clippy::disallowed_methods,
    reason = "there is no schema to check against"
)]

use sqlx::migrate::Migrator;
use urr_testkit::{BreakingProxy, database, redis, wait_for};

#[tokio::test]
async fn every_test_has_a_database_of_its_own() {
    let none = Migrator::DEFAULT;
    let (one, other) = tokio::join!(database(&none, "none"), database(&none, "none"));
    sqlx::query("create table marker ()")
        .execute(&one.pool)
        .await
        .expect("creates");
    let seen: (Option<String>,) = sqlx::query_as("select to_regclass('marker')::text")
        .fetch_one(&other.pool)
        .await
        .expect("answers");
    assert_eq!(seen.0, None);
}

#[tokio::test]
async fn a_stopped_redis_comes_back_empty() {
    let redis = redis().await;
    let client = redis.args().connect().await.expect("lazy");
    let set = || async {
        let mut connection = client.connection();
        redis::cmd("SET")
            .arg("k")
            .arg("v")
            .query_async::<()>(&mut connection)
            .await
    };
    set().await.expect("sets");
    redis.stop();
    assert!(set().await.is_err());
    assert!(!client.is_up());
    redis.start();
    wait_for("Redis is back", || async { client.ping().await.is_ok() }).await;
    let left: Option<String> = redis::cmd("GET")
        .arg("k")
        .query_async(&mut client.connection())
        .await
        .expect("answers");
    assert_eq!(left, None);
}

#[tokio::test]
async fn a_proxy_cuts_and_mends() {
    let redis = redis().await;
    let proxy = BreakingProxy::to_port(redis.port()).await;
    let mut args = redis.args();
    args.redis_port = proxy.port();
    let client = args.connect().await.expect("lazy");
    client.ping().await.expect("through the proxy");
    proxy.break_off();
    wait_for("the cut is noticed", || async {
        client.ping().await.is_err()
    })
    .await;
    proxy.mend();
    wait_for("the way is open again", || async {
        client.ping().await.is_ok()
    })
    .await;
}
