//! The API server over plain HTTP: one `kubectl proxy` for all tests of a process. Tests ask
//! often; here a question costs a millisecond instead of a process.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::Command,
    sync::{LazyLock, OnceLock},
    thread,
};

use anyhow::{Context, bail};
use reqwest::{
    Method, StatusCode,
    blocking::{Client, Response},
    header::CONTENT_TYPE,
};
use serde_json::Value;

use crate::keeper::start_kept;

/// Kinds that tests ask for often: in the singular, in the plural, and where they are.
const KINDS: [(&str, &str, &str); 13] = [
    ("configmap", "configmaps", "/api/v1"),
    ("pod", "pods", "/api/v1"),
    ("secret", "secrets", "/api/v1"),
    ("service", "services", "/api/v1"),
    ("serviceaccount", "serviceaccounts", "/api/v1"),
    ("deployment", "deployments", "/apis/apps/v1"),
    ("replicaset", "replicasets", "/apis/apps/v1"),
    ("statefulset", "statefulsets", "/apis/apps/v1"),
    (
        "horizontalpodautoscaler",
        "horizontalpodautoscalers",
        "/apis/autoscaling/v2",
    ),
    ("job", "jobs", "/apis/batch/v1"),
    ("lease", "leases", "/apis/coordination.k8s.io/v1"),
    ("event", "events", "/apis/events.k8s.io/v1"),
    (
        "ticketingevent",
        "ticketingevents",
        "/apis/urr.internal/v1alpha1",
    ),
];

/// Objects that are made at a time.
const AT_A_TIME: usize = 10;

/// Where the objects of a kind are in a namespace, if the kind is one of those above.
pub(crate) fn path_of(namespace: &str, kind: &str) -> Option<String> {
    let found = KINDS
        .iter()
        .find(|(singular, plural, _)| *singular == kind || *plural == kind);
    found.map(|(_, plural, api)| format!("{api}/namespaces/{namespace}/{plural}"))
}

/// Where the API server answers without TLS and without asking who it is, as
/// `http://host:port`.
pub fn api_url() -> anyhow::Result<&'static str> {
    static URL: OnceLock<Result<String, String>> = OnceLock::new();
    let url = URL.get_or_init(|| start_proxy(None).map_err(|error| format!("{error:#}")));
    url.as_deref()
        .map_err(|error| anyhow::Error::msg(error.clone()))
}

/// A way of its own, for whoever `kubeconfig` speaks for, or for ourselves.
pub(crate) fn start_proxy(kubeconfig: Option<&Path>) -> anyhow::Result<String> {
    let mut command = Command::new("kubectl");
    command.args(["proxy", "--port=0"]);
    if let Some(kubeconfig) = kubeconfig {
        command.arg("--kubeconfig").arg(kubeconfig);
    }
    let mut child = start_kept(&command, "KILL")?;
    let output = child.stdout.take().context("its output is missing")?;
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line)?;
    // Starting to serve on 127.0.0.1:40123
    let address = line.split_whitespace().last();
    let address = address.context("kubectl proxy did not begin")?;
    Ok(format!("http://{address}"))
}

static CLIENT: LazyLock<Client> = LazyLock::new(Client::new);

fn send(method: Method, path: &str, body: Option<(&str, &Value)>) -> anyhow::Result<Response> {
    let mut request = CLIENT.request(method, format!("{}{path}", api_url()?));
    if let Some((kind, body)) = body {
        request = request
            .header(CONTENT_TYPE, kind)
            .body(serde_json::to_string(body)?);
    }
    Ok(request.send()?)
}

fn read(answer: Response) -> anyhow::Result<Value> {
    let status = answer.status();
    let text = answer.text()?;
    if !status.is_success() {
        bail!("{status}: {text}");
    }
    serde_json::from_str(&text).context("an API server writes JSON")
}

/// What is at `path`; nothing where there is nothing.
pub(crate) fn find(path: &str) -> anyhow::Result<Option<Value>> {
    let answer = send(Method::GET, path, None)?;
    if answer.status() == StatusCode::NOT_FOUND {
        return Ok(None);
    }
    read(answer).map(Some)
}

/// Makes all of these objects of one kind, several at a time, as fast as the API server takes
/// them: kubectl sends one after the other.
pub fn create_all(namespace: &str, kind: &str, objects: &[Value]) -> anyhow::Result<()> {
    let path = path_of(namespace, kind).context("a kind that is asked for often")?;
    let create = |object: &Value| {
        let body = Some(("application/json", object));
        read(send(Method::POST, &path, body)?).map(drop)
    };
    thread::scope(|scope| {
        let share = objects.len().div_ceil(AT_A_TIME).max(1);
        let tasks: Vec<_> = objects
            .chunks(share)
            .map(|objects| scope.spawn(move || objects.iter().try_for_each(create)))
            .collect();
        tasks.into_iter().try_for_each(|task| match task.join() {
            Ok(result) => result,
            Err(_) => bail!("a task panicked"),
        })
    })
}

/// Merges `status` into the status of the object at `path`.
pub(crate) fn merge_status(path: &str, status: &Value) -> anyhow::Result<()> {
    let body = serde_json::json!({ "status": status });
    // Pods know lists by keys; other kinds need no more than this.
    let kind = if path.contains("/pods/") {
        "application/strategic-merge-patch+json"
    } else {
        "application/merge-patch+json"
    };
    let path = format!("{path}/status");
    read(send(Method::PATCH, &path, Some((kind, &body)))?).map(drop)
}
