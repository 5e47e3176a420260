//! The one program of URR: each service as a subcommand, and what puts them to work
//! together: `up`, `migrate`, `seed`, `crowd`, `audit` and `openapi`.
//!
//! Decisions are the services'; here are processes, databases and exit codes.

mod audit;
mod cli;
mod crowd;
mod databases;
mod migrate;
pub mod openapi;
mod process;
mod seed;
mod service;
mod topics;
mod up;

use std::process::ExitCode;

use urr_kit::telemetry;

use cli::{Cli, Command};
use process::{Outcome, complain, on_this_thread, print};

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    process::keep_pages_small();
    let cli = match cli::parse() {
        Ok(cli) => cli,
        Err(error) => {
            drop(error.print());
            return if error.use_stderr() {
                Outcome::NotTried.into()
            } else {
                Outcome::Done.into()
            };
        }
    };
    match run(cli) {
        Ok(outcome) => outcome.into(),
        Err(error) => {
            complain(&format_args!("{error:#}"));
            Outcome::Failed.into()
        }
    }
}

fn run(Cli { command, telemetry }: Cli) -> anyhow::Result<Outcome> {
    match command {
        Command::Service(service) => service.run(&telemetry)?,
        Command::CheckConfig { service } => {
            print(&format!("{}: the settings can be used", service.name()));
        }
        Command::Migrate(args) => {
            let _flushed_at_the_end = telemetry::init("migrate", &telemetry)?;
            on_this_thread(migrate::run(&args, print))?;
        }
        Command::Seed(args) => {
            let _flushed_at_the_end = telemetry::init("seed", &telemetry)?;
            on_this_thread(seed::run(&args, print))?;
        }
        Command::Topics { command } => {
            let _flushed_at_the_end = telemetry::init("topics", &telemetry)?;
            on_this_thread(topics::run(&command, print))?;
        }
        Command::Crowd(args) => return crowd::run(*args, &telemetry),
        Command::Audit(config) => {
            let _flushed_at_the_end = telemetry::init("audit", &telemetry)?;
            return on_this_thread(audit::run(*config));
        }
        Command::Openapi => print(openapi::document()?.trim_end()),
        Command::Up(options) => on_this_thread(up::run(&options))?,
    }
    Ok(Outcome::Done)
}
