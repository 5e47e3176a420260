//! kubectl, as people type it. What tests ask often is asked without a process (see [`crate::api`]).

use std::process::Command;

use anyhow::{Context, bail};
use serde_json::Value;

use crate::{
    api::{find, path_of},
    command::{Answer, run},
};

/// Runs kubectl with `arguments`, and gives it `input`.
pub fn kubectl(arguments: &[&str], input: &str) -> anyhow::Result<Answer> {
    let mut command = Command::new("kubectl");
    command.args(arguments);
    run(command, input)
}

/// Applies `manifest` (YAML or JSON) in `namespace`, strictly: an unknown field is an error.
pub fn apply(namespace: &str, manifest: &str) -> anyhow::Result<()> {
    let arguments = [
        "apply",
        "--namespace",
        namespace,
        "--validate=strict",
        "-f",
        "-",
    ];
    kubectl(&arguments, manifest)?.ok("kubectl apply").map(drop)
}

/// Applies `manifest`, which must be refused; returns what kubectl says.
pub fn apply_refused(namespace: &str, manifest: &str) -> anyhow::Result<String> {
    let answer = kubectl(&["apply", "--namespace", namespace, "-f", "-"], manifest)?;
    if answer.success {
        bail!("it was accepted: {}", answer.output);
    }
    Ok(answer.errors)
}

/// The object `resource`, such as `deployment/urr-ticket`; nothing where there is none.
pub fn get(namespace: &str, resource: &str) -> anyhow::Result<Option<Value>> {
    let (kind, name) = resource.split_once('/').context("kind/name")?;
    if let Some(path) = path_of(namespace, kind) {
        return find(&format!("{path}/{name}"));
    }
    let arguments = [
        "get",
        resource,
        "--namespace",
        namespace,
        "--ignore-not-found",
        "-o",
        "json",
    ];
    let text = kubectl(&arguments, "")?.ok("kubectl get")?;
    if text.trim().is_empty() {
        return Ok(None);
    }
    serde_json::from_str(&text)
        .map(Some)
        .context("kubectl writes JSON")
}

/// Whether the object is there.
pub fn exists(namespace: &str, resource: &str) -> anyhow::Result<bool> {
    Ok(get(namespace, resource)?.is_some())
}

/// All objects of a kind, such as `deployments`.
pub fn items(namespace: &str, kind: &str) -> anyhow::Result<Vec<Value>> {
    labelled(namespace, kind, "")
}

/// All objects of a kind with labels `selector`.
pub fn labelled(namespace: &str, kind: &str, selector: &str) -> anyhow::Result<Vec<Value>> {
    let mut list = match path_of(namespace, kind) {
        Some(path) => find(&format!("{path}?labelSelector={selector}"))?.unwrap_or_default(),
        None => list_by_kubectl(namespace, kind, selector)?,
    };
    match list["items"].take() {
        Value::Array(items) => Ok(items),
        other => bail!("a list of {kind} has items, not {other}"),
    }
}

fn list_by_kubectl(namespace: &str, kind: &str, selector: &str) -> anyhow::Result<Value> {
    let arguments = [
        "get",
        kind,
        "--namespace",
        namespace,
        "--selector",
        selector,
        "-o",
        "json",
    ];
    let text = kubectl(&arguments, "")?.ok("kubectl get")?;
    serde_json::from_str(&text).context("kubectl writes JSON")
}

/// Deletes the object without waiting for it to be gone; kubectl's answer, whatever it is.
pub fn delete(namespace: &str, resource: &str) -> anyhow::Result<Answer> {
    let arguments = ["delete", resource, "--namespace", namespace, "--wait=false"];
    kubectl(&arguments, "")
}

/// Reasons and notes of all events about the object of that name, oldest first.
pub fn events(namespace: &str, name: &str) -> anyhow::Result<Vec<(String, String)>> {
    let of_object = |event: &Value| event["regarding"]["name"] == name;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut all = items(namespace, "events")?;
    all.retain(of_object);
    all.sort_by_key(|event| text(&event["eventTime"]));
    Ok(all
        .iter()
        .map(|event| (text(&event["reason"]), text(&event["note"])))
        .collect())
}
