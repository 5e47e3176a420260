//! Settings of the payment service.

use std::time::Duration;

use anyhow::Context;
use secrecy::SecretString;
use urr_kit::{
    bus::BusArgs,
    config::{GatewayTokenArgs, HttpArgs, InternalArgs, parse_secret},
    retention::DeadLetterArgs,
};

urr_kit::database_args!(pub PaymentDatabase, "PAYMENT_DB");

/// Where Toss Payments is.
const TOSS_URL: &str = "https://api.tosspayments.com";

/// Settings of `urr payment`.
#[derive(clap::Args, Clone, Debug)]
pub struct Config {
    /// Where it listens.
    #[command(flatten)]
    pub http: HttpArgs<3003>,
    /// Its database.
    #[command(flatten)]
    pub database: PaymentDatabase,
    /// The bus.
    #[command(flatten)]
    pub bus: BusArgs,
    /// The token of calls between services.
    #[command(flatten)]
    pub internal: InternalArgs,
    /// The gateway's token.
    #[command(flatten)]
    pub gateway: GatewayTokenArgs,
    /// Who moves the money.
    #[command(flatten)]
    pub provider: ProviderArgs,
    /// How long facts are kept that could not be applied.
    #[command(flatten)]
    pub dead_letters: DeadLetterArgs,
    /// Base URL of the ticket service.
    #[arg(
        long,
        env = "TICKET_SERVICE_URL",
        default_value = "http://localhost:3002",
        hide_env_values = true
    )]
    pub ticket_service_url: String,
}

/// Which payment provider.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProviderKind {
    /// Toss Payments: real money.
    Toss,
    /// The simulator at `PAYMENT_PROVIDER_URL`.
    Simulator,
}

/// The payment provider. There is no default: a forgotten key never means free tickets.
#[derive(clap::Args, Clone, Debug)]
pub struct ProviderArgs {
    /// Who moves the money.
    #[arg(
        long = "provider",
        env = "PAYMENT_PROVIDER",
        hide_env_values = true,
        value_enum
    )]
    pub kind: ProviderKind,
    /// Base URL of the simulator.
    #[arg(
        long = "provider-url",
        env = "PAYMENT_PROVIDER_URL",
        hide_env_values = true
    )]
    pub url: Option<String>,
    /// Secret key at the provider. `@/path` reads it from a file.
    #[arg(long, env = "TOSS_SECRET_KEY", hide_env_values = true, value_parser = parse_secret)]
    pub toss_secret_key: SecretString,
    /// Public key that browsers open the provider's window with.
    #[arg(
        long,
        env = "TOSS_CLIENT_KEY",
        default_value = "test_ck_dummy",
        hide_env_values = true
    )]
    pub toss_client_key: String,
    /// Base URL of the simulator's checkout as browsers reach it; the simulator's own where empty.
    #[arg(
        long = "checkout-url",
        env = "PAYMENT_CHECKOUT_URL",
        hide_env_values = true
    )]
    pub checkout_url: Option<String>,
    /// Longest wait for an answer of the provider, in milliseconds.
    #[arg(
        long = "provider-timeout-ms",
        env = "PAYMENT_PROVIDER_TIMEOUT_MS",
        default_value_t = 6_000,
        hide_env_values = true
    )]
    pub timeout_ms: u64,
    /// Whether `process` takes the demonstration's methods, with which no money moves.
    #[arg(long = "demo-methods", env = "PAYMENT_DEMO_METHODS", default_value_t = false,
          action = clap::ArgAction::Set, hide_env_values = true)]
    pub demo_methods: bool,
}

impl ProviderArgs {
    /// Base URL of the provider.
    pub(crate) fn base_url(&self) -> anyhow::Result<String> {
        match self.kind {
            ProviderKind::Toss => Ok(TOSS_URL.to_owned()),
            ProviderKind::Simulator => self
                .url
                .clone()
                .filter(|url| !url.is_empty())
                .context("PAYMENT_PROVIDER=simulator needs PAYMENT_PROVIDER_URL"),
        }
    }

    /// Base URL of the checkout that prepare links to: the simulator's. Toss has its own window.
    pub(crate) fn checkout(&self) -> Option<String> {
        match self.kind {
            ProviderKind::Toss => None,
            ProviderKind::Simulator => self
                .checkout_url
                .clone()
                .filter(|url| !url.is_empty())
                .or_else(|| self.url.clone()),
        }
    }

    pub(crate) const fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        provider: ProviderArgs,
    }

    fn parse(arguments: &[&str]) -> Result<ProviderArgs, clap::Error> {
        let all = ["urr", "--toss-secret-key", "test_sk"];
        Cli::try_parse_from(all.iter().chain(arguments)).map(|cli| cli.provider)
    }

    #[test]
    fn the_provider_has_no_default() {
        assert!(parse(&[]).is_err());
        assert!(parse(&["--provider", "free"]).is_err());
    }

    #[test]
    fn the_simulator_needs_an_address_and_toss_has_one() {
        let simulator = parse(&["--provider", "simulator"]).expect("parsed");
        assert!(simulator.base_url().is_err());
        let toss = parse(&["--provider", "toss"]).expect("parsed");
        assert_eq!(toss.base_url().expect("known"), TOSS_URL);
        assert_eq!(toss.checkout(), None);
        assert!(!toss.demo_methods);
    }
}
