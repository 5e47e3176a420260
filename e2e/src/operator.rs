//! The operator as a process of this machine, where no pod runs it.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use serde_json::Value;

use crate::{
    helm::Chart,
    kubectl::{get, kubectl},
    namespace::Namespace,
    process::{Process, program, target},
    rollout::established,
};

/// Where operators have their Leases.
const HOME: &str = "urr-system";

/// An operator that looks after one namespace. Ends when dropped.
#[derive(Debug)]
pub struct Operator {
    arguments: Vec<String>,
    kubeconfig: Option<PathBuf>,
    lease: String,
    log: PathBuf,
    process: Process,
    port: u16,
}

impl Operator {
    /// Makes its resource known and starts it with further `arguments`.
    pub fn start(namespace: &Namespace, arguments: &[&str]) -> anyhow::Result<Self> {
        Self::start_with(namespace, arguments, None)
    }

    /// The same with another `kubeconfig`, such as [`crate::Door::kubeconfig`].
    pub fn start_with(
        namespace: &Namespace,
        arguments: &[&str],
        kubeconfig: Option<PathBuf>,
    ) -> anyhow::Result<Self> {
        install_definition()?;
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let (name, port_text) = (namespace.name(), port.to_string());
        let ours = [
            "run",
            // A Lease that outlives the namespace, as that of an operator in a pod does.
            "--namespace",
            HOME,
            "--lease-name",
            name,
            "--watch-namespaces",
            name,
            "--port",
            &port_text,
        ];
        let ours = ours.iter().chain(arguments);
        let arguments: Vec<_> = ours.map(|argument| (*argument).to_owned()).collect();
        let folder = target()?.join("e2e");
        std::fs::create_dir_all(&folder)?;
        let log = folder.join(format!("{name}-operator-{port}.log"));
        let process = run(&arguments, kubeconfig.as_deref(), &log)?;
        Ok(Self {
            arguments,
            kubeconfig,
            lease: name.to_owned(),
            log,
            process,
            port,
        })
    }

    /// Ends it without a word, as a power cut does.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.process.kill()
    }

    /// Starts it again after [`Operator::kill`]. Nobody doubts that the one before is dead, so
    /// its Lease is not waited for.
    pub fn restart(&mut self) -> anyhow::Result<()> {
        let lease = [
            "delete",
            "lease",
            &self.lease,
            "--namespace",
            HOME,
            "--ignore-not-found",
        ];
        kubectl(&lease, "")?.ok("kubectl delete")?;
        self.process = run(&self.arguments, self.kubeconfig.as_deref(), &self.log)?;
        Ok(())
    }

    /// Its Lease, if there is one.
    pub fn lease(&self) -> anyhow::Result<Option<Value>> {
        get(HOME, &format!("lease/{}", self.lease))
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

/// The operator that is to be tested instead of the one built with the tests: of a release, say.
#[expect(
    clippy::disallowed_methods,
    reason = "a test has no command line of its own"
)]
pub fn given() -> Option<PathBuf> {
    std::env::var_os("OPERATOR").map(PathBuf::from)
}

fn run(arguments: &[String], kubeconfig: Option<&Path>, log: &Path) -> anyhow::Result<Process> {
    let mut command = Command::new(given().map_or_else(|| program("urr-operator"), Ok)?);
    // Lines go into a file, where colours are noise; memory is taken as in its pod.
    command
        .env("NO_COLOR", "1")
        .env("MIMALLOC_ARENA_EAGER_COMMIT", "0");
    command.args(arguments);
    if let Some(kubeconfig) = kubeconfig {
        command.env("KUBECONFIG", kubeconfig);
    }
    Process::start(command, log)
}

/// Makes `TicketingEvent` known, once for all tests of a process.
pub fn install_definition() -> anyhow::Result<()> {
    static INSTALLED: OnceLock<Result<(), String>> = OnceLock::new();
    let install = || -> anyhow::Result<()> {
        Chart::Crds.install(HOME, &["--create-namespace"])?;
        established("ticketingevents.urr.internal")
    };
    let installed = INSTALLED.get_or_init(|| install().map_err(|error| format!("{error:#}")));
    installed.clone().map_err(anyhow::Error::msg)
}
