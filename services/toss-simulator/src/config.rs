//! Settings of the simulator.

use std::path::PathBuf;

use secrecy::SecretString;
use urr_kit::config::{HttpArgs, parse_secret};

use crate::domain::faults::Rates;

/// Settings of `urr toss-simulator`.
#[derive(clap::Args, Clone, Debug)]
pub struct Config {
    /// Where it listens.
    #[command(flatten)]
    pub http: HttpArgs<3010>,
    /// Secret key that merchants sign in with. `@/path` reads it from a file.
    #[arg(long, env = "TOSS_SECRET_KEY", hide_env_values = true, value_parser = parse_secret)]
    pub secret_key: SecretString,
    /// File that keeps all payments; in memory where empty.
    #[arg(long, env = "TOSS_SIMULATOR_STATE", hide_env_values = true)]
    pub state: Option<PathBuf>,
    /// Where webhooks go; none are sent where empty.
    #[arg(long, env = "TOSS_SIMULATOR_WEBHOOK_URL", hide_env_values = true)]
    pub webhook_url: Option<String>,
    /// First wait before a webhook is sent again, in milliseconds; it grows fourfold, 7 times.
    #[arg(
        long,
        env = "TOSS_SIMULATOR_WEBHOOK_RETRY_MS",
        default_value_t = 60_000
    )]
    pub webhook_retry_ms: u64,
    /// Share of confirms and cancels that do their work and never answer.
    #[arg(long, env = "TOSS_SIMULATOR_TIMEOUT_RATE", default_value_t = 0.0, value_parser = parse_share)]
    pub timeout_rate: f64,
    /// Share of confirms and cancels that neither work nor answer.
    #[arg(long, env = "TOSS_SIMULATOR_TIMEOUT_BEFORE_RATE", default_value_t = 0.0, value_parser = parse_share)]
    pub timeout_before_rate: f64,
    /// Share of calls that are answered late.
    #[arg(long, env = "TOSS_SIMULATOR_LATE_RATE", default_value_t = 0.0, value_parser = parse_share)]
    pub late_rate: f64,
    /// How late, in milliseconds.
    #[arg(long, env = "TOSS_SIMULATOR_LATE_MS", default_value_t = 1_000)]
    pub late_ms: u32,
    /// Share of confirms that are declined.
    #[arg(long, env = "TOSS_SIMULATOR_DECLINE_RATE", default_value_t = 0.0, value_parser = parse_share)]
    pub decline_rate: f64,
    /// Share of webhooks that are sent five times.
    #[arg(long, env = "TOSS_SIMULATOR_WEBHOOK_REPEAT_RATE", default_value_t = 0.0, value_parser = parse_share)]
    pub webhook_repeat_rate: f64,
    /// Seed of what the shares hit.
    #[arg(long, env = "TOSS_SIMULATOR_SEED", default_value_t = 1)]
    pub seed: u64,
}

impl Config {
    pub(crate) fn rates(&self) -> Rates {
        Rates {
            timeout_after: self.timeout_rate,
            timeout_before: self.timeout_before_rate,
            late: self.late_rate,
            late_ms: self.late_ms,
            decline: self.decline_rate,
            webhook_repeat: self.webhook_repeat_rate,
        }
    }
}

fn parse_share(text: &str) -> anyhow::Result<f64> {
    let share: f64 = text.parse()?;
    anyhow::ensure!((0.0..=1.0).contains(&share), "must be between 0 and 1");
    Ok(share)
}
