//! A crowd against a stand-in of the public API: the crowd is what is under test here, and
//! the stand-in can be told to misbehave as no real platform will on demand.

mod faults;
mod sale;
mod stand_in;

use clap::Parser;
use urr_crowd::{Config, Report};
use urr_kit::Runtime;

#[derive(Parser)]
#[command(args_override_self = true)]
struct Cli {
    #[command(flatten)]
    config: Config,
}

/// Options that leave nothing to chance but what the seed decides.
fn config(gateway: &str, more: &[&str]) -> Config {
    let fixed = [
        "crowd",
        "--gateway",
        gateway,
        "--seed",
        "7",
        "--over",
        "0",
        "--think",
        "0",
        "--patience",
        "60",
        "--drop-out",
        "0",
        "--decline",
        "0",
        "--demo-fan-password",
        stand_in::PASSWORD,
    ];
    Cli::parse_from(fixed.iter().chain(more)).config
}

/// Runs a crowd at `gateway` to its end.
async fn crowd(gateway: &str, more: &[&str]) -> Report {
    urr_crowd::run(config(gateway, more), Runtime::new("crowd"))
        .await
        .expect("the crowd runs")
}
