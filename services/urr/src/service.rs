//! One service in this process.

use std::{fmt, time::Duration};

use anyhow::bail;
use urr_kit::{
    Runtime,
    telemetry::{self, TelemetryArgs},
};

use crate::process::ProcessArgs;

/// How long a service may take to stop after it was asked: what the server gives requests,
/// then what background tasks get, and a little.
const STOPS_WITHIN: Duration = Duration::from_secs(26);

/// A service, with its settings.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Service {
    /// Runs the gateway: the one way in. Knows who asks, limits, and passes on.
    Gateway(Box<Run<urr_gateway::Config>>),
    /// Runs auth: accounts and sessions.
    Auth(Box<Run<urr_auth::Config>>),
    /// Runs ticket: events, seats and reservations.
    Ticket(Box<Run<urr_ticket::Config>>),
    /// Runs payment: orders, refunds and the books.
    Payment(Box<Run<urr_payment::Config>>),
    /// Runs queue: the waiting room in front of each event.
    Queue(Box<Run<urr_queue::Config>>),
    /// Runs the worker that lets people out of the waiting room.
    QueueAdmission(Box<Run<urr_queue::AdmissionConfig>>),
    /// Runs stats: what was sold, when and to whom.
    Stats(Box<Run<urr_stats::Config>>),
    /// Runs community: news, posts and comments.
    Community(Box<Run<urr_community::Config>>),
    /// Runs a payment provider to practise with; no money moves.
    TossSimulator(Box<Run<urr_toss_simulator::Config>>),
}

impl Service {
    /// Its name on the command line.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Gateway(_) => "gateway",
            Self::Auth(_) => "auth",
            Self::Ticket(_) => "ticket",
            Self::Payment(_) => "payment",
            Self::Queue(_) => "queue",
            Self::QueueAdmission(_) => "queue-admission",
            Self::Stats(_) => "stats",
            Self::Community(_) => "community",
            Self::TossSimulator(_) => "toss-simulator",
        }
    }

    /// Runs it until SIGINT or SIGTERM.
    pub(crate) fn run(self, telemetry: &TelemetryArgs) -> anyhow::Result<()> {
        let name = self.name();
        match self {
            Self::Gateway(run) => run.serve(name, telemetry, urr_gateway::run),
            Self::Auth(run) => run.serve(name, telemetry, urr_auth::run),
            Self::Ticket(run) => run.serve(name, telemetry, urr_ticket::run),
            Self::Payment(run) => run.serve(name, telemetry, urr_payment::run),
            Self::Queue(run) => run.serve(name, telemetry, urr_queue::run),
            Self::QueueAdmission(run) => run.serve(name, telemetry, urr_queue::run_admission),
            Self::Stats(run) => run.serve(name, telemetry, urr_stats::run),
            Self::Community(run) => run.serve(name, telemetry, urr_community::run),
            Self::TossSimulator(run) => run.serve(name, telemetry, urr_toss_simulator::run),
        }
    }
}

/// Settings of one service and of the process it runs in.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Run<C: clap::Args + fmt::Debug> {
    #[command(flatten)]
    config: C,
    #[command(flatten)]
    process: ProcessArgs,
}

impl<C: clap::Args + fmt::Debug> Run<C> {
    fn serve<F>(
        self,
        name: &'static str,
        telemetry: &TelemetryArgs,
        run: impl FnOnce(C, Runtime) -> F,
    ) -> anyhow::Result<()>
    where
        F: Future<Output = anyhow::Result<()>>,
    {
        self.process.end_with_supervisor()?;
        ProcessArgs::take_name(name);
        let _flushed_at_the_end = telemetry::init(name, telemetry)?;
        let threads = self.process.runtime()?;
        let result = threads.block_on(async {
            let runtime = Runtime::new(name);
            runtime.tasks.cancel_on_signal()?;
            let tasks = runtime.tasks.clone();
            let overdue = async {
                tasks.cancelled().await;
                tokio::time::sleep(STOPS_WITHIN).await;
            };
            tokio::select! {
                result = run(self.config, runtime) => result,
                () = overdue => bail!("{name} did not stop within {} s", STOPS_WITHIN.as_secs()),
            }
        });
        // A thread that still hashes a password is not waited for.
        threads.shutdown_background();
        result
    }
}
