//! Names that charts, operator and tests agree on.

/// Label of every Deployment, `HorizontalPodAutoscaler` and Service of the platform; the
/// value is a [`crate::Service`].
pub const SERVICE_LABEL: &str = "urr.internal/service";
/// Label of pods of a database; the value is the database.
pub const DATABASE_LABEL: &str = "urr.internal/database";
/// Label of pods of a Job; the value is `migrate` or `topics`.
pub const JOB_LABEL: &str = "urr.internal/job";
/// Annotation of a workload: its replicas while no sale needs more.
pub const BASE_REPLICAS: &str = "urr.internal/base-replicas";
/// Annotation of a workload without autoscaler: its most replicas.
pub const MAX_REPLICAS: &str = "urr.internal/max-replicas";
/// Annotation of a Job: hash of the pod template that it was made from.
pub const TEMPLATE_HASH: &str = "urr.internal/template-hash";
/// Annotation of the CRD: hash of its schema.
pub const SCHEMA_HASH: &str = "urr.internal/schema-hash";
/// Finalizer of a sale.
pub const FINALIZER: &str = "urr.internal/sale";

/// `ConfigMap` with the platform's settings, one in each namespace.
pub const PLATFORM: &str = "urr-platform";
/// Its only key.
pub const PLATFORM_KEY: &str = "platform.json";
/// `ConfigMap` in which the operator notes which providers made the stores.
pub const PLATFORM_STATE: &str = "urr-platform-state";
/// Secret with the token of calls between services.
pub const INTERNAL_SECRET: &str = "urr-internal";
/// Its key.
pub const INTERNAL_SECRET_KEY: &str = "token";

/// Value of `app.kubernetes.io/managed-by` on everything the operator makes.
pub const MANAGED_BY: &str = "urr-operator";

/// Field managers, one for each purpose: a manager takes back what it stops sending.
pub mod managers {
    /// Replicas and minimums.
    pub const CAPACITY: &str = "urr-operator/capacity";
    /// Stores and topics.
    pub const DATA: &str = "urr-operator/data";
    /// Jobs.
    pub const JOBS: &str = "urr-operator/jobs";
    /// Status of sales.
    pub const STATUS: &str = "urr-operator/status";
}
