//! Definitions of other projects' resources, as those projects publish them. They are data to
//! test against and not copied here: they come out of the projects' Go modules, or out of a
//! folder beside this repository.

use std::{path::Path, process::Command};

use anyhow::Context;
use serde_json::Value;

use crate::{command::run, kubectl::kubectl, rollout::established};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// A resource of another project that the operator writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Foreign {
    /// A Postgres of `CloudNativePG`.
    Cluster,
    /// A topic of Strimzi, which is in no Go module.
    KafkaTopic,
}

impl Foreign {
    /// Name of its definition.
    pub const fn definition(self) -> &'static str {
        match self {
            Self::Cluster => "clusters.postgresql.cnpg.io",
            Self::KafkaTopic => "kafkatopics.kafka.strimzi.io",
        }
    }

    /// The Go module that has it, and the path there.
    const fn module(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Cluster => Some((
                "github.com/cloudnative-pg/cloudnative-pg@v1.27.0",
                "config/crd/bases/postgresql.cnpg.io_clusters.yaml",
            )),
            Self::KafkaTopic => None,
        }
    }

    /// The file in the folder beside the repository.
    const fn file(self) -> &'static str {
        match self {
            Self::Cluster => "cnpg-clusters.yaml",
            Self::KafkaTopic => "strimzi-kafkatopics.yaml",
        }
    }

    /// Makes it known to the cluster. Whether it could be had; where not, it says so.
    #[expect(clippy::print_stderr, reason = "a test that checks less says so")]
    pub fn install(self) -> anyhow::Result<bool> {
        let Some(definition) = self.read()? else {
            eprintln!(
                "SKIPPED: the definition of {} is not to be had",
                self.definition()
            );
            return Ok(false);
        };
        let arguments = ["apply", "--server-side", "--force-conflicts", "-f", "-"];
        kubectl(&arguments, &definition)?.ok("kubectl apply")?;
        established(self.definition())?;
        Ok(true)
    }

    fn read(self) -> anyhow::Result<Option<String>> {
        let beside = Path::new(ROOT)
            .join("../shared/fixtures/crds")
            .join(self.file());
        if beside.exists() {
            return Ok(Some(std::fs::read_to_string(beside)?));
        }
        let Some((module, path)) = self.module() else {
            return Ok(None);
        };
        let Some(folder) = download(module)? else {
            return Ok(None);
        };
        let file = Path::new(&folder).join(path);
        let text = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        Ok(Some(text))
    }
}

/// Where Go keeps `module`; nothing where there is no Go, or no way to the module.
fn download(module: &str) -> anyhow::Result<Option<String>> {
    let go = run(Command::new(format!("{ROOT}/e2e/cluster/go.sh")), "")?;
    if !go.success {
        return Ok(None);
    }
    let mut command = Command::new(go.output.trim());
    command
        .args(["mod", "download", "-json", module])
        .env_remove("GOFLAGS");
    let answer = run(command, "")?;
    if !answer.success {
        return Ok(None);
    }
    let told: Value = serde_json::from_str(&answer.output).context("Go writes JSON")?;
    Ok(told["Dir"].as_str().map(str::to_owned))
}
