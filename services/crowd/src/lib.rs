//! A crowd of simulated fans that buys tickets over HTTP.
//!
//! Each fan has a cookie jar of its own and nothing else that authenticates it. What a fan
//! decides is a state machine without effects (`domain::fan`); this crate's `browser` and
//! `driver` carry it out. A run counts business outcomes, and looks for what a client alone
//! can see to be wrong; the databases are the audit's.

pub mod browser;
pub mod config;
pub mod domain;
pub mod driver;
pub mod progress;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context;
use parking_lot::Mutex;
use urr_kit::Runtime;

use crate::{
    browser::Network,
    domain::{
        fan::{Fan, Rules},
        report::Conditions,
        tally::Tally,
    },
    driver::Stage,
    progress::{Progress, say},
};
pub use crate::{config::Config, domain::report::Report};

/// Runs a crowd and returns what it came to. Ends early, with a report, when the runtime's
/// tasks are cancelled.
pub async fn run(config: Config, runtime: Runtime) -> anyhow::Result<Report> {
    let variables = config.variables()?;
    let gateway = config.gateway(&variables)?;
    let rules = Arc::new(config.rules(&variables));
    let seed = config.seed.unwrap_or_else(rand::random);
    let conditions = Conditions {
        gateway: gateway.as_str().trim_end_matches('/').to_owned(),
        event: config.event,
        fans: config.fans,
        seed,
        accounts: accounts(&config, &rules),
        rate_limits: config::rate_limits(&variables),
        started_at: runtime.clock.now(),
    };
    announce(&conditions);
    let network = Network::new(gateway, config.max_connections, runtime.clock.clone())?;
    anyhow::ensure!(
        network.reaches_gateway().await,
        "no gateway answers at {}",
        conditions.gateway
    );
    let stage = Stage {
        network,
        tally: Arc::new(Mutex::new(Tally::default())),
        runtime,
    };
    let began = Instant::now();
    let interrupted = driver::run(
        &stage,
        fans(&config, seed, &rules),
        &Progress::new(config.fans),
    )
    .await;
    let report = Report::new(
        conditions,
        &stage.tally.lock(),
        began.elapsed(),
        interrupted,
    );
    if let Some(path) = &config.report {
        write_report(&report, path)?;
    }
    Ok(report)
}

/// The fans and when each arrives.
fn fans(config: &Config, seed: u64, rules: &Arc<Rules>) -> impl Iterator<Item = (Duration, Fan)> {
    let over = Duration::from_secs_f64(config.over);
    let (arrival, fans) = (config.arrival, config.fans);
    let rules = Arc::clone(rules);
    (0..fans).map(move |number| {
        let fan = Fan::new(number, seed, Arc::clone(&rules));
        (arrival.offset(number, fans, over), fan)
    })
}

/// Which accounts the fans use, in words.
fn accounts(config: &Config, rules: &Rules) -> String {
    if rules.accounts.demo_password.is_none() {
        return "all registered (no password of seeded accounts is known)".to_owned();
    }
    format!(
        "seeded from number {} on, {} % registered",
        config.first_account,
        config.register * 100.0
    )
}

fn announce(conditions: &Conditions) {
    let event = conditions
        .event
        .map_or_else(|| "any on sale".to_owned(), |event| event.to_string());
    say(&format!(
        "crowd of {} at {}, event {event}, seed {}\naccounts: {}\nrate limits: {}",
        conditions.fans,
        conditions.gateway,
        conditions.seed,
        conditions.accounts,
        conditions.rate_limits,
    ));
}

fn write_report(report: &Report, path: &std::path::Path) -> anyhow::Result<()> {
    let json = serde_json::to_vec_pretty(report)?;
    std::fs::write(path, json).with_context(|| format!("{} cannot be written", path.display()))
}
