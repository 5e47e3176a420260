//! The operator as a process of this machine, where no pod runs it.

use std::{net::TcpListener, path::PathBuf, process::Command};

use parking_lot::Mutex;

use crate::{
    helm::Chart,
    namespace::Namespace,
    process::{Process, program, target},
    rollout::established,
};

/// An operator that looks after one namespace, and has its Lease there. Ends when dropped.
#[derive(Debug)]
pub struct Operator {
    arguments: Vec<String>,
    log: PathBuf,
    process: Process,
    port: u16,
}

impl Operator {
    /// Makes its resource known and starts it with further `arguments`.
    pub fn start(namespace: &Namespace, arguments: &[&str]) -> anyhow::Result<Self> {
        install_definition()?;
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let (name, port_text) = (namespace.name(), port.to_string());
        let ours = [
            "run",
            "--namespace",
            name,
            "--watch-namespaces",
            name,
            "--port",
            &port_text,
        ];
        let ours = ours
            .iter()
            .chain(&["--lease-seconds", "3"])
            .chain(arguments);
        let arguments: Vec<_> = ours.map(|argument| (*argument).to_owned()).collect();
        let folder = target()?.join("e2e");
        std::fs::create_dir_all(&folder)?;
        let log = folder.join(format!("{name}-operator.log"));
        let process = run(&arguments, &log)?;
        Ok(Self {
            arguments,
            log,
            process,
            port,
        })
    }

    /// Ends it without a word, as a power cut does.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.process.kill()
    }

    /// Starts it again after [`Operator::kill`].
    pub fn restart(&mut self) -> anyhow::Result<()> {
        self.process = run(&self.arguments, &self.log)?;
        Ok(())
    }

    /// The process.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Where its probes and metrics are, as `http://host:port`.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

fn run(arguments: &[String], log: &std::path::Path) -> anyhow::Result<Process> {
    let mut command = Command::new(program("urr-operator")?);
    command.args(arguments);
    Process::start(command, log)
}

/// Makes `TicketingEvent` known; tests run side by side and helm does one thing at a time.
pub fn install_definition() -> anyhow::Result<()> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock();
    Chart::Crds.install("urr-system", &["--create-namespace"])?;
    established("ticketingevents.urr.internal")
}
