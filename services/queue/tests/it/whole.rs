//! The parts together, as they run: replica and worker with their background work.

use clap::{Args, CommandFactory, FromArgMatches};
use urr_queue::{AdmissionConfig, Config, jobs};

use crate::hall::{Fan, Hall, rules, status_of};

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_passes_through_a_small_room_in_order() {
    let hall = Hall::new(rules(3, 1_000)).await;
    let runtime = urr_testkit::runtime("queue");
    let replica = hall.replica_on(&runtime).await;
    let is_loaded = jobs::memory::spawn(&runtime, &replica.state);
    jobs::admit::spawn(&runtime, &hall.state().await);
    let mut fans: Vec<Fan> = (0..20).map(|_| Fan::new(&hall)).collect();
    for fan in &mut fans {
        fan.check(&replica).await.expect(200);
    }
    for (place, fan) in fans.iter_mut().enumerate() {
        let cell = tokio::sync::Mutex::new(fan);
        urr_testkit::wait_for("the fan's turn", async || {
            let mut fan = cell.lock().await;
            status_of(&fan.status(&replica).await) == "active"
        })
        .await;
        let inside: u64 = hall.command(&["ZCARD", &hall.key("active")]).await;
        assert!(inside <= 3, "{place}");
        cell.into_inner().leave(&replica).await.expect(200);
    }
    assert!(is_loaded.load(std::sync::atomic::Ordering::Relaxed));
    runtime.tasks.shutdown().await;
    let lease: Option<String> = hall.command(&["GET", &hall.key("admission:lock")]).await;
    assert_eq!(lease, None, "given back at shutdown");
}

#[tokio::test(flavor = "multi_thread")]
async fn people_enter_while_postgres_hangs() {
    let hall = Hall::new(rules(1, 1_000)).await;
    let runtime = urr_testkit::runtime("queue");
    let replica = hall.replica_on(&runtime).await;
    let (mut inside, mut waiting) = (Fan::new(&hall), Fan::new(&hall));
    inside.check(&replica).await;
    waiting.check(&replica).await;
    jobs::admit::spawn(&runtime, &hall.state().await);
    urr_testkit::wait_for("the worker to lead", async || {
        let owner: Option<String> = hall.command(&["GET", &hall.key("admission:lock")]).await;
        owner.is_some()
    })
    .await;
    let mut lock = hall.database.pool.begin().await.unwrap();
    sqlx::raw_sql("lock table lines, slots, revocations, event_policies in access exclusive mode")
        .execute(&mut *lock)
        .await
        .unwrap();
    inside.leave(&replica).await.expect(200);
    let fan = tokio::sync::Mutex::new(waiting);
    urr_testkit::wait_for("the fan's turn", async || {
        replica.write_signs().await;
        replica.renew().await;
        status_of(&fan.lock().await.status(&replica).await) == "active"
    })
    .await;
    drop(lock);
    runtime.tasks.shutdown().await;
}

#[tokio::test]
async fn a_replica_that_starts_loads_what_was_in_use() {
    let hall = Hall::new(rules(1, 1_000)).await;
    let mut fan = Fan::new(&hall);
    fan.check(&hall.replica().await).await;
    let started = hall.replica().await;
    started.state.lines.load_in_use().await.unwrap();
    let before = hall.commands_run().await;
    let line = started.state.lines.line(hall.event);
    assert_eq!(line.view().expect("loaded").snapshot.last_number, 1);
    assert_eq!(hall.commands_run().await, before);
}

#[tokio::test]
async fn a_policy_that_redis_lost_is_put_in_force_again() {
    let hall = Hall::new(rules(2, 1_000)).await;
    let replica = hall.replica().await;
    Fan::new(&hall).check(&replica).await;
    let _: i64 = hall.command(&["DEL", &hall.key("policy")]).await;
    replica.renew().await;
    assert_eq!(status_of(&Fan::new(&hall).check(&replica).await), "active");
}

#[test]
fn settings_have_the_names_and_defaults_of_the_contract() {
    #[derive(clap::Parser)]
    struct Both {
        #[command(subcommand)]
        which: Which,
    }
    #[derive(clap::Subcommand)]
    enum Which {
        Service(Box<Config>),
        Worker(Box<AdmissionConfig>),
    }
    Both::command().debug_assert();
    let required = [
        "--internal-api-token",
        "t",
        "--db-url",
        "postgres://localhost/queue_db",
        "--queue-entry-token-secret",
        "s",
    ];
    let service = [&["both", "service", "--gateway-token", "g"][..], &required].concat();
    let worker = [&["both", "worker"][..], &required].concat();
    let matches = |words: &[&str]| Both::command().try_get_matches_from(words);
    let Which::Service(config) = Both::from_arg_matches(&matches(&service).unwrap())
        .unwrap()
        .which
    else {
        unreachable!("the subcommand was `service`");
    };
    let settings = config.line.rules.settings();
    let defaults = &settings.defaults;
    assert_eq!(
        (
            defaults.max_active,
            defaults.admit_per_second,
            defaults.active_seconds,
            defaults.absent_seconds
        ),
        (1000, 100, 600, 600)
    );
    assert_eq!(
        (
            defaults.claim_seconds,
            defaults.max_stay_seconds,
            settings.token_ttl_seconds
        ),
        (60, 1800, 600)
    );
    assert!(settings.visitors && !settings.cookie_secure);
    assert_eq!(
        (config.http.port, settings.sweep_every.as_secs()),
        (3007, 30)
    );
    let Which::Worker(config) = Both::from_arg_matches(&matches(&worker).unwrap())
        .unwrap()
        .which
    else {
        unreachable!("the subcommand was `worker`");
    };
    assert_eq!(config.http.port, 3011);
    let without_secret = &worker[..worker.len() - 2];
    assert!(
        matches(without_secret).is_err(),
        "the key of entry tokens has no default"
    );
    let names = Config::augment_args(clap::Command::new("queue"));
    for name in [
        "QUEUE_THRESHOLD",
        "QUEUE_ACTIVE_TTL_SECONDS",
        "QUEUE_SEEN_TTL_SECONDS",
        "QUEUE_ADMISSION_INTERVAL_MS",
        "QUEUE_ADMISSION_BATCH_SIZE",
        "QUEUE_STALE_CLEANUP_INTERVAL_MS",
        "QUEUE_ENTRY_TOKEN_TTL_SECONDS",
        "QUEUE_ENTRY_TOKEN_SECRET",
        "QUEUE_DB_URL",
        "REDIS_HOST",
        "TICKET_SERVICE_URL",
        "INTERNAL_API_TOKEN",
        "GATEWAY_TOKEN",
        "PORT",
    ] {
        let is_there = names
            .get_arguments()
            .any(|arg| arg.get_env().is_some_and(|env| env == name));
        assert!(is_there, "{name}");
    }
}
