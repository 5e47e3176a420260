//! The command line. `--help` is the reference of everything that can be set.

use clap::Parser;
use urr_kit::telemetry::TelemetryArgs;

use crate::{release, run};

/// Opens sales on Kubernetes: policy, capacity and data, on time.
#[derive(Debug, Parser)]
#[command(name = "urr-operator", version, propagate_version = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Threads that do the work.
    #[arg(
        long,
        env = "TOKIO_WORKER_THREADS",
        default_value_t = 2,
        global = true,
        hide_env_values = true
    )]
    pub(crate) worker_threads: usize,
    #[command(flatten)]
    pub(crate) telemetry: TelemetryArgs,
}

/// What can be done.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Runs the operator until SIGTERM or SIGINT, or until it loses its Lease.
    Run(Box<run::Args>),
    /// Lets go of all sales before the operator is uninstalled; fails while one of them has
    /// `deletionPolicy: Delete`.
    Release(Box<release::Args>),
    /// Prints the `CustomResourceDefinition` of `TicketingEvent`.
    Crd,
}
