//! A real `urr up`, with everything that it starts.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::Arc,
    thread::JoinHandle,
};

use parking_lot::Mutex;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use urr_testkit::wait_for;

use crate::command::urr;

/// A directory that Postgres' own account can reach, so that nothing is put elsewhere.
pub(crate) fn directory() -> TempDir {
    use std::os::unix::fs::PermissionsExt;
    tempfile::Builder::new()
        .prefix("urr-up-")
        .permissions(std::fs::Permissions::from_mode(0o755))
        .tempdir()
        .expect("a temporary directory")
}

/// `urr up` in `directory` with its gateway on `port` (0: any), not started yet.
pub(crate) fn up(directory: &Path, port: u16) -> Command {
    let mut command = urr(&["up", "--quiet", "--demo-fans", "250"]);
    command
        .args(["--port", &port.to_string(), "--dir"])
        .arg(directory);
    command
}

/// A running `urr up`. All of it is gone when this is dropped.
pub(crate) struct Platform {
    directory: PathBuf,
    program: Child,
    said: Arc<Mutex<Vec<String>>>,
    listeners: Vec<JoinHandle<()>>,
}

impl Platform {
    /// Starts it with further variables, and waits until it says that it is ready.
    pub(crate) async fn start(directory: &Path, variables: &[(&str, &str)]) -> Self {
        let mut program = up(directory, 0)
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program can be executed");
        let said = Arc::default();
        let listeners = vec![
            listen(program.stdout.take().expect("piped"), &said),
            listen(program.stderr.take().expect("piped"), &said),
        ];
        let mut platform = Self {
            directory: directory.to_owned(),
            program,
            said,
            listeners,
        };
        until("urr up to be ready", || {
            let over = platform.program.try_wait().expect("it is our child");
            let said = platform.said.lock().clone();
            assert!(over.is_none(), "ended {over:?}: {said:#?}");
            platform.has_said("URR is ready: ")
        })
        .await;
        platform
    }

    /// Whether any of its lines contains `words`.
    pub(crate) fn has_said(&self, words: &str) -> bool {
        self.said.lock().iter().any(|line| line.contains(words))
    }

    /// What it wrote into `run.env`.
    pub(crate) fn addresses(&self) -> BTreeMap<String, String> {
        let text = std::fs::read_to_string(self.run_env()).expect("run.env");
        text.lines()
            .filter_map(|line| line.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    /// One of the secrets that it made.
    pub(crate) fn secret(&self, name: &str) -> String {
        let text = std::fs::read_to_string(self.directory.join("secrets.env"));
        let text = text.expect("secrets.env");
        let mut lines = text.lines().filter_map(|line| line.split_once('='));
        let found = lines.find(|(other, _)| *other == name);
        found.expect("a secret of that name").1.to_owned()
    }

    /// The file for other commands.
    pub(crate) fn run_env(&self) -> PathBuf {
        self.directory.join("run.env")
    }

    /// The process of one service.
    pub(crate) fn service(&self, name: &str) -> Process {
        let wanted = format!("urr\0{name}\0");
        self.processes()
            .into_iter()
            .find(|process| process.command_line() == wanted)
            .expect("the service runs")
    }

    /// Everything it has started and that runs now.
    pub(crate) fn processes(&self) -> Vec<Process> {
        Process::all()
            .into_iter()
            .filter(|process| process.parent() == Some(self.program.id()))
            .collect()
    }

    /// Sends it a signal and waits for its end; returns how it ended and what it had started.
    pub(crate) async fn end(mut self, signal: Signal) -> (ExitStatus, Vec<Process>) {
        let started = self.processes();
        kill_process(Pid::from_child(&self.program), signal).expect("it runs");
        until("urr up to end", || {
            self.program.try_wait().expect("it is our child").is_some()
        })
        .await;
        let status = self.program.wait().expect("it has ended");
        (status, started)
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        // It may have ended already; its children end with it.
        drop(self.program.kill());
        drop(self.program.wait());
        for listener in self.listeners.drain(..) {
            drop(listener.join());
        }
    }
}

fn listen(
    stream: impl std::io::Read + Send + 'static,
    said: &Arc<Mutex<Vec<String>>>,
) -> JoinHandle<()> {
    let said = Arc::clone(said);
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            said.lock().push(line);
        }
    })
}

/// Waits for what can be seen without waiting.
pub(crate) async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    wait_for(what, || std::future::ready(condition())).await;
}

/// A process of this machine; two with the same number at different times are different.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    id: u32,
    started: String,
}

impl Process {
    fn all() -> Vec<Self> {
        std::fs::read_dir("/proc")
            .expect("/proc")
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .filter_map(Self::of)
            .collect()
    }

    /// The process of that number, unless it is over and only waits to be noticed.
    fn of(id: u32) -> Option<Self> {
        let fields = status(id)?;
        (fields[0] != "Z").then(|| Self {
            id,
            started: fields[19].clone(),
        })
    }

    fn parent(&self) -> Option<u32> {
        status(self.id)?[1].parse().ok()
    }

    fn command_line(&self) -> String {
        std::fs::read_to_string(format!("/proc/{}/cmdline", self.id)).unwrap_or_default()
    }

    /// Whether it still runs.
    pub(crate) fn is_running(&self) -> bool {
        Self::of(self.id).as_ref() == Some(self)
    }

    /// Ends it without a warning.
    pub(crate) fn kill(&self) {
        let id = i32::try_from(self.id).ok().and_then(Pid::from_raw);
        kill_process(id.expect("a number of a process"), Signal::KILL).expect("it runs");
    }
}

/// Fields of `/proc/<id>/stat` after the name, which may contain anything: state, parent, …
fn status(id: u32) -> Option<Vec<String>> {
    let text = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let (_, fields) = text.rsplit_once(')')?;
    Some(fields.split_whitespace().map(str::to_owned).collect())
}
