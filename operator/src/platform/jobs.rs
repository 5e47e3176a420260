//! Jobs with the image and settings of a service: migrations and topics.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::{
    apps::v1::Deployment,
    batch::v1::Job,
    core::v1::{ConfigMap, PodTemplateSpec},
};
use kube::{Resource, ResourceExt};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use urr_operator_api::names;

use super::settings::{Database, Jobs};

/// A Job that failed for good is made anew after so long.
pub(super) const TRIED_AGAIN_AFTER: SignedDuration = SignedDuration::from_mins(5);
/// Seconds after which a Job that hangs has failed, where nothing else is set.
const DEADLINE_SECONDS: i64 = 1800;

/// What a Job does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Brings one database to the schema of the image.
    Migrate(Database),
    /// Makes topics.
    Topics,
}

impl Purpose {
    /// Value of the label of its pods.
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Migrate(_) => "migrate",
            Self::Topics => "topics",
        }
    }

    fn prefix(self) -> String {
        match self {
            Self::Migrate(database) => format!("urr-migrate-{}", database.name()),
            Self::Topics => "urr-topics".to_owned(),
        }
    }

    /// Labels of the Job and of its pods.
    pub(super) fn labels(self) -> Value {
        let mut labels = json!({
            "app.kubernetes.io/part-of": "urr",
            "app.kubernetes.io/managed-by": names::MANAGED_BY,
            names::JOB_LABEL: self.label(),
        });
        if let Self::Migrate(database) = self {
            labels[names::DATABASE_LABEL] = json!(database.name());
        }
        labels
    }
}

/// How a Job stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It has not ended.
    Running,
    /// It did what it should.
    Done,
    /// It failed for good, at that time.
    Failed {
        at: Option<Timestamp>,
        message: String,
    },
}

/// How a Job stands.
pub(super) fn state(job: &Job) -> State {
    let status = job.status.as_ref();
    let conditions = status.and_then(|status| status.conditions.as_deref());
    let holds = |type_: &str| {
        let conditions = conditions.unwrap_or_default().iter();
        conditions
            .into_iter()
            .find(|found| found.type_ == type_ && found.status == "True")
    };
    if holds("Complete").is_some() {
        return State::Done;
    }
    match holds("Failed") {
        None => State::Running,
        Some(failed) => State::Failed {
            at: failed.last_transition_time.as_ref().map(|time| time.0),
            message: failed.message.clone().unwrap_or_default(),
        },
    }
}

/// The name of the Job that does this with this image: another image or other arguments are
/// another Job.
pub(super) fn name(purpose: Purpose, image: &str, arguments: &[String]) -> String {
    let mut hash = Sha256::new();
    hash.update(image);
    for argument in arguments {
        hash.update([0]);
        hash.update(argument);
    }
    let hash = hex::encode(hash.finalize());
    format!("{}-{}", purpose.prefix(), &hash[..8])
}

/// Whether a Job that has not succeeded is to be made anew: it failed long ago, or now `built`
/// would be another one. Otherwise a wrong host would stay in it until its deadline.
pub(super) fn is_to_be_made_anew(live: &Job, built: &Value, now: Timestamp) -> bool {
    if live.metadata.deletion_timestamp.is_some() {
        return false;
    }
    let made_from = live.annotations().get(names::TEMPLATE_HASH);
    if made_from.map(String::as_str) != built_from(built) {
        return true;
    }
    match state(live) {
        State::Failed { at: Some(at), .. } => now.duration_since(at) >= TRIED_AGAIN_AFTER,
        State::Failed { at: None, .. } | State::Running | State::Done => false,
    }
}

/// The hash of what a built Job does.
fn built_from(built: &Value) -> Option<&str> {
    built
        .pointer("/metadata/annotations")?
        .get(names::TEMPLATE_HASH)?
        .as_str()
}

/// A Job that runs the program of `deployment` with other arguments. `None` where the
/// Deployment has no container.
pub(super) fn build(
    purpose: Purpose,
    name: &str,
    arguments: &[String],
    deployment: &Deployment,
    owner: &ConfigMap,
    jobs: &Jobs,
) -> Option<Value> {
    let pod = deployment.spec.as_ref()?.template.spec.as_ref()?;
    let mut container = serde_json::to_value(pod.containers.first()?).ok()?;
    let fields = container.as_object_mut()?;
    // What a server has and a Job has not.
    for field in [
        "ports",
        "readinessProbe",
        "livenessProbe",
        "startupProbe",
        "lifecycle",
        "resources",
    ] {
        fields.remove(field);
    }
    fields.insert("name".to_owned(), json!(purpose.label()));
    fields.insert("args".to_owned(), json!(arguments));
    if let Some(resources) = &jobs.resources {
        fields.insert(
            "resources".to_owned(),
            serde_json::to_value(resources).ok()?,
        );
    }
    let mut spec = json!({
        "restartPolicy": "OnFailure",
        "automountServiceAccountToken": false,
        "containers": [container],
    });
    let taken = [
        ("volumes", serde_json::to_value(&pod.volumes).ok()?),
        (
            "securityContext",
            serde_json::to_value(&pod.security_context).ok()?,
        ),
        (
            "imagePullSecrets",
            serde_json::to_value(&pod.image_pull_secrets).ok()?,
        ),
        (
            "nodeSelector",
            serde_json::to_value(&pod.node_selector).ok()?,
        ),
        ("tolerations", serde_json::to_value(&pod.tolerations).ok()?),
        ("priorityClassName", json!(pod.priority_class_name)),
        ("serviceAccountName", json!(jobs.service_account_name)),
    ];
    for (field, value) in taken.into_iter().filter(|(_, value)| !value.is_null()) {
        spec[field] = value;
    }
    let template = json!({"metadata": {"labels": purpose.labels()}, "spec": spec});
    // Typed, so that fields are in one order however the program was built.
    let typed: PodTemplateSpec = serde_json::from_value(template.clone()).ok()?;
    let hash = hex::encode(Sha256::digest(serde_json::to_vec(&typed).ok()?));
    Some(json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name,
            "labels": purpose.labels(),
            "annotations": {names::TEMPLATE_HASH: &hash[..16]},
            "ownerReferences": [owner.owner_ref(&())?],
        },
        "spec": {
            "backoffLimit": 6,
            "activeDeadlineSeconds": jobs.active_deadline_seconds.unwrap_or(DEADLINE_SECONDS),
            "template": template
        }
    }))
}

#[cfg(test)]
mod tests;
