//! A namespace for one test.

use std::{fmt::Write as _, fs, path::PathBuf};

use anyhow::Context;

use crate::{
    kubectl::{exists, items, kubectl},
    wait::eventually,
};

/// What is written down of a namespace whose test failed.
const ACCOUNT: [&[&str]; 4] = [
    &[
        "get",
        "all,pvc,configmaps,ticketingevents",
        "-o",
        "wide",
        "--ignore-not-found",
    ],
    &["get", "events", "--sort-by=.lastTimestamp"],
    &[
        "get",
        "ticketingevents,deployments,statefulsets,jobs,configmaps",
        "-o",
        "yaml",
        "--ignore-not-found",
    ],
    &["describe", "pods"],
];

/// Runs `test` in a new namespace whose name begins with `what`. It is deleted at the end;
/// its state is kept when the test fails.
pub fn in_namespace(
    what: &str,
    test: impl FnOnce(&Namespace) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut namespace = Namespace::new(what)?;
    test(&namespace)?;
    namespace.passed = true;
    Ok(())
}

/// A namespace of one test.
#[derive(Debug)]
pub struct Namespace {
    name: String,
    passed: bool,
}

impl Namespace {
    fn new(what: &str) -> anyhow::Result<Self> {
        let name = format!("{what}-{:06x}", rand::random::<u32>() & 0x00ff_ffff);
        kubectl(&["create", "namespace", &name], "")?.ok("kubectl create namespace")?;
        let namespace = Self {
            name,
            passed: false,
        };
        let label = format!("urr.internal/test={what}");
        kubectl(&["label", "namespace", &namespace.name, &label], "")?.ok("kubectl label")?;
        // Without it the first pod of a namespace is refused.
        eventually("the namespace has its service account", || {
            Ok(exists(&namespace.name, "serviceaccount/default")?.then_some(()))
        })?;
        Ok(namespace)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Everything that explains what went wrong, as text.
    fn account(&self) -> anyhow::Result<String> {
        let mut account = String::new();
        for command in ACCOUNT {
            let arguments = [&["--namespace", self.name.as_str()], command].concat();
            let answer = kubectl(&arguments, "")?;
            let shown = command.join(" ");
            write!(
                account,
                "$ kubectl {shown}\n{}{}\n",
                answer.output, answer.errors
            )?;
        }
        for pod in items(&self.name, "pods")? {
            let name = pod["metadata"]["name"].as_str().unwrap_or_default();
            let answer = kubectl(
                &[
                    "--namespace",
                    &self.name,
                    "logs",
                    name,
                    "--all-containers",
                    "--tail=200",
                ],
                "",
            )?;
            write!(
                account,
                "$ kubectl logs {name}\n{}{}\n",
                answer.output, answer.errors
            )?;
        }
        Ok(account)
    }

    fn keep_account(&self) -> anyhow::Result<PathBuf> {
        let folder = crate::process::target()?.join("e2e");
        fs::create_dir_all(&folder)?;
        let file = folder.join(format!("{}.txt", self.name));
        fs::write(&file, self.account()?).context("it cannot be written")?;
        Ok(file)
    }
}

impl Drop for Namespace {
    #[expect(clippy::print_stderr, reason = "a failed test says where its state is")]
    fn drop(&mut self) {
        if !self.passed {
            match self.keep_account() {
                Ok(file) => eprintln!("state of {}: {}", self.name, file.display()),
                Err(error) => eprintln!("state of {} is not known: {error:#}", self.name),
            }
        }
        if let Err(error) = kubectl(&["delete", "namespace", &self.name, "--wait=false"], "") {
            eprintln!("{} is still there: {error:#}", self.name);
        }
    }
}
