//! `urr crowd`: a crowd of simulated fans, and then the audit of what it left behind.

use urr_kit::{Runtime, telemetry::TelemetryArgs};

use crate::{
    audit,
    process::{Outcome, ProcessArgs, print},
};

/// Settings of `urr crowd`.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Args {
    #[command(flatten)]
    crowd: urr_crowd::Config,
    #[command(flatten)]
    audit: audit::Options,
    #[command(flatten)]
    process: ProcessArgs,
}

/// Sends the crowd, prints its report and audits. What a fan saw to be wrong is a failure
/// whatever the databases say.
pub(crate) fn run(args: Args, telemetry: &TelemetryArgs) -> anyhow::Result<Outcome> {
    let _flushed_at_the_end = urr_kit::telemetry::init("crowd", telemetry)?;
    let Args {
        crowd,
        audit,
        process,
    } = args;
    process.runtime()?.block_on(async {
        let runtime = Runtime::new("crowd");
        runtime.tasks.cancel_on_signal()?;
        let audit = audit::Config::after(audit, crowd.env_file.clone());
        let report = urr_crowd::run(crowd, runtime.clone()).await?;
        print(&report.table());
        runtime.tasks.shutdown().await;
        let audited = audit::run(audit).await?;
        Ok(if report.holds() {
            audited
        } else {
            Outcome::Failed
        })
    })
}
