//! The command line. `--help` is the reference of everything that can be set.

use clap::{CommandFactory, FromArgMatches, Parser};
use urr_kit::telemetry::TelemetryArgs;

use crate::{audit, crowd, migrate, process::EXIT_CODES, seed, service::Service, topics, up};

/// Ticketing for sales that everybody wants to be first at: seven services in one program.
#[derive(Debug, Parser)]
#[command(name = "urr", version, after_help = EXIT_CODES, propagate_version = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) telemetry: TelemetryArgs,
}

/// What can be done.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    #[command(flatten)]
    Service(Service),
    /// Says whether the settings of one service can be used: exit code 0 or 2.
    CheckConfig {
        #[command(subcommand)]
        service: Service,
    },
    /// Brings databases to the schema of this program.
    Migrate(Box<migrate::Args>),
    /// Fills databases with what a demonstration begins with.
    Seed(Box<seed::Args>),
    /// Keeps the topics of the bus in Kafka as large as they should be.
    Topics {
        #[command(subcommand)]
        command: topics::Command,
    },
    /// Runs the whole platform on this machine, engines included, until Ctrl-C.
    Up(up::Options),
    /// Sends simulated fans through a sale, and audits what they left behind.
    Crowd(Box<crowd::Args>),
    /// Checks by reading the databases that every ticket and every won is accounted for.
    Audit(Box<audit::Config>),
    /// Prints the OpenAPI document of the whole platform, as the gateway carries it.
    Openapi,
}

/// Reads the command line of this process.
pub(crate) fn parse() -> Result<Cli, clap::Error> {
    let matches = without_values(Cli::command()).try_get_matches()?;
    Cli::from_arg_matches(&matches)
}

/// The same command, whose help shows no value of the environment: some are secrets.
fn without_values(command: clap::Command) -> clap::Command {
    command
        .mut_args(|argument| argument.hide_env_values(true))
        .mut_subcommands(without_values)
}
