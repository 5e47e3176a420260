//! Programs of this repository that run beside a test, on this machine.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process};

/// The folder that cargo builds this profile into.
pub(crate) fn target() -> anyhow::Result<PathBuf> {
    let test = std::env::current_exe().context("where this test is")?;
    test.parent()
        .and_then(Path::parent)
        .map(Path::to_owned)
        .context("tests are in target/<profile>/deps")
}

/// A binary of this workspace, such as `urr`; `e2e/run` has built it.
pub fn program(name: &str) -> anyhow::Result<PathBuf> {
    let path = target()?.join(name);
    anyhow::ensure!(
        path.exists(),
        "{} is not built: cargo build --package urr-{name}",
        path.display()
    );
    Ok(path)
}

/// A process that ends with the test.
#[derive(Debug)]
pub struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command`; its lines go into the file `log`, after what is there.
    pub fn start(mut command: Command, log: &Path) -> anyhow::Result<Self> {
        let lines = File::options()
            .create(true)
            .append(true)
            .open(log)
            .with_context(|| log.display().to_string())?;
        let errors = lines.try_clone()?;
        let child = command
            .stdin(Stdio::null())
            .stdout(lines)
            .stderr(errors)
            .spawn()
            .with_context(|| format!("{} cannot be started", command.get_program().display()))?;
        Ok(Self {
            child,
            log: log.to_owned(),
        })
    }

    /// What it has written so far.
    pub fn lines(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends it at once, without a word: what a power cut does.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.child.kill().context("it cannot be killed")?;
        self.child.wait().context("it cannot be waited for")?;
        Ok(())
    }

    /// Stops it in the middle of what it does, until [`Process::thaw`].
    pub fn freeze(&self) -> anyhow::Result<()> {
        self.signal(Signal::STOP).context("it cannot be frozen")
    }

    /// Lets it go on after [`Process::freeze`].
    pub fn thaw(&self) -> anyhow::Result<()> {
        self.signal(Signal::CONT).context("it cannot be thawed")
    }

    /// Asks it to end and waits; whether its exit code was 0.
    pub fn stop(&mut self) -> anyhow::Result<bool> {
        if self.child.try_wait()?.is_none() {
            self.signal(Signal::TERM)
                .context("it cannot be asked to end")?;
            // A frozen one would not hear it.
            self.thaw()?;
        }
        Ok(self.child.wait()?.success())
    }

    fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let id = i32::try_from(self.child.id()).context("a process id")?;
        let id = Pid::from_raw(id).context("a process id")?;
        Ok(kill_process(id, signal)?)
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> anyhow::Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }
}

impl Drop for Process {
    #[expect(
        clippy::print_stderr,
        reason = "a failed test shows what its processes said"
    )]
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            eprintln!("{}: {error:#}", self.log.display());
        }
        if std::thread::panicking() {
            let lines = self.lines();
            let last: Vec<_> = lines.lines().rev().take(40).collect();
            eprintln!("last lines of {}:", self.log.display());
            for line in last.into_iter().rev() {
                eprintln!("  {line}");
            }
        }
    }
}
