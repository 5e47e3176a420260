//! The command line. `--help` is the reference of everything that can be set.

use clap::Parser;
use urr_kit::telemetry::TelemetryArgs;

/// Opens sales on Kubernetes: policy, capacity and data, on time.
#[derive(Debug, Parser)]
#[command(name = "urr-operator", version, propagate_version = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) telemetry: TelemetryArgs,
}

/// What can be done.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Prints the `CustomResourceDefinition` of `TicketingEvent`.
    Crd,
}
