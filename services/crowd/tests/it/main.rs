//! A crowd against a stand-in of the public API: the crowd is what is under test here, and
//! the stand-in can be told to misbehave as no real platform will on demand.

mod faults;
mod sale;
mod stand_in;

use urr_crowd::{Config, Report};
use urr_kit::Runtime;

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
    urr_testkit::settings(fixed.iter().chain(more))
}

/// Runs a crowd at `gateway` to its end.
async fn crowd(gateway: &str, more: &[&str]) -> Report {
    urr_crowd::run(config(gateway, more), Runtime::new("crowd"))
        .await
        .expect("the crowd runs")
}
