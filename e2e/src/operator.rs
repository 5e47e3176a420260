//! The operator as a process of this machine, where no pod runs it.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use serde_json::Value;

use crate::{
    account::Account,
    helm::Chart,
    kubectl::{get, kubectl},
    namespace::Namespace,
    process::{Process, program, target},
    rollout::established,
};

/// Where what is there once for all tests is installed.
pub(crate) const HOME: &str = "urr-system";

/// An operator that looks after one namespace. Ends when dropped.
#[derive(Debug)]
pub struct Operator {
    arguments: Vec<String>,
    kubeconfig: PathBuf,
    home: String,
    lease: String,
    log: PathBuf,
    process: Process,
    port: u16,
}

impl Operator {
    /// Starts it as `account`, with further `arguments`.
    pub fn start(
        namespace: &Namespace,
        account: &Account,
        arguments: &[&str],
    ) -> anyhow::Result<Self> {
        let kubeconfig = account.kubeconfig().to_owned();
        Self::start_with(namespace, account, arguments, kubeconfig)
    }

    /// The same with a `kubeconfig` that leads there another way, such as
    /// [`crate::Door::kubeconfig`].
    pub fn start_with(
        namespace: &Namespace,
        account: &Account,
        arguments: &[&str],
        kubeconfig: PathBuf,
    ) -> anyhow::Result<Self> {
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let (name, port_text) = (namespace.name(), port.to_string());
        let ours = [
            "run",
            // Where its rights to a Lease are. That of an operator for all namespaces outlives
            // this one, as it does where it runs in a pod.
            "--namespace",
            account.namespace(),
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
        let process = run(&arguments, &kubeconfig, &log)?;
        Ok(Self {
            arguments,
            kubeconfig,
            home: account.namespace().to_owned(),
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
            &self.home,
            "--ignore-not-found",
        ];
        kubectl(&lease, "")?.ok("kubectl delete")?;
        self.process = run(&self.arguments, &self.kubeconfig, &self.log)?;
        Ok(())
    }

    /// Its Lease, if there is one.
    pub fn lease(&self) -> anyhow::Result<Option<Value>> {
        get(&self.home, &format!("lease/{}", self.lease))
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

fn run(arguments: &[String], kubeconfig: &Path, log: &Path) -> anyhow::Result<Process> {
    let mut command = Command::new(given().map_or_else(|| program("urr-operator"), Ok)?);
    // Lines go into a file, where colours are noise; memory is taken as in its pod.
    command
        .env("NO_COLOR", "1")
        .env("MIMALLOC_ARENA_EAGER_COMMIT", "0");
    command.args(arguments).env("KUBECONFIG", kubeconfig);
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
