//! helm, as people type it.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context;
use serde_json::{Deserializer, Value};

use crate::{
    command::{Answer, run},
    kubectl::kubectl,
};

/// Stands for any later version of a chart.
const LATER: &str = "999.0.0";

/// A chart of this repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chart {
    /// The resource's definition.
    Crds,
    /// The operator.
    Operator,
    /// The services.
    Platform,
}

impl Chart {
    /// All of them, in the order in which they are installed.
    pub const ALL: [Self; 3] = [Self::Crds, Self::Operator, Self::Platform];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Crds => "urr-crds",
            Self::Operator => "urr-operator",
            Self::Platform => "urr",
        }
    }

    /// Where it is.
    pub fn folder(self) -> PathBuf {
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../charts")).join(self.name())
    }

    /// The sets of values it is tried with: name and file, in order of their names.
    pub fn examples(self) -> anyhow::Result<Vec<(String, String)>> {
        let folder = self.folder().join("ci");
        if !folder.exists() {
            return Ok(Vec::new());
        }
        let mut examples = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            examples.push((name.into_owned(), path.to_string_lossy().into_owned()));
        }
        examples.sort();
        Ok(examples)
    }

    /// The file of the example `name`.
    pub fn example(self, name: &str) -> anyhow::Result<String> {
        let examples = self.examples()?.into_iter();
        let mut files = examples.filter_map(|(found, file)| (found == name).then_some(file));
        files
            .next()
            .with_context(|| format!("{} has no example {name}", self.name()))
    }

    /// The file that names the images which `e2e/run node` has made and loaded.
    pub fn images(self) -> anyhow::Result<String> {
        let file = crate::process::target()?
            .join("e2e/values")
            .join(format!("{}.yaml", self.name()));
        anyhow::ensure!(file.exists(), "no images are loaded: e2e/run node");
        Ok(file.to_string_lossy().into_owned())
    }

    /// Its archive under a version that is later than its own; nothing else differs.
    pub fn later(self) -> anyhow::Result<PathBuf> {
        let folder = crate::process::target()?.join("e2e/charts");
        std::fs::create_dir_all(&folder)?;
        let mut command = Command::new("helm");
        command
            .args(["package", "--version", LATER, "--destination"])
            .args([&folder, &self.folder()]);
        run(command, "")?.ok("helm package")?;
        Ok(folder.join(format!("{}-{LATER}.tgz", self.name())))
    }

    /// What it renders in `namespace` with further `arguments` of helm.
    pub fn template(self, namespace: &str, arguments: &[&str]) -> anyhow::Result<Answer> {
        self.template_of(&self.folder(), namespace, arguments)
    }

    fn template_of(
        self,
        source: &Path,
        namespace: &str,
        arguments: &[&str],
    ) -> anyhow::Result<Answer> {
        helm(&["template", self.name()], source, namespace, arguments)
    }

    /// The same, object by object.
    pub fn objects(self, namespace: &str, arguments: &[&str]) -> anyhow::Result<Vec<Value>> {
        self.objects_of(&self.folder(), namespace, arguments)
    }

    /// The same of the archive `source`, see [`Chart::later`].
    pub fn objects_of(
        self,
        source: &Path,
        namespace: &str,
        arguments: &[&str],
    ) -> anyhow::Result<Vec<Value>> {
        let rendered = self.template_of(source, namespace, arguments)?;
        let rendered = rendered.ok("helm template")?;
        let as_json = ["create", "--dry-run=client", "-o", "json", "-f", "-"];
        let json = kubectl(&as_json, &rendered)?.ok("kubectl create --dry-run")?;
        let objects = Deserializer::from_str(&json).into_iter();
        objects
            .collect::<Result<_, _>>()
            .context("kubectl writes JSON")
    }

    /// What helm's linter says.
    pub fn lint(self, arguments: &[&str]) -> anyhow::Result<Answer> {
        let mut command = Command::new("helm");
        command
            .arg("lint")
            .arg("--strict")
            .arg(self.folder())
            .args(arguments);
        run(command, "")
    }

    /// Installs it, or brings what is installed to these `arguments`.
    pub fn install(self, namespace: &str, arguments: &[&str]) -> anyhow::Result<Release> {
        self.install_of(&self.folder(), namespace, arguments)
    }

    /// The same of the archive `source`, see [`Chart::later`].
    pub fn install_of(
        self,
        source: &Path,
        namespace: &str,
        arguments: &[&str],
    ) -> anyhow::Result<Release> {
        let verb = ["upgrade", "--install", self.name()];
        helm(&verb, source, namespace, arguments)?.ok("helm upgrade --install")?;
        Ok(self.release(namespace))
    }

    /// What is installed of it in `namespace`.
    pub fn release(self, namespace: &str) -> Release {
        Release {
            chart: self,
            namespace: namespace.to_owned(),
        }
    }
}

/// Runs helm on the chart at `source`.
fn helm(
    verb: &[&str],
    source: &Path,
    namespace: &str,
    arguments: &[&str],
) -> anyhow::Result<Answer> {
    let mut command = Command::new("helm");
    command
        .args(verb)
        .arg(source)
        .args(["--namespace", namespace])
        .args(arguments);
    run(command, "")
}

/// A chart that is installed, under its own name.
#[derive(Clone, Debug)]
pub struct Release {
    chart: Chart,
    namespace: String,
}

impl Release {
    /// Uninstalls it; helm's answer, whatever it is.
    pub fn uninstall(&self) -> anyhow::Result<Answer> {
        self.helm("uninstall")
    }

    /// Runs its tests; helm's answer, whatever it is.
    pub fn test(&self) -> anyhow::Result<Answer> {
        self.helm("test")
    }

    fn helm(&self, verb: &str) -> anyhow::Result<Answer> {
        let mut command = Command::new("helm");
        command.args([verb, self.chart.name()]).args([
            "--namespace",
            &self.namespace,
            "--timeout",
            "10m",
        ]);
        run(command, "")
    }
}
