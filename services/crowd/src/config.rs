//! Options of `urr crowd`.

use std::{path::PathBuf, time::Duration};

use anyhow::Context;
use secrecy::{ExposeSecret, SecretString};
use urr_contract::EventId;
use urr_kit::env_file::{self, Variables};

use crate::domain::{
    arrival::Arrival,
    fan::{Accounts, Rules},
    report::RateLimits,
};

/// Gateway of a platform that nobody configured.
const DEFAULT_GATEWAY: &str = "http://127.0.0.1:3001";
/// Most seats of one hold.
const MOST_SEATS: i64 = 8;

/// Options of a crowd.
#[derive(Clone, Debug, clap::Args)]
pub struct Config {
    /// Address of the gateway [default: that of the env file, else <http://127.0.0.1:3001>].
    #[arg(long, env = "GATEWAY_URL", hide_env_values = true)]
    pub gateway: Option<String>,
    /// Number of fans.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    pub fans: u32,
    /// Event that all come for [default: each chooses one that is on sale].
    #[arg(long)]
    pub event: Option<EventId>,
    /// What decides all their choices [default: drawn, and printed].
    #[arg(long)]
    pub seed: Option<u64>,
    /// File to write the report to, as JSON.
    #[arg(long)]
    pub report: Option<PathBuf>,
    /// Shape of the arrivals.
    #[arg(long, value_enum, default_value_t)]
    pub arrival: Arrival,
    /// Seconds within which all have arrived.
    #[arg(long, default_value_t = 10.0, value_parser = seconds)]
    pub over: f64,
    /// Seconds that a fan waits for a seat, and then again for the payment.
    #[arg(long, default_value_t = 600.0, value_parser = seconds)]
    pub patience: f64,
    /// Seconds that a fan thinks before a step, on average.
    #[arg(long, default_value_t = 0.5, value_parser = seconds)]
    pub think: f64,
    /// Share that leaves while waiting in line.
    #[arg(long, default_value_t = 0.05, value_parser = share)]
    pub drop_out: f64,
    /// Share that leaves with a hold in hand, before paying or in the provider's window.
    #[arg(long, default_value_t = 0.0, value_parser = share)]
    pub abandon: f64,
    /// Share whose first card is refused; they try another one.
    #[arg(long, default_value_t = 0.03, value_parser = share)]
    pub decline: f64,
    /// Share that gives the paid ticket back and waits for the refund.
    #[arg(long, default_value_t = 0.0, value_parser = share)]
    pub cancel: f64,
    /// Share that registers; the others use seeded accounts, if their password is known.
    #[arg(long, default_value_t = 0.02, value_parser = share)]
    pub register: f64,
    /// Number of the first seeded account to use.
    #[arg(long, default_value_t = 1)]
    pub first_account: u32,
    /// Seats, or standing places, that each wants in one hold.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=MOST_SEATS))]
    pub seats: u32,
    /// Nobody books: fans join, poll and send heartbeats until their patience ends.
    #[arg(long)]
    pub idle_polls: bool,
    /// Most requests under way at once.
    #[arg(long, default_value_t = 512, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_connections: u32,
    /// File of variables that `urr up` wrote, such as `.urr/run.env`.
    #[arg(long)]
    pub env_file: Option<PathBuf>,
    /// Password of the seeded accounts [default: that of the env file]. `@/path` reads it from a file.
    #[arg(long, env = "DEMO_FAN_PASSWORD", hide_env_values = true,
          value_parser = urr_kit::config::parse_secret)]
    pub demo_fan_password: Option<SecretString>,
}

impl Config {
    /// The variables of the env file, if one is named.
    pub fn variables(&self) -> anyhow::Result<Variables> {
        match &self.env_file {
            Some(path) => env_file::read(path),
            None => Ok(Variables::new()),
        }
    }

    /// The gateway's address, without a slash at its end.
    pub fn gateway(&self, variables: &Variables) -> anyhow::Result<reqwest::Url> {
        let address = self
            .gateway
            .as_deref()
            .or_else(|| env_file::value(variables, "GATEWAY_URL"))
            .unwrap_or(DEFAULT_GATEWAY);
        let url: reqwest::Url = address
            .parse()
            .with_context(|| format!("--gateway {address} is no address"))?;
        anyhow::ensure!(
            url.scheme() == "http" && url.has_host(),
            "--gateway {address} is not of the form http://host:port"
        );
        Ok(url)
    }

    /// What all fans have in common.
    pub fn rules(&self, variables: &Variables) -> Rules {
        let password = self.demo_fan_password.as_ref();
        Rules {
            event: self.event,
            patience: Duration::from_secs_f64(self.patience),
            think: Duration::from_secs_f64(self.think),
            seats: self.seats,
            idle_polls: self.idle_polls,
            drop_out: self.drop_out,
            abandon: self.abandon,
            decline: self.decline,
            cancel: self.cancel,
            accounts: Accounts {
                demo_password: password
                    .map(ExposeSecret::expose_secret)
                    .or_else(|| env_file::value(variables, "DEMO_FAN_PASSWORD"))
                    .map(str::to_owned),
                register: self.register,
                first: self.first_account,
            },
        }
    }
}

/// The gateway's limits, as far as the env file has them.
pub fn rate_limits(variables: &Variables) -> RateLimits {
    let limit = |category: &str| {
        let name = format!("RATE_LIMIT_{category}_RPM");
        env_file::value(variables, &name).and_then(|value| value.parse().ok())
    };
    RateLimits {
        auth: limit("AUTH"),
        queue: limit("QUEUE"),
        booking: limit("BOOKING"),
        general: limit("GENERAL"),
    }
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("a share is a number from 0 to 1".to_owned()),
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if (0.0..=1e7).contains(&seconds) => Ok(seconds),
        _ => Err("not a number of seconds".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        config: Config,
    }

    fn config(arguments: &[&str]) -> Result<Config, clap::Error> {
        let all = std::iter::once(&"crowd").chain(arguments);
        Cli::try_parse_from(all).map(|cli| cli.config)
    }

    #[test]
    fn what_is_no_share_no_time_and_no_number_is_refused() {
        for wrong in [
            ["--drop-out", "1.5"],
            ["--cancel", "-0.1"],
            ["--register", "NaN"],
            ["--over", "soon"],
            ["--patience", "inf"],
            ["--fans", "0"],
            ["--seats", "9"],
            ["--event", "no-uuid"],
            ["--max-connections", "0"],
        ] {
            assert!(config(&wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn the_env_file_tells_what_no_option_says() {
        let file =
            env_file::parse("GATEWAY_URL=http://h:9\nDEMO_FAN_PASSWORD=p\nRATE_LIMIT_AUTH_RPM=5")
                .expect("variables");
        let config = config(&[]).expect("defaults are valid");
        assert_eq!(
            config.gateway(&file).expect("valid").as_str(),
            "http://h:9/"
        );
        assert_eq!(
            config.rules(&file).accounts.demo_password.as_deref(),
            Some("p")
        );
        assert_eq!(rate_limits(&file).auth, Some(5));
        assert_eq!(rate_limits(&file).queue, None);
    }

    #[test]
    fn a_gateway_is_an_http_address() {
        for wrong in ["https://h:1", "h:1", "nonsense"] {
            let config = config(&["--gateway", wrong]).expect("read later");
            assert!(config.gateway(&Variables::new()).is_err(), "{wrong}");
        }
    }
}
