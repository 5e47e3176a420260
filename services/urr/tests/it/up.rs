//! The whole platform, started and stopped for real, with a crowd in it and faults under it.

use std::{net::TcpListener, path::Path, process::Stdio};

use rustix::process::Signal;
use sqlx::PgPool;
use urr_testkit::wait_for;

use crate::{
    command::{Ended, run, urr},
    platform::{Platform, Process, directory, until, up},
};

/// A line forms, and moves. A stay that nobody gives back, as after the loss of Redis, ends
/// within the test.
const VARIABLES: [(&str, &str); 3] = [
    ("QUEUE_THRESHOLD", "20"),
    ("QUEUE_ADMISSION_INTERVAL_MS", "200"),
    ("QUEUE_ACTIVE_TTL_SECONDS", "30"),
];
const FANS: &str = "200";

#[tokio::test]
async fn a_crowd_is_served_whatever_dies() {
    let directory = directory();
    let platform = Platform::start(directory.path(), &VARIABLES).await;
    let addresses = platform.addresses();
    let payments = PgPool::connect_lazy(&addresses["PAYMENT_DB_URL"]).unwrap();
    let redis = redis::Client::open(format!("redis://127.0.0.1:{}", addresses["REDIS_PORT"]));
    let mut redis = redis.unwrap().get_connection().unwrap();

    let run_env = platform.run_env();
    let mut crowd = std::pin::pin!(send_crowd(&run_env));
    let faults = async {
        paid(&payments, 10).await;
        platform.service("ticket").kill();
        paid(&payments, 40).await;
        redis::cmd("FLUSHALL").exec(&mut redis).unwrap();
        paid(&payments, 70).await;
        platform.service("payment").kill();
    };
    tokio::select! {
        () = faults => {}
        crowd = &mut crowd => unreachable!("ended before all faults: {}", crowd.output),
    }
    let crowd = crowd.await;
    assert_eq!(crowd.code, Some(0), "{}\n{}", crowd.output, crowd.errors);
    for name in ["ticket", "payment"] {
        let told = format!("{name} was ended by signal 9; it is started again");
        assert!(platform.has_said(&told), "{told}");
    }
    let count = confirmed(&payments).await;

    nothing_is_left_after(platform, Signal::TERM, Some(0)).await;

    let platform = Platform::start(directory.path(), &VARIABLES).await;
    assert_eq!(platform.addresses(), addresses, "the same place as before");
    assert_eq!(confirmed(&payments).await, count, "the same data as before");
    let second = run(&mut up(directory.path(), 0));
    assert_eq!(second.code, Some(1));
    let refusal = "urr: another `urr up` (process ";
    assert!(second.errors.starts_with(refusal), "{}", second.errors);
    let audit = run(urr(&["audit", "--env-file"]).arg(platform.run_env()));
    assert_eq!(audit.code, Some(0), "{}{}", audit.output, audit.errors);

    nothing_is_left_after(platform, Signal::KILL, None).await;
}

#[tokio::test]
#[ignore = "needs Java and Maven; services/urr/test-kafka.sh runs it"]
async fn a_crowd_is_served_over_kafka() {
    let directory = directory();
    let platform = Platform::start(directory.path(), &[("KAFKA", "1")]).await;
    let addresses = platform.addresses();
    assert!(addresses.contains_key("KAFKA_BOOTSTRAP_SERVERS"));
    assert!(!addresses.contains_key("BUS_DB_URL"));
    let crowd = send_crowd(&platform.run_env()).await;
    assert_eq!(crowd.code, Some(0), "{}\n{}", crowd.output, crowd.errors);
    nothing_is_left_after(platform, Signal::TERM, Some(0)).await;
}

/// A crowd that comes quickly, thinks briefly and pays for what it gets.
fn send_crowd(run_env: &Path) -> impl Future<Output = Ended> + use<> {
    let options = [
        "--fans", FANS, "--over", "6", "--think", "0.1", "--seed", "7",
    ];
    let mut command = urr(&["crowd", "--env-file"]);
    command.arg(run_env).args(options).stdin(Stdio::null());
    let running = tokio::process::Command::from(command)
        .kill_on_drop(true)
        .output();
    async { Ended::from(running.await.expect("the program can be executed")) }
}

async fn paid(payments: &PgPool, at_least: i64) {
    let what = format!("{at_least} payments");
    wait_for(&what, async || confirmed(payments).await >= at_least).await;
}

#[expect(
    clippy::disallowed_methods,
    reason = "a look into another crate's database"
)]
async fn confirmed(payments: &PgPool) -> i64 {
    sqlx::query_scalar("select count(*) from payments where status = 'confirmed'")
        .fetch_one(payments)
        .await
        .expect("Postgres answers")
}

async fn nothing_is_left_after(platform: Platform, signal: Signal, code: Option<i32>) {
    let (status, started) = platform.end(signal).await;
    assert_eq!(status.code(), code);
    assert!(started.len() > 9, "engines and services: {started:?}");
    until("everything to be gone", || {
        !started.iter().any(Process::is_running)
    })
    .await;
}

#[test]
fn a_port_in_use_is_said() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let directory = directory();
    let ended = run(&mut up(directory.path(), port));
    assert_eq!(ended.code, Some(1));
    let sentence = format!("urr: port {port} is in use by another program: ");
    assert!(ended.errors.starts_with(&sentence), "{}", ended.errors);
}

#[test]
fn a_missing_engine_is_named_with_its_package() {
    let directory = directory();
    let ended = run(up(directory.path(), 0).env("PATH", "/nowhere"));
    assert_eq!(ended.code, Some(1));
    assert_eq!(
        ended.errors,
        "urr: redis-server is not installed (Debian's package redis-server)\n"
    );
}

#[test]
fn a_wrong_setting_of_one_service_ends_the_start() {
    let directory = directory();
    let ended = run(up(directory.path(), 0).env("QUEUE_THRESHOLD", "many"));
    assert_eq!(ended.code, Some(1));
    let sentence = "does not start: it ended with exit code 2";
    assert!(ended.errors.contains(sentence), "{}", ended.errors);
    assert!(
        ended.output.contains("everything has stopped"),
        "{}",
        ended.output
    );
}
