//! One supervised process: started, watched, started again when it ends, stopped when asked.

use std::{
    os::unix::process::ExitStatusExt,
    process::{ExitStatus, Stdio},
    time::{Duration, Instant},
};

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader},
    process::{Child, Command},
    sync::{mpsc, watch},
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{backoff::Backoff, console::Log};

/// Longest line that is kept whole.
const LINE_BYTES: u64 = 16 * 1024;
/// How long output may still arrive after the process ended; grandchildren may hold the pipe.
const LAST_OUTPUT: Duration = Duration::from_millis(300);

/// What shall run.
pub(crate) struct Program {
    /// Its name in sentences and logs.
    pub(crate) name: &'static str,
    /// Makes the command, new for each start.
    pub(crate) command: Box<dyn FnMut() -> std::process::Command + Send>,
    /// The signal that asks it to stop.
    pub(crate) stop: Signal,
    /// How long it may take to stop.
    pub(crate) grace: Duration,
    /// Where its lines go.
    pub(crate) log: Log,
}

/// What a group of processes shall do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Run,
    Stop,
    Kill,
}

/// A process ended although nobody asked it to.
#[derive(Debug)]
pub(crate) struct Crash {
    /// Which one.
    pub(crate) name: &'static str,
    /// How often it did so without a steady run between.
    pub(crate) in_a_row: u32,
    /// Its exit code said that the configuration is wrong, which another start cannot mend.
    pub(crate) hopeless: bool,
    /// How it ended and what it said last.
    pub(crate) account: String,
}

/// Processes that are started one by one and stopped together.
pub(crate) struct Group {
    phase: watch::Sender<Phase>,
    running: JoinSet<()>,
    crashes: mpsc::UnboundedSender<Crash>,
}

impl Group {
    /// No processes yet. Crashes are told to `crashes`.
    pub(crate) fn new(crashes: mpsc::UnboundedSender<Crash>) -> Self {
        Self {
            phase: watch::Sender::new(Phase::Run),
            running: JoinSet::new(),
            crashes,
        }
    }

    /// Starts `program` and keeps it running.
    pub(crate) fn start(&mut self, program: Program) {
        let phase = self.phase.subscribe();
        self.running
            .spawn(supervise(program, phase, self.crashes.clone()));
    }

    /// Whether nothing was started.
    pub(crate) fn is_empty(&self) -> bool {
        self.running.is_empty()
    }

    /// Asks all to stop and waits until they did, or were killed after their grace.
    pub(crate) async fn stop(&mut self) {
        raise(&self.phase, Phase::Stop);
        while self.running.join_next().await.is_some() {}
    }

    /// Kills all when called; [`Group::stop`] still has to wait for them.
    pub(crate) fn killer(&self) -> impl Fn() + use<> {
        let phase = self.phase.clone();
        move || raise(&phase, Phase::Kill)
    }
}

/// Phases only go forward.
fn raise(phase: &watch::Sender<Phase>, wanted: Phase) {
    phase.send_if_modified(|current| {
        let higher = wanted > *current;
        *current = wanted.max(*current);
        higher
    });
}

/// Runs `program` again and again until the group stops.
async fn supervise(
    mut program: Program,
    mut phase: watch::Receiver<Phase>,
    crashes: mpsc::UnboundedSender<Crash>,
) {
    let mut backoff = Backoff::default();
    while *phase.borrow() == Phase::Run {
        let start = Instant::now();
        let ended = run_once(&mut program, &mut phase).await;
        if *phase.borrow() != Phase::Run {
            return;
        }
        let wait = backoff.after(start.elapsed());
        let crash = account(&program, &ended, backoff.crashes());
        program.log.console().say(&format!(
            "{} {}; it is started again in {:.1} s",
            crash.name,
            crash.account,
            wait.as_secs_f64()
        ));
        // Nobody listens any more once everything is up.
        drop(crashes.send(crash));
        tokio::select! {
            () = sleep(wait) => {}
            () = reached(&mut phase, Phase::Stop) => {}
        }
    }
}

fn account(program: &Program, ended: &anyhow::Result<ExitStatus>, in_a_row: u32) -> Crash {
    let account = match ended {
        Ok(status) => match (status.code(), status.signal()) {
            // Who is killed has no last words.
            (None, Some(signal)) => format!("was ended by signal {signal}"),
            (code, _) => format!(
                "ended with exit code {}; {}",
                code.unwrap_or_default(),
                program.log.last_words()
            ),
        },
        Err(error) => format!("could not be started: {error:#}"),
    };
    Crash {
        name: program.name,
        in_a_row,
        hopeless: ended.as_ref().is_ok_and(|status| status.code() == Some(2)),
        account,
    }
}

/// One life of the process. The kernel ties it to the calling thread.
async fn run_once(
    program: &mut Program,
    phase: &mut watch::Receiver<Phase>,
) -> anyhow::Result<ExitStatus> {
    let mut command = Command::from((program.command)());
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // Ctrl-C reaches this program alone, which then stops the others in their order.
        .process_group(0)
        .kill_on_drop(true);
    let mut child = command.spawn().context("it cannot be executed")?;
    let output = child.stdout.take().context("its output is missing")?;
    let errors = child.stderr.take().context("its errors are missing")?;
    let over = tokio::sync::Notify::new();
    let relay = async {
        tokio::join!(relay(output, &program.log), relay(errors, &program.log));
    };
    let relay_until_over = async {
        tokio::select! {
            () = relay => {}
            () = async { over.notified().await; sleep(LAST_OUTPUT).await } => {}
        }
    };
    let life = async {
        let status = live(&mut child, program.stop, program.grace, phase).await;
        over.notify_one();
        status
    };
    let ((), status) = tokio::join!(relay_until_over, life);
    status.context("it cannot be waited for")
}

/// Waits for its end; asks for it when the group stops.
async fn live(
    child: &mut Child,
    stop: Signal,
    grace: Duration,
    phase: &mut watch::Receiver<Phase>,
) -> std::io::Result<ExitStatus> {
    tokio::select! {
        status = child.wait() => return status,
        () = reached(phase, Phase::Stop) => signal(child, stop),
    }
    let patience = async {
        tokio::select! {
            () = sleep(grace) => {}
            () = reached(phase, Phase::Kill) => {}
        }
    };
    tokio::select! {
        status = child.wait() => return status,
        () = patience => {}
    }
    child.start_kill()?;
    child.wait().await
}

async fn reached(phase: &mut watch::Receiver<Phase>, wanted: Phase) {
    if phase.wait_for(|current| *current >= wanted).await.is_err() {
        // The group is gone, and with it everybody who could ask.
        std::future::pending::<()>().await;
    }
}

/// A process that ended meanwhile needs no signal.
fn signal(child: &Child, signal: Signal) {
    let pid = child
        .id()
        .and_then(|id| i32::try_from(id).ok())
        .and_then(Pid::from_raw);
    if let Some(Err(error)) = pid.map(|pid| kill_process(pid, signal)) {
        tracing::debug!(%error, "the signal did not reach its process");
    }
}

/// Hands on line after line, whatever the bytes are.
async fn relay(stream: impl AsyncRead + Unpin, log: &Log) {
    let mut reader = BufReader::new(stream);
    let mut line = Vec::new();
    loop {
        line.clear();
        match (&mut reader)
            .take(LINE_BYTES)
            .read_until(b'\n', &mut line)
            .await
        {
            Ok(0) | Err(_) => return,
            Ok(_) => log.line(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n'])),
        }
    }
}

/// Waits for `ready` unless a process of the start fails for good.
pub(crate) async fn unless_crashed<T>(
    crashes: &mut mpsc::UnboundedReceiver<Crash>,
    ready: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<T> {
    /// Another try is pointless after so many.
    const GIVES_UP: u32 = 8;
    let mut ready = std::pin::pin!(ready);
    loop {
        tokio::select! {
            result = &mut ready => return result,
            Some(crash) = crashes.recv() => anyhow::ensure!(
                !crash.hopeless && crash.in_a_row < GIVES_UP,
                "{} does not start: it {}", crash.name, crash.account
            ),
        }
    }
}

/// `future`, or an error that says what did not happen in time.
pub(crate) async fn within<T>(
    limit: Duration,
    what: &str,
    future: impl Future<Output = T>,
) -> anyhow::Result<T> {
    timeout(limit, future)
        .await
        .map_err(|_| anyhow::anyhow!("{what} did not happen within {} s", limit.as_secs()))
}

#[cfg(test)]
mod tests {
    use super::{super::console::Console, *};

    /// A grace that no test waits for.
    const LONG: Duration = Duration::from_hours(1);

    struct Fixture {
        _folder: tempfile::TempDir,
        console: Console,
        group: Group,
        crashes: mpsc::UnboundedReceiver<Crash>,
    }

    impl Fixture {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let (sender, crashes) = mpsc::unbounded_channel();
            Self {
                console: Console::new(folder.path(), true),
                _folder: folder,
                group: Group::new(sender),
                crashes,
            }
        }

        fn start(&mut self, script: &'static str, grace: Duration) -> Log {
            let log = self.console.log_of("script").unwrap();
            self.group.start(Program {
                name: "script",
                command: Box::new(move || {
                    let mut command = std::process::Command::new("sh");
                    command.args(["-c", script]);
                    command
                }),
                stop: Signal::TERM,
                grace,
                log: log.clone(),
            });
            log
        }

        async fn said(log: &Log, words: &str) {
            while !log.last_words().contains(words) {
                sleep(Duration::from_millis(5)).await;
            }
        }
    }

    #[tokio::test]
    async fn what_ends_is_started_again_and_told() {
        let mut fixture = Fixture::new();
        fixture.start("echo hello; exit 3", LONG);
        let crash = fixture.crashes.recv().await.unwrap();
        assert!(crash.account.contains("exit code 3"), "{}", crash.account);
        assert!(crash.account.contains("hello"), "{}", crash.account);
        assert!(!crash.hopeless);
        assert_eq!(fixture.crashes.recv().await.unwrap().in_a_row, 2);
        fixture.group.stop().await;
    }

    #[tokio::test]
    async fn wrong_configuration_ends_the_wait_at_once() {
        let mut fixture = Fixture::new();
        fixture.start("echo PORT is missing >&2; exit 2", LONG);
        let error = unless_crashed::<()>(&mut fixture.crashes, std::future::pending())
            .await
            .unwrap_err();
        assert!(error.to_string().contains("PORT is missing"), "{error}");
        fixture.group.stop().await;
    }

    #[tokio::test]
    async fn a_stopped_process_is_asked_and_not_started_again() {
        let mut fixture = Fixture::new();
        let log = fixture.start(
            "trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.01; done",
            LONG,
        );
        Fixture::said(&log, "up").await;
        fixture.group.stop().await;
        assert!(log.last_words().contains("bye"));
        assert!(fixture.crashes.try_recv().is_err());
    }

    #[tokio::test]
    async fn a_process_that_does_not_listen_is_killed_after_its_grace() {
        let mut fixture = Fixture::new();
        let log = fixture.start(
            "trap '' TERM; echo up; while :; do sleep 0.01; done",
            Duration::from_millis(50),
        );
        Fixture::said(&log, "up").await;
        fixture.group.stop().await;
    }

    #[tokio::test]
    async fn killing_does_not_wait_for_the_grace() {
        let mut fixture = Fixture::new();
        let log = fixture.start("trap '' TERM; echo up; while :; do sleep 0.01; done", LONG);
        Fixture::said(&log, "up").await;
        fixture.group.killer()();
        fixture.group.stop().await;
    }
}
