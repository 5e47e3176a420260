//! The end of an operator: its hook runs with the rights that the chart gives it, beside an
//! operator that still works.

use std::{path::Path, process::Command, thread};

use anyhow::Context;
use serde_json::{Value, json};
use urr_e2e::{
    Account, Answer, Chart, Door, Log, Namespace, Process, Release, apply, eventually, exists, get,
    in_namespace, in_seconds, install_definition, kubectl, labelled, opens, program, run,
};

/// A sale far away with that deletion policy.
fn sale(deletion: &str) -> String {
    json!({
        "apiVersion": "urr.internal/v1alpha1",
        "kind": "TicketingEvent",
        "metadata": {"name": "kept"},
        "spec": {
            "eventId": "5c1a3b1e-6f0e-4f55-9d0c-2b8b1c7d9a11",
            "sale": {"opensAt": "2037-03-12T11:00:00Z", "closesAt": "2037-03-19T11:00:00Z"},
            "data": {"deletionPolicy": deletion},
        },
    })
    .to_string()
}

fn has_finalizer(namespace: &Namespace) -> anyhow::Result<bool> {
    let sale = get(namespace.name(), "ticketingevent/kept")?.context("it is applied")?;
    Ok(sale["metadata"]["finalizers"].is_array())
}

/// The chart, for one namespace.
fn install(namespace: &Namespace) -> anyhow::Result<Release> {
    let watched = format!("watchNamespaces={{{}}}", namespace.name());
    let settings = [
        "admissionPolicies.enabled=false",
        "lease.seconds=3",
        &watched,
    ];
    let arguments: Vec<_> = settings
        .iter()
        .flat_map(|setting| ["--set", setting])
        .collect();
    Chart::Operator.install(namespace.name(), &arguments)
}

/// An operator with the Lease, of that time, and the rights that the chart's own would have.
fn operator(namespace: &Namespace, lease_seconds: &str) -> anyhow::Result<Process> {
    install_definition()?;
    install(namespace)?;
    let account = Account::of(namespace.name())?;
    let (program, name) = (program("urr-operator")?, namespace.name());
    let log = program.with_file_name(format!("{name}-operator.log"));
    let mut command = Command::new(program);
    command
        .args(["run", "--namespace", name, "--watch-namespaces", name])
        .args(["--port", "0", "--lease-seconds", lease_seconds])
        .env("KUBECONFIG", account.kubeconfig());
    Process::start(command, &log)
}

/// What the hook's pod would do on a node.
fn run_pod(pod: &Value, kubeconfig: &Path) -> anyhow::Result<Answer> {
    let container = &pod["spec"]["containers"][0];
    let list = |name: &str| container[name].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut command = Command::new(program("urr-operator")?);
    command.args(list("args").iter().map(text));
    command.env_clear().env("KUBECONFIG", kubeconfig);
    for variable in list("env") {
        let value = match variable["valueFrom"]["fieldRef"]["fieldPath"].as_str() {
            Some("metadata.namespace") => &pod["metadata"]["namespace"],
            Some("metadata.name") => &pod["metadata"]["name"],
            _ => &variable["value"],
        };
        command.env(text(&variable["name"]), text(value));
    }
    run(command, "")
}

/// What a kubelet says of a pod that has ended.
fn say_ended(pod: &Value, success: bool) -> anyhow::Result<()> {
    let text = |name: &str| pod["metadata"][name].as_str().context("it has a name");
    let phase = if success { "Succeeded" } else { "Failed" };
    let patch = json!({"status": {"phase": phase}}).to_string();
    let pod = [
        "patch",
        "pod",
        text("name")?,
        "--namespace",
        text("namespace")?,
    ];
    let arguments = [&pod[..], &["--subresource=status", "--patch", &patch]].concat();
    kubectl(&arguments, "")?.ok("kubectl patch").map(drop)
}

/// Uninstalls; helm's answer, and that of each run of the hook, which reaches the cluster by
/// `kubeconfig`.
fn uninstall(
    namespace: &Namespace,
    release: &Release,
    kubeconfig: &Path,
) -> anyhow::Result<(Answer, Vec<Answer>)> {
    thread::scope(|scope| {
        let helm = scope.spawn(|| release.uninstall());
        let mut runs = Vec::new();
        eventually("helm has done what it can", || {
            let pods = labelled(namespace.name(), "pods", "job-name=urr-operator-release")?;
            for pod in pods
                .iter()
                .filter(|pod| pod["status"]["phase"] == "Pending")
            {
                let answer = run_pod(pod, kubeconfig)?;
                say_ended(pod, answer.success)?;
                runs.push(answer);
            }
            Ok(helm.is_finished().then_some(()))
        })?;
        let helm = helm
            .join()
            .map_err(|_| anyhow::anyhow!("helm panicked"))??;
        Ok((helm, runs))
    })
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn an_operator_goes_when_it_has_let_go_of_all_sales() -> anyhow::Result<()> {
    in_namespace("release", |namespace| {
        let mut operator = operator(namespace, "3")?;
        let release = install(namespace)?;
        let account = Account::of(namespace.name())?;
        apply(namespace.name(), &sale("Delete"))?;
        eventually("the operator has the sale", || {
            Ok(has_finalizer(namespace)?.then_some(()))
        })?;

        let (helm, hook) = uninstall(namespace, &release, account.kubeconfig())?;
        assert!(!helm.success, "it would leave a deletion undone");
        let words = hook.first().context("the hook was run")?;
        let sentence = format!("set them to Retain: {}/kept", namespace.name());
        assert!(words.errors.contains(&sentence), "{}", words.errors);
        assert!(exists(namespace.name(), "deployment/urr-operator")?);
        assert!(operator.is_running()?, "nothing has stopped it");

        apply(namespace.name(), &sale("Retain"))?;
        let (helm, hook) = uninstall(namespace, &release, account.kubeconfig())?;
        let words = hook.last().context("the hook was run")?;
        helm.ok(&format!("helm uninstall, {}", words.errors))?;
        assert!(
            words.output.contains("let go of 1 sales"),
            "{}",
            words.output
        );
        // The operator that ran beside it has stopped before, and has put nothing back.
        assert!(!has_finalizer(namespace)?);
        eventually("the operator has stopped", || {
            Ok((!operator.is_running()?).then_some(()))
        })?;
        assert!(!exists(namespace.name(), "deployment/urr-operator")?);
        let sale = [
            "delete",
            "ticketingevent/kept",
            "--namespace",
            namespace.name(),
        ];
        kubectl(&sale, "")?
            .ok("nobody is needed for that")
            .map(drop)
    })
}

/// A service as the chart urr installs it, with a base of two.
fn service(name: &str) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": name,
            "labels": {"urr.internal/service": name},
            "annotations": {"urr.internal/base-replicas": "2"},
        },
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": name, "image": "localhost/urr:test"}]},
            },
        },
    })
}

/// Waits until the Deployment ticket has `ticket` replicas, and the autoscaler of queue has
/// `queue` as its minimum.
fn floors_are(namespace: &Namespace, ticket: u64, queue: u64) -> anyhow::Result<()> {
    let spec = |object: &str| -> anyhow::Result<Value> {
        Ok(get(namespace.name(), object)?.context("it is applied")?["spec"].clone())
    };
    eventually(&format!("{ticket} of ticket, {queue} of queue"), || {
        let of_ticket = spec("deployment/ticket")?["replicas"] == ticket;
        let of_queue = spec("horizontalpodautoscaler/queue")?["minReplicas"] == queue;
        Ok((of_ticket && of_queue).then_some(()))
    })
}

/// Makes ticket and queue, the latter with an autoscaler, and a sale that raises both; waits
/// until the operator has.
fn raise_floors(namespace: &Namespace) -> anyhow::Result<()> {
    let scaled = json!({
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "queue"},
        "spec": {
            "maxReplicas": 9,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "queue"},
        },
    });
    let sale = json!({
        "apiVersion": "urr.internal/v1alpha1",
        "kind": "TicketingEvent",
        "metadata": {"name": "kept"},
        "spec": {
            "eventId": "5c1a3b1e-6f0e-4f55-9d0c-2b8b1c7d9a11",
            "sale": opens(in_seconds(3600)),
            "capacity": {"prescaleSeconds": 86_400, "floors": [
                {"service": "ticket", "replicas": 4}, {"service": "queue", "replicas": 5}
            ]},
        },
    });
    for object in [service("ticket"), service("queue"), scaled, sale] {
        apply(namespace.name(), &object.to_string())?;
    }
    floors_are(namespace, 4, 5)
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn floors_go_with_the_operator() -> anyhow::Result<()> {
    in_namespace("floorless", |namespace| {
        let mut operator = operator(namespace, "15")?;
        let release = install(namespace)?;
        raise_floors(namespace)?;
        let account = Account::of(namespace.name())?;
        let (helm, hook) = uninstall(namespace, &release, account.kubeconfig())?;
        let words = hook.last().context("the hook was run")?;
        helm.ok(&format!("helm uninstall, {}", words.errors))?;
        assert!(words.output.contains("and of 2 floors"), "{}", words.output);
        // Where nobody says a minimum it is one.
        floors_are(namespace, 2, 1)?;
        let autoscaler = get(namespace.name(), "horizontalpodautoscaler/queue")?;
        let managers = autoscaler.context("it stays")?["metadata"]["managedFields"].to_string();
        assert!(!managers.contains("urr-operator/capacity"), "{managers}");
        eventually("the operator has stopped", || {
            Ok((!operator.is_running()?).then_some(()))
        })
    })
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn a_service_that_goes_meanwhile_keeps_no_operator() -> anyhow::Result<()> {
    in_namespace("vanishing", |namespace| {
        let _operator = operator(namespace, "15")?;
        let release = install(namespace)?;
        raise_floors(namespace)?;
        let log = Log::default();
        let door = Door::to(Account::of(namespace.name())?.api_url()?, &log)?;
        log.delete_before_write(namespace.name(), "deployments", "ticket")?;
        let (helm, hook) = uninstall(namespace, &release, &door.kubeconfig()?)?;
        let words = hook.last().context("the hook was run")?;
        helm.ok(&format!("helm uninstall, {}", words.errors))?;
        assert!(words.output.contains("and of 1 floors"), "{}", words.output);
        assert!(!exists(namespace.name(), "deployment/ticket")?);
        Ok(())
    })
}
