//! The operator: opens sales on Kubernetes.
//!
//! It is never in the way of a request and not needed at the minute of opening: everything a
//! sale needs is in place before, and the waiting room opens by its own clock.

mod cli;
pub mod crd;

use std::{io::Write as _, process::ExitCode};

use clap::Parser as _;

use cli::{Cli, Command};

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody left to tell when standard error is closed.
            drop(writeln!(std::io::stderr(), "urr-operator: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> anyhow::Result<()> {
    match cli.command {
        Command::Crd => {
            std::io::stdout().write_all(crd::yaml()?.as_bytes())?;
            Ok(())
        }
    }
}
