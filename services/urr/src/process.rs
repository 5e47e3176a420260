//! This process: its threads, its end with the one that started it, its exit code.

use std::{fmt, process::ExitCode};

use anyhow::Context;
use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};
use tokio::runtime::{Builder, Runtime};

/// How the program ended. `--help` shows the same list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Done, or stopped as asked.
    Done,
    /// It failed, or a check of the data failed.
    Failed,
    /// It was not even tried: usage, configuration, or nothing to check against.
    NotTried,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Done => Self::SUCCESS,
            Outcome::Failed => Self::from(1),
            Outcome::NotTried => Self::from(2),
        }
    }
}

/// Text on exit codes for `--help`.
pub(crate) const EXIT_CODES: &str = "Exit codes:
  0  done, or stopped by SIGINT or SIGTERM
  1  failed, or the audit found something wrong
  2  not tried: usage or configuration is wrong, or there is nothing to audit against";

/// Threads of a service, and its supervisor.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct ProcessArgs {
    /// Threads that run requests. Two keep nine services on one machine small.
    #[arg(
        long,
        env = "TOKIO_WORKER_THREADS",
        default_value_t = 2,
        hide_env_values = true
    )]
    pub(crate) worker_threads: usize,
    /// Process whose end ends this one; set by `urr up`.
    #[arg(long, env = "URR_SUPERVISOR_PID", hide = true)]
    pub(crate) supervisor_pid: Option<i32>,
}

impl ProcessArgs {
    /// A runtime with that many threads.
    pub(crate) fn runtime(&self) -> anyhow::Result<Runtime> {
        Builder::new_multi_thread()
            .worker_threads(self.worker_threads.max(1))
            .thread_name("urr-worker")
            .enable_all()
            .build()
            .context("cannot start threads")
    }

    /// Names this process for `ps` and `top`.
    pub(crate) fn take_name(service: &str) {
        let name = std::ffi::CString::new(format!("urr {service}"));
        // Without the name everything works the same.
        if let Some(Err(error)) = name.ok().map(|name| rustix::thread::set_name(&name)) {
            tracing::debug!(%error, "the process keeps its old name");
        }
    }

    /// Ties this process to its supervisor, if it has one: the kernel kills it when the
    /// supervisor ends, however that ends. Errs when the supervisor is gone already.
    pub(crate) fn end_with_supervisor(&self) -> anyhow::Result<()> {
        let Some(supervisor) = self.supervisor_pid else {
            return Ok(());
        };
        set_parent_process_death_signal(Some(Signal::KILL))
            .context("cannot follow the supervisor")?;
        anyhow::ensure!(
            Pid::as_raw(getppid()) == supervisor,
            "the supervisor ended before this process began"
        );
        Ok(())
    }
}

/// Keeps this process and all it starts from huge pages. The allocator asks for them, and
/// then an idle service fills ten megabytes with the two that it needs.
pub(crate) fn keep_pages_small() {
    if let Err(error) = rustix::thread::disable_transparent_huge_pages(true) {
        tracing::debug!(%error, "pages may be huge");
    }
}

/// Runs `work` on a runtime of one thread, the calling one. What it spawns may be tied to
/// this thread, which lives as long as the process.
pub(crate) fn on_this_thread<T>(
    work: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<T> {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?
        .block_on(work)
}

/// Says on standard output what a command did.
pub(crate) fn print(sentence: &str) {
    use std::io::Write as _;
    // Nobody reads any more when standard output is closed.
    drop(writeln!(std::io::stdout(), "{sentence}"));
}

/// Says on standard error what went wrong, in one sentence.
pub(crate) fn complain(problem: &dyn fmt::Display) {
    use std::io::Write as _;
    // Nobody left to tell when standard error is closed.
    drop(writeln!(std::io::stderr(), "urr: {problem}"));
}
