//! When a Deployment, a Job and a definition have arrived.

use serde_json::Value;

use crate::{kubectl::get, wait::eventually};

/// Whether all pods of the `Deployment` or `StatefulSet` are of its latest form, and ready.
pub fn rolled_out(workload: &Value) -> bool {
    let status = &workload["status"];
    let wanted = workload["spec"]["replicas"].as_i64().unwrap_or(1);
    let count = |name: &str| status[name].as_i64().unwrap_or(0);
    count("observedGeneration") >= workload["metadata"]["generation"].as_i64().unwrap_or(0)
        && count("updatedReplicas") == wanted
        && count("readyReplicas") == wanted
        && count("replicas") == wanted
}

/// Whether the Job has succeeded.
pub fn completed(job: &Value) -> bool {
    says(job, "Complete")
}

/// Waits until objects of the definition `name` can be made.
pub fn established(name: &str) -> anyhow::Result<()> {
    eventually(&format!("{name} is established"), || {
        let definition = get("default", &format!("customresourcedefinition/{name}"))?;
        Ok(definition
            .is_some_and(|definition| says(&definition, "Established"))
            .then_some(()))
    })
}

/// Whether the object has that condition.
fn says(object: &Value, kind: &str) -> bool {
    let conditions = object["status"]["conditions"].as_array();
    conditions.is_some_and(|all| {
        all.iter()
            .any(|condition| condition["type"] == kind && condition["status"] == "True")
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn deployment(generation: i64, observed: i64, updated: i64, ready: i64, all: i64) -> Value {
        json!({
            "metadata": {"generation": generation},
            "spec": {"replicas": 2},
            "status": {"observedGeneration": observed, "updatedReplicas": updated,
                       "readyReplicas": ready, "replicas": all},
        })
    }

    #[test]
    fn an_old_pod_or_an_unseen_change_is_not_yet() {
        assert!(rolled_out(&deployment(3, 3, 2, 2, 2)));
        assert!(!rolled_out(&deployment(3, 2, 2, 2, 2)));
        assert!(!rolled_out(&deployment(3, 3, 1, 2, 2)));
        assert!(!rolled_out(&deployment(3, 3, 2, 2, 3)));
        assert!(!rolled_out(
            &json!({"metadata": {"generation": 1}, "spec": {"replicas": 1}})
        ));
    }

    #[test]
    fn a_failed_job_is_not_complete() {
        let job =
            |kind: &str| json!({"status": {"conditions": [{"type": kind, "status": "True"}]}});
        assert!(completed(&job("Complete")));
        assert!(!completed(&job("Failed")));
        assert!(!completed(&json!({})));
    }
}
