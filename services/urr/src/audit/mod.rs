//! `urr audit`: reads the databases and says whether every ticket and every won is
//! accounted for.
//!
//! What must hold at every moment is looked at once, each check in one statement and so in
//! one snapshot. What only holds once facts have travelled and payments are known is looked
//! at again, all of it together, until it holds or the wait is over. Nothing is written.

mod checks;
mod money;
mod report;
mod sources;
mod statistics;
#[cfg(test)]
mod tests;

use std::{path::PathBuf, time::Duration};

use tokio::time::Instant;

use self::{
    checks::{CHECKS, Check},
    report::{Finding, Report},
    sources::Sources,
};
use crate::{
    databases::Databases,
    process::{Outcome, complain, print},
};

/// Time between two looks at what has not settled yet.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// Settings of `urr audit`.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Config {
    /// File of variables that `urr up` wrote, such as `.urr/run.env`. What it says goes
    /// before the environment.
    #[arg(long)]
    pub(crate) env_file: Option<PathBuf>,
    /// Prints the findings as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Wait and databases.
    #[command(flatten)]
    pub(crate) options: Options,
}

/// Settings that an audit has in common with a command that ends in one.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Options {
    /// Seconds to wait for facts on their way, payments in doubt and refunds.
    #[arg(long, default_value_t = 30)]
    pub(crate) wait: u64,
    /// Zone of the days of the statistics.
    #[arg(
        long,
        env = "STATS_TIME_ZONE",
        default_value = "Asia/Seoul",
        hide_env_values = true
    )]
    pub(crate) time_zone: String,
    #[command(flatten)]
    databases: Databases,
}

impl Config {
    /// The audit at the end of another command.
    pub(crate) fn after(options: Options, env_file: Option<PathBuf>) -> Self {
        Self {
            env_file,
            json: false,
            options,
        }
    }
}

/// Audits and prints what was found. `NotTried` where a database that is needed is not
/// named or does not answer.
pub(crate) async fn run(config: Config) -> anyhow::Result<Outcome> {
    let Options {
        wait,
        time_zone,
        databases,
    } = &config.options;
    let sources = Sources::new(config.env_file.as_deref(), databases, time_zone)?;
    if let Err(error) = sources.answer().await {
        complain(&format_args!("not audited: {error:#}"));
        return Ok(Outcome::NotTried);
    }
    let report = audit(&sources, Duration::from_secs(*wait)).await?;
    if config.json {
        print(&serde_json::to_string_pretty(&report)?);
    } else {
        print(&report.table());
    }
    Ok(report.outcome())
}

/// Runs all checks that the sources allow.
async fn audit(sources: &Sources, wait: Duration) -> anyhow::Result<Report> {
    let mut findings = look_at(sources, |check| !check.settles).await?;
    let settling = async || look_at(sources, |check| check.settles).await;
    findings.extend(settle(wait, settling).await?);
    findings.sort_by_key(Finding::place);
    Ok(Report::new(findings))
}

/// Looks again until everything holds in one round, or for as long as `wait`.
async fn settle(
    wait: Duration,
    mut look: impl AsyncFnMut() -> anyhow::Result<Vec<Finding>>,
) -> anyhow::Result<Vec<Finding>> {
    let deadline = Instant::now() + wait;
    loop {
        let round = look().await?;
        if round.iter().all(Finding::holds) || Instant::now() >= deadline {
            return Ok(round);
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

async fn look_at(
    sources: &Sources,
    wanted: impl Fn(&Check) -> bool,
) -> anyhow::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for (place, check) in CHECKS.iter().enumerate() {
        if !wanted(check) {
            continue;
        }
        let finding = match sources.missing(check.needs) {
            Some(_) if check.optional => continue,
            Some(name) => Finding::not_audited(place, check, name.variable()),
            None => Finding::new(place, check, checks::violations(check, sources).await?),
        };
        findings.push(finding);
    }
    Ok(findings)
}
