//! The operator and a platform of its own for each test.
#![expect(clippy::print_stdout, reason = "figures that are reported")]

use std::{
    path::Path,
    sync::OnceLock,
    time::{Duration, Instant},
};

use anyhow::Context;
use serde_json::Value;
use urr_e2e::{
    Chart, Namespace, Release, completed, eventually_within, in_namespace, items, kubectl,
    labelled, rolled_out,
};

/// Databases, topics, schemas and nine services on one small node.
pub(crate) const PATIENCE: Duration = Duration::from_mins(10);

/// Runs `test` on a platform that is ready, made of nothing by the charts and the operator, and
/// says how long that took.
pub(crate) fn with_platform(
    what: &str,
    settings: &[&str],
    test: impl FnOnce(&Namespace, &Release) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    operator()?;
    in_namespace(what, |namespace| {
        let begun = Instant::now();
        let release = install(namespace, settings)?;
        ready(namespace)?;
        println!("{what}: ready {:.0?} after its install", begun.elapsed());
        test(namespace, &release)
    })
}

/// The operator, once for all tests.
pub(crate) fn operator() -> anyhow::Result<()> {
    static INSTALLED: OnceLock<Result<(), String>> = OnceLock::new();
    let install = || -> anyhow::Result<()> {
        Chart::Crds.install("urr-system", &["--create-namespace"])?;
        let images = Chart::Operator.images()?;
        let arguments = [
            "--create-namespace",
            "--values",
            &images,
            "--wait",
            "--timeout",
            "3m",
        ];
        Chart::Operator.install("urr-system", &arguments)?;
        Ok(())
    };
    let installed = INSTALLED.get_or_init(|| install().map_err(|error| format!("{error:#}")));
    installed.clone().map_err(anyhow::Error::msg)
}

/// The operator's release.
pub(crate) fn operator_release() -> Release {
    Chart::Operator.release("urr-system")
}

/// The small platform with the loaded images, or what is there brought to these `settings`.
pub(crate) fn install(namespace: &Namespace, settings: &[&str]) -> anyhow::Result<Release> {
    install_of(&Chart::Platform.folder(), namespace, settings)
}

/// The same with a later version of the chart.
pub(crate) fn upgrade(namespace: &Namespace, settings: &[&str]) -> anyhow::Result<Release> {
    install_of(&Chart::Platform.later()?, namespace, settings)
}

fn install_of(source: &Path, namespace: &Namespace, settings: &[&str]) -> anyhow::Result<Release> {
    let (small, images) = (Chart::Platform.example("small")?, Chart::Platform.images()?);
    let files = ["--values", &small, "--values", &images];
    let settings = settings.iter().flat_map(|setting| ["--set", setting]);
    let arguments: Vec<_> = files.into_iter().chain(settings).collect();
    Chart::Platform.install_of(source, namespace.name(), &arguments)
}

/// Waits until everything is made, migrated, sown and served.
pub(crate) fn ready(namespace: &Namespace) -> anyhow::Result<()> {
    eventually_within(
        PATIENCE,
        "all workloads are ready and all jobs done",
        || {
            let namespace = namespace.name();
            let mut workloads = items(namespace, "deployments")?;
            let databases = items(namespace, "statefulsets")?;
            let made = databases.len();
            workloads.extend(databases);
            let jobs = items(namespace, "jobs")?;
            let waiting: Vec<_> = workloads
                .iter()
                .filter(|workload| !rolled_out(workload))
                .chain(jobs.iter().filter(|job| !completed(job)))
                .map(name)
                .collect();
            anyhow::ensure!(waiting.is_empty(), "not yet: {}", waiting.join(", "));
            // Redis, Kafka and a database for each of the six; their migrations, topics, the seed.
            Ok((made >= 8 && jobs.len() >= 8).then_some(()))
        },
    )
}

/// Its name.
pub(crate) fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap_or("?")
}

/// What the pods of a job have said.
pub(crate) fn words_of_job(namespace: &Namespace, job: &str) -> anyhow::Result<String> {
    let pods = labelled(namespace.name(), "pods", &format!("job-name={job}"))?;
    let pod = pods.last().context("the job has no pod")?;
    kubectl(&["logs", "--namespace", namespace.name(), name(pod)], "")?.ok("kubectl logs")
}

/// Sends the crowd that the chart was told of: it buys through the gateway, then the audit reads
/// all six databases. Returns how many bought.
pub(crate) fn crowd(namespace: &Namespace, release: &Release) -> anyhow::Result<u32> {
    let test = release.test()?;
    let words = words_of_job(namespace, "urr-crowd")?;
    println!("{words}");
    anyhow::ensure!(test.success, "{}\n{words}", test.errors);
    anyhow::ensure!(
        words.contains("Every ticket and every won is accounted for."),
        "{words}"
    );
    let mut lines = words.lines();
    let bought = lines.find_map(|line| line.trim().strip_suffix(" bought")?.trim().parse().ok());
    bought.context("the report says how many bought")
}
