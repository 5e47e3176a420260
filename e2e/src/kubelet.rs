//! The part of a node, where there is none.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::Context;
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::{
    api::{merge_status, path_of},
    kubectl::items,
};

/// Between two looks at the namespace.
const PAUSE: Duration = Duration::from_millis(200);
/// A moment in the past for times that the API wants and no test reads.
const LONG_AGO: &str = "2020-01-01T00:00:00Z";

/// Says of a namespace's pods what a kubelet would say: those of jobs have succeeded, all
/// others run and are ready. What follows from that (`Deployments`, `StatefulSets`, `Jobs`) the
/// cluster's own controllers say. Ends when dropped.
#[derive(Debug)]
pub struct Kubelet {
    held: Arc<Mutex<BTreeSet<String>>>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Kubelet {
    /// Begins in `namespace`.
    pub fn of(namespace: &str) -> Self {
        let held = Arc::<Mutex<BTreeSet<String>>>::default();
        let over = Arc::new(AtomicBool::new(false));
        let (namespace, holding, ended) = (namespace.to_owned(), held.clone(), over.clone());
        let thread = thread::spawn(move || {
            while !ended.load(Ordering::Relaxed) {
                // The cluster may be about to go, or a pod: the next look decides.
                drop(look(&namespace, &holding));
                thread::sleep(PAUSE);
            }
        });
        Self {
            held,
            over,
            thread: Some(thread),
        }
    }

    /// From now on new pods whose name begins with `workload` do not start.
    pub fn hold(&self, workload: &str) {
        self.held.lock().insert(workload.to_owned());
    }

    /// Lets them start.
    pub fn release(&self, workload: &str) {
        self.held.lock().remove(workload);
    }
}

impl Drop for Kubelet {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// One look at all pods; says of those what is not said yet.
fn look(namespace: &str, held: &Mutex<BTreeSet<String>>) -> anyhow::Result<()> {
    for pod in items(namespace, "pods")? {
        let name = pod["metadata"]["name"].as_str().context("it has a name")?;
        let holding = held
            .lock()
            .iter()
            .any(|workload| name.starts_with(workload.as_str()));
        if !holding && pod["status"]["phase"] == "Pending" {
            say(namespace, name, &status(&pod))?;
        }
    }
    Ok(())
}

/// What a kubelet says of `pod` once it has done its work.
fn status(pod: &Value) -> Value {
    let ends = pod["metadata"]["ownerReferences"][0]["kind"] == "Job";
    let ready = if ends { "False" } else { "True" };
    let state = if ends {
        json!({"terminated": {"exitCode": 0, "startedAt": LONG_AGO, "finishedAt": LONG_AGO}})
    } else {
        json!({"running": {"startedAt": LONG_AGO}})
    };
    let containers = pod["spec"]["containers"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    let containers: Vec<_> = containers
        .iter()
        .map(|container| {
            json!({"name": container["name"], "image": container["image"], "imageID": "", "restartCount": 0,
                   "ready": !ends, "started": !ends, "state": state})
        })
        .collect();
    let conditions: Vec<_> = [
        ("PodScheduled", "True"),
        ("Initialized", "True"),
        ("ContainersReady", ready),
        ("Ready", ready),
    ]
    .into_iter()
    .map(|(kind, status)| json!({"type": kind, "status": status, "lastTransitionTime": LONG_AGO}))
    .collect();
    json!({
        "phase": if ends { "Succeeded" } else { "Running" },
        "startTime": LONG_AGO,
        "conditions": conditions,
        "containerStatuses": containers,
    })
}

fn say(namespace: &str, pod: &str, status: &Value) -> anyhow::Result<()> {
    let pods = path_of(namespace, "pods").context("pods are known")?;
    merge_status(&format!("{pods}/{pod}"), status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_ends_and_a_server_is_ready() {
        let pod = |owner: &str| {
            json!({"metadata": {"ownerReferences": [{"kind": owner}]},
                   "spec": {"containers": [{"name": "ticket", "image": "urr"}]}})
        };
        assert_eq!(status(&pod("Job"))["phase"], "Succeeded");
        let server = status(&pod("ReplicaSet"));
        assert_eq!(server["phase"], "Running");
        assert_eq!(server["conditions"][3]["type"], "Ready");
        assert_eq!(server["conditions"][3]["status"], "True");
        assert_eq!(server["containerStatuses"][0]["name"], "ticket");
    }
}
