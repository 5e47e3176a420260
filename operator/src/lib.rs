//! The operator: opens sales on Kubernetes.
//!
//! It is never in the way of a request and not needed at the minute of opening: everything a
//! sale needs is in place before, and the waiting room opens by its own clock.

mod apply;
mod backoff;
mod bells;
mod capacity;
mod causes;
mod cli;
mod clients;
pub mod crd;
mod lease;
mod platform;
mod release;
mod report;
mod run;
mod sale;
mod schedule;
mod scope;
mod startup;
mod telemetry;
mod watches;
mod world;

use std::{io::Write as _, process::ExitCode};

use anyhow::Context;
use clap::{CommandFactory, FromArgMatches};

use causes::chain;
use cli::{Cli, Command};

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    // Without values in its help: one of them is a secret.
    let matches = Cli::command().get_matches();
    let result = Cli::from_arg_matches(&matches)
        .map_err(Into::into)
        .and_then(run);
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody left to tell when standard error is closed.
            drop(writeln!(
                std::io::stderr(),
                "urr-operator: {}",
                chain(&*error)
            ));
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<()> {
    let _flushed_at_the_end = match cli.command {
        Command::Crd => None,
        _ => Some(urr_kit::telemetry::init("operator", &cli.telemetry)?),
    };
    let mut threads = tokio::runtime::Builder::new_multi_thread();
    threads
        .worker_threads(cli.worker_threads.max(1))
        .enable_all();
    let threads = threads.build().context("cannot start threads")?;
    match cli.command {
        Command::Run(args) => threads.block_on(run::run(*args)),
        Command::Release(args) => {
            let released = threads.block_on(release::run(&args))?;
            say(&format!(
                "let go of {} sales: {}\nand of {} floors: {}\n",
                released.sales.len(),
                released.sales.join(", "),
                released.workloads.len(),
                released.workloads.join(", ")
            ))
        }
        Command::Crd => say(&crd::yaml()?),
    }
}

/// Writes on standard output.
fn say(text: &str) -> anyhow::Result<()> {
    Ok(std::io::stdout().write_all(text.as_bytes())?)
}
