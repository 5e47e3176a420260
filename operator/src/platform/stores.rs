//! One Postgres for each service: what stands behind `urr-postgres-<database>`.
//!
//! Nothing here is owned by another object: garbage collection knows no policy, and a store
//! is removed by a person only. Sizes grow and never shrink, and only while no sale is on.

use k8s_openapi::api::apps::v1::StatefulSet;
use serde_json::{Value, json};
use urr_operator_api::names;

use super::{
    quantity::is_more,
    settings::{Database, Postgres},
};

/// User and group of the server's processes.
const POSTGRES_UID: i64 = 10001;
/// Where the volume is.
const VOLUME: &str = "/var/lib/postgresql/data";

/// What can grow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sizes {
    pub(super) image: Option<String>,
    pub(super) cpu: String,
    pub(super) memory: String,
    pub(super) instances: u32,
}

impl Sizes {
    /// What the settings ask for.
    fn asked(postgres: &Postgres) -> Self {
        Self {
            image: postgres.image.clone(),
            cpu: postgres.cpu.clone(),
            memory: postgres.memory.clone(),
            instances: postgres.instances,
        }
    }

    /// What a store gets that has `live`: all of it where it is new, else what is more.
    pub(super) fn granted(postgres: &Postgres, live: Option<Self>) -> Self {
        let asked = Self::asked(postgres);
        let Some(live) = live else {
            return asked;
        };
        let more = |new: String, old: String| if is_more(&new, &old) { new } else { old };
        Self {
            image: asked.image.or(live.image),
            cpu: more(asked.cpu, live.cpu),
            memory: more(asked.memory, live.memory),
            instances: asked.instances.max(live.instances),
        }
    }
}

/// The volume of a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Volume {
    pub(super) storage: String,
    /// Its storage class; the cluster's default where there is none.
    pub(super) class: Option<String>,
}

impl Volume {
    /// What the settings ask for.
    pub(super) fn asked(postgres: &Postgres) -> Self {
        let class = postgres.storage_class.clone();
        Self {
            storage: postgres.storage.clone(),
            class: class.filter(|class| !class.is_empty()),
        }
    }

    /// What a volume gets that has `live`.
    pub(super) fn granted(postgres: &Postgres, live: Option<Self>) -> Self {
        let mut asked = Self::asked(postgres);
        if let Some(live) = live.filter(|live| !is_more(&asked.storage, &live.storage)) {
            asked.storage = live.storage;
        }
        asked
    }

    /// What is to be said where the settings ask for another volume than a built-in server
    /// was made with: the claim of a `StatefulSet` cannot be changed, so a person does it.
    pub(super) fn stays(&self, database: Database, postgres: &Postgres) -> Option<String> {
        let asked = Self::asked(postgres);
        let (name, server) = (database.name(), database.server());
        if asked.class != self.class {
            let class = |volume: &Self| match &volume.class {
                Some(class) => format!("the storage class {class}"),
                None => "the cluster's default storage class".to_owned(),
            };
            return Some(format!(
                "the volume of {name} was made with {} and postgres.storageClass asks for {}: a \
                 BuiltIn volume does not move by itself. Set it back, or dump the database and \
                 restore it into one made anew",
                class(self),
                class(&asked)
            ));
        }
        let (made, asked) = (&self.storage, &asked.storage);
        is_more(asked, made).then(|| {
            format!(
                "the volume of {name} was made with {made} and postgres.storage is {asked}: a \
                 BuiltIn volume does not grow by itself. Where its storage class allows it: \
                 kubectl patch pvc data-{server}-0 --patch \
                 '{{\"spec\":{{\"resources\":{{\"requests\":{{\"storage\":\"{asked}\"}}}}}}}}'"
            )
        })
    }
}

/// Labels of everything that belongs to a database.
fn labels(database: Database) -> Value {
    json!({
        "app.kubernetes.io/name": "urr-postgres",
        "app.kubernetes.io/part-of": "urr",
        "app.kubernetes.io/managed-by": names::MANAGED_BY,
        names::DATABASE_LABEL: database.name(),
    })
}

/// The Secret with the owner's name and a password, both made once.
pub(super) fn secret(database: Database, password: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/basic-auth",
        "metadata": {"name": database.secret(), "labels": labels(database)},
        "stringData": {"username": database.owner(), "password": password}
    })
}

/// The Service in front of a built-in server.
pub(super) fn service(database: Database) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": database.server(), "labels": labels(database)},
        "spec": {
            "selector": {names::DATABASE_LABEL: database.name()},
            "ports": [{"name": "postgres", "port": 5432, "protocol": "TCP", "targetPort": "postgres"}]
        }
    })
}

/// A built-in server: one pod, one volume.
pub(super) fn stateful_set(
    database: Database,
    postgres: &Postgres,
    sizes: &Sizes,
    volume: &Volume,
) -> Value {
    let selector = json!({names::DATABASE_LABEL: database.name()});
    let mut pod = json!({
        "automountServiceAccountToken": false,
        "securityContext": {
            "runAsNonRoot": true, "runAsUser": POSTGRES_UID, "runAsGroup": POSTGRES_UID,
            "fsGroup": POSTGRES_UID, "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"}
        },
        // Time for a fast shutdown; a smart one would wait for clients.
        "terminationGracePeriodSeconds": 60,
        "containers": [server(database, postgres, sizes)],
        "volumes": [{"name": "run", "emptyDir": {}}, {"name": "tmp", "emptyDir": {}}]
    });
    if !postgres.image_pull_secrets.is_empty() {
        let secrets = postgres.image_pull_secrets.iter();
        pod["imagePullSecrets"] = secrets.map(|name| json!({"name": name})).collect();
    }
    if postgres.volume_ownership_init {
        pod["initContainers"] = json!([ownership(postgres, sizes)]);
    }
    for (field, value) in postgres.scheduling.nodes() {
        pod[field] = value;
    }
    if let Some(class) = &postgres.scheduling.priority_class_name {
        pod["priorityClassName"] = json!(class);
    }
    // With what the API server would fill in: the list of claims is one field, and is compared
    // as a whole with what is there.
    let mut claim = json!({
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": volume.storage}},
        "volumeMode": "Filesystem"
    });
    if let Some(class) = &volume.class {
        claim["storageClassName"] = json!(class);
    }
    json!({
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": database.server(), "labels": labels(database)},
        "spec": {
            "replicas": 1,
            "serviceName": database.server(),
            "selector": {"matchLabels": selector},
            "template": {"metadata": {"labels": labels(database)}, "spec": pod},
            "volumeClaimTemplates": [{
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "metadata": {"name": "data"},
                "spec": claim,
                "status": {"phase": "Pending"}
            }]
        }
    })
}

fn server(database: Database, postgres: &Postgres, sizes: &Sizes) -> Value {
    let from_secret = |key: &str| json!({"secretKeyRef": {"name": database.secret(), "key": key}});
    let answers = json!({
        "command": ["pg_isready", "-q", "-h", "127.0.0.1", "-d", database.database(), "-U", database.owner()]
    });
    let mut server = json!({
        "name": "postgres",
        "image": sizes.image,
        "args": ["-c", format!("max_connections={}", postgres.max_connections)],
        "env": [
            {"name": "POSTGRES_USER", "valueFrom": from_secret("username")},
            {"name": "POSTGRES_PASSWORD", "valueFrom": from_secret("password")},
            {"name": "POSTGRES_DB", "value": database.database()},
            // Below the volume's root, where some file systems keep files of their own.
            {"name": "PGDATA", "value": format!("{VOLUME}/pgdata")}
        ],
        "ports": [{"name": "postgres", "containerPort": 5432, "protocol": "TCP"}],
        "readinessProbe": {"exec": answers, "periodSeconds": 5, "timeoutSeconds": 3},
        // The first start makes the files.
        "startupProbe": {"exec": answers, "periodSeconds": 2, "timeoutSeconds": 3, "failureThreshold": 90},
        "livenessProbe": {"exec": answers, "periodSeconds": 20, "timeoutSeconds": 5, "failureThreshold": 6},
        "resources": {
            "requests": {"cpu": sizes.cpu, "memory": sizes.memory},
            "limits": {"memory": sizes.memory}
        },
        "securityContext": {
            "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
            "capabilities": {"drop": ["ALL"]}
        },
        "volumeMounts": [
            {"name": "data", "mountPath": VOLUME},
            {"name": "run", "mountPath": "/var/run/postgresql"},
            {"name": "tmp", "mountPath": "/tmp"}
        ]
    });
    set_pull_policy(&mut server, postgres);
    server
}

/// For volumes that ignore `fsGroup`, such as those of a host path.
fn ownership(postgres: &Postgres, sizes: &Sizes) -> Value {
    let mut container = json!({
        "name": "ownership",
        "image": sizes.image,
        "command": ["chown", "-R", format!("{POSTGRES_UID}:{POSTGRES_UID}"), VOLUME],
        "securityContext": {
            "runAsUser": 0, "runAsNonRoot": false, "allowPrivilegeEscalation": false,
            "capabilities": {"drop": ["ALL"], "add": ["CHOWN", "DAC_OVERRIDE", "FOWNER"]}
        },
        "volumeMounts": [{"name": "data", "mountPath": VOLUME}]
    });
    set_pull_policy(&mut container, postgres);
    container
}

fn set_pull_policy(container: &mut Value, postgres: &Postgres) {
    if let Some(policy) = &postgres.image_pull_policy {
        container["imagePullPolicy"] = json!(policy);
    }
}

/// What a built-in server has now.
pub(super) fn sizes_of(live: &StatefulSet) -> Option<Sizes> {
    let spec = live.spec.as_ref()?;
    let server = spec.template.spec.as_ref()?.containers.first()?;
    let requests = server.resources.as_ref()?.requests.as_ref()?;
    Some(Sizes {
        image: server.image.clone(),
        cpu: requests.get("cpu")?.0.clone(),
        memory: requests.get("memory")?.0.clone(),
        instances: 1,
    })
}

/// The volume with which a built-in server was made.
pub(super) fn volume_of(live: &StatefulSet) -> Option<Volume> {
    let claims = live.spec.as_ref()?.volume_claim_templates.as_ref()?;
    let claim = claims.first()?.spec.as_ref()?;
    let requests = claim.resources.as_ref()?.requests.as_ref()?;
    Some(Volume {
        storage: requests.get("storage")?.0.clone(),
        class: claim.storage_class_name.clone(),
    })
}

/// Whether a built-in server is meant to run.
pub(super) fn is_on(live: &StatefulSet) -> bool {
    let spec = live.spec.as_ref();
    spec.and_then(|spec| spec.replicas) != Some(0)
}

/// A cluster of `CloudNativePG`, reached by the same name as a built-in server.
pub(super) fn cluster(
    database: Database,
    postgres: &Postgres,
    sizes: &Sizes,
    volume: &Volume,
) -> Value {
    let mut storage = json!({"size": volume.storage});
    if let Some(class) = &volume.class {
        storage["storageClass"] = json!(class);
    }
    let mut spec = json!({
        "instances": sizes.instances,
        "storage": storage,
        "resources": {
            "requests": {"cpu": sizes.cpu, "memory": sizes.memory},
            "limits": {"memory": sizes.memory}
        },
        "postgresql": {"parameters": {"max_connections": postgres.max_connections.to_string()}},
        "bootstrap": {"initdb": {
            "database": database.database(),
            "owner": database.owner(),
            "secret": {"name": database.secret()}
        }},
        "managed": {"services": {"additional": [{
            "selectorType": "rw",
            "serviceTemplate": {"metadata": {"name": database.server(), "labels": labels(database)}}
        }]}},
        "inheritedMetadata": {"labels": {names::DATABASE_LABEL: database.name()}}
    });
    if let Some(image) = sizes.image.as_deref().filter(|image| !image.is_empty()) {
        spec["imageName"] = json!(image);
    }
    if let Some(policy) = &postgres.image_pull_policy {
        spec["imagePullPolicy"] = json!(policy);
    }
    if !postgres.image_pull_secrets.is_empty() {
        let secrets = postgres.image_pull_secrets.iter();
        spec["imagePullSecrets"] = secrets.map(|name| json!({"name": name})).collect();
    }
    let nodes = postgres.scheduling.nodes();
    if !nodes.is_empty() {
        spec["affinity"] = Value::Object(nodes);
    }
    if let Some(class) = &postgres.scheduling.priority_class_name {
        spec["priorityClassName"] = json!(class);
    }
    json!({
        "apiVersion": "postgresql.cnpg.io/v1",
        "kind": "Cluster",
        "metadata": {"name": database.server(), "labels": labels(database)},
        "spec": spec
    })
}

/// What a cluster of `CloudNativePG` has now.
pub(super) fn sizes_of_cluster(live: &Value) -> Option<Sizes> {
    let text = |path: &str| live.pointer(path)?.as_str().map(str::to_owned);
    let instances = live.pointer("/spec/instances")?.as_u64()?;
    Some(Sizes {
        image: text("/spec/imageName"),
        cpu: text("/spec/resources/requests/cpu")?,
        memory: text("/spec/resources/requests/memory")?,
        instances: u32::try_from(instances).ok()?,
    })
}

/// The volume of a cluster of `CloudNativePG`.
pub(super) fn volume_of_cluster(live: &Value) -> Option<Volume> {
    let text = |path: &str| live.pointer(path)?.as_str().map(str::to_owned);
    Some(Volume {
        storage: text("/spec/storage/size")?,
        class: text("/spec/storage/storageClass"),
    })
}

/// Whether a cluster of `CloudNativePG` takes connections.
pub(super) fn is_cluster_ready(live: &Value) -> bool {
    let ready = live
        .pointer("/status/readyInstances")
        .and_then(Value::as_u64);
    ready.is_some_and(|ready| ready >= 1)
}

#[cfg(test)]
mod tests;
