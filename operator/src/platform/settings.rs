//! The settings of a platform, as the chart writes them into its `ConfigMap`.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ConfigMap, ResourceRequirements, Toleration};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use urr_operator_api::{Service, names};
use urr_operator_plan::LoadTable;

/// The settings of one platform.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Settings {
    pub(crate) postgres: Postgres,
    pub(crate) kafka: Kafka,
    #[serde(default)]
    pub(crate) jobs: Jobs,
    #[serde(default)]
    pub(crate) load: LoadTable,
}

/// Who provides Postgres, and how large it is.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Postgres {
    pub(crate) provider: PostgresProvider,
    #[serde(default)]
    pub(crate) image: Option<String>,
    #[serde(default)]
    pub(crate) image_pull_policy: Option<String>,
    #[serde(default)]
    pub(crate) image_pull_secrets: Vec<String>,
    #[serde(default = "one")]
    pub(crate) instances: u32,
    #[serde(default = "Postgres::default_storage")]
    pub(crate) storage: String,
    #[serde(default)]
    pub(crate) storage_class: Option<String>,
    #[serde(default = "Postgres::default_cpu")]
    pub(crate) cpu: String,
    #[serde(default = "Postgres::default_memory")]
    pub(crate) memory: String,
    #[serde(default = "Postgres::default_max_connections")]
    pub(crate) max_connections: u32,
    #[serde(default)]
    pub(crate) volume_ownership_init: bool,
    #[serde(default)]
    pub(crate) scheduling: Scheduling,
    #[serde(default = "Database::all")]
    pub(crate) databases: Vec<Database>,
}

impl Postgres {
    fn default_storage() -> String {
        "10Gi".to_owned()
    }

    fn default_cpu() -> String {
        "250m".to_owned()
    }

    fn default_memory() -> String {
        "512Mi".to_owned()
    }

    const fn default_max_connections() -> u32 {
        200
    }
}

/// On which nodes pods may be, and what gives way to them.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Scheduling {
    #[serde(default)]
    pub(crate) node_selector: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) tolerations: Vec<Toleration>,
    #[serde(default)]
    pub(crate) priority_class_name: Option<String>,
}

impl Scheduling {
    /// What a pod says of nodes; empty where any will do.
    pub(crate) fn nodes(&self) -> Map<String, Value> {
        let mut fields = Map::new();
        if !self.node_selector.is_empty() {
            fields.insert("nodeSelector".to_owned(), json!(self.node_selector));
        }
        if !self.tolerations.is_empty() {
            fields.insert("tolerations".to_owned(), json!(self.tolerations));
        }
        fields
    }
}

/// Who provides Postgres.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(crate) enum PostgresProvider {
    /// The operator of that name: one cluster for each database.
    CloudNativePG,
    /// One `StatefulSet` for each database, for small installations and tests.
    BuiltIn,
    /// Somebody else.
    External,
}

impl PostgresProvider {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::CloudNativePG => "CloudNativePG",
            Self::BuiltIn => "BuiltIn",
            Self::External => "External",
        }
    }
}

/// Who provides topics, and how large they are.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Kafka {
    pub(crate) provider: KafkaProvider,
    /// Where it is. The Jobs have the same setting from the Deployments.
    #[serde(default, rename = "bootstrapServers")]
    pub(crate) _bootstrap_servers: Option<String>,
    #[serde(default)]
    pub(crate) strimzi_cluster: Option<String>,
    #[serde(default = "three")]
    pub(crate) partitions: u32,
    #[serde(default = "one")]
    pub(crate) replication_factor: u32,
    #[serde(default = "Kafka::default_retention_hours")]
    pub(crate) retention_hours: u32,
}

impl Kafka {
    const fn default_retention_hours() -> u32 {
        168
    }
}

const fn one() -> u32 {
    1
}

const fn three() -> u32 {
    3
}

/// Who provides topics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(crate) enum KafkaProvider {
    /// The operator of that name.
    Strimzi,
    /// A Job of ours that speaks to the brokers.
    Direct,
}

impl KafkaProvider {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Strimzi => "Strimzi",
            Self::Direct => "Direct",
        }
    }
}

/// How Jobs run.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Jobs {
    #[serde(default)]
    pub(crate) service_account_name: Option<String>,
    #[serde(default)]
    pub(crate) resources: Option<ResourceRequirements>,
    #[serde(default)]
    pub(crate) active_deadline_seconds: Option<i64>,
}

/// A database, named like the service that owns it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Database {
    Auth,
    Ticket,
    Payment,
    Stats,
    Community,
    Queue,
}

impl Database {
    fn all() -> Vec<Self> {
        vec![
            Self::Auth,
            Self::Ticket,
            Self::Payment,
            Self::Stats,
            Self::Community,
            Self::Queue,
        ]
    }

    /// The service that owns it.
    pub(crate) const fn service(self) -> Service {
        match self {
            Self::Auth => Service::Auth,
            Self::Ticket => Service::Ticket,
            Self::Payment => Service::Payment,
            Self::Stats => Service::Stats,
            Self::Community => Service::Community,
            Self::Queue => Service::Queue,
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        self.service().name()
    }

    /// Name of the database inside its server.
    pub(crate) fn database(self) -> String {
        format!("{}_db", self.name())
    }

    /// Its owner inside the server.
    pub(crate) fn owner(self) -> String {
        format!("urr_{}", self.name())
    }

    /// Secret with `username` and `password`.
    pub(crate) fn secret(self) -> String {
        format!("urr-{}-db", self.name())
    }

    /// The Service by which it is reached, and whatever stands behind it.
    pub(crate) fn server(self) -> String {
        format!("urr-postgres-{}", self.name())
    }
}

impl Settings {
    /// The settings in a `ConfigMap`; the error is a sentence for whoever wrote it.
    pub(crate) fn read(config: &ConfigMap) -> Result<Self, String> {
        let (map, key) = (names::PLATFORM, names::PLATFORM_KEY);
        let nothing = BTreeMap::new();
        let data = config.data.as_ref().unwrap_or(&nothing);
        let text = data
            .get(key)
            .ok_or_else(|| format!("{map} has no key {key}"))?;
        let settings: Self =
            serde_json::from_str(text).map_err(|error| format!("{key} cannot be read: {error}"))?;
        settings.check()?;
        Ok(settings)
    }

    /// Rules that join fields.
    fn check(&self) -> Result<(), String> {
        let Self {
            postgres,
            kafka,
            load,
            ..
        } = self;
        if postgres.provider == PostgresProvider::BuiltIn {
            if postgres.image.as_deref().is_none_or(str::is_empty) {
                return Err("postgres.image is needed with postgres.provider BuiltIn".to_owned());
            }
            if postgres.instances != 1 {
                return Err(
                    "postgres.instances must be 1 with postgres.provider BuiltIn: use \
                            CloudNativePG for more"
                        .to_owned(),
                );
            }
        }
        if kafka.provider == KafkaProvider::Strimzi
            && kafka.strimzi_cluster.as_deref().is_none_or(str::is_empty)
        {
            return Err("kafka.strimziCluster is needed with kafka.provider Strimzi".to_owned());
        }
        for (name, value) in [
            ("postgres.instances", postgres.instances),
            ("kafka.partitions", kafka.partitions),
            ("kafka.replicationFactor", kafka.replication_factor),
            ("kafka.retentionHours", kafka.retention_hours),
        ] {
            if value == 0 {
                return Err(format!("{name} must be at least 1"));
            }
        }
        if postgres.databases.is_empty() {
            return Err("postgres.databases names none".to_owned());
        }
        if !load.is_sound() {
            return Err("load.services holds a figure that cannot be calculated with".to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) fn read(value: &Value) -> Result<Settings, String> {
        Settings::read(&ConfigMap {
            data: Some(BTreeMap::from([(
                "platform.json".to_owned(),
                value.to_string(),
            )])),
            ..ConfigMap::default()
        })
    }

    fn smallest() -> Value {
        json!({"postgres": {"provider": "External"}, "kafka": {"provider": "Direct"}})
    }

    #[test]
    fn providers_are_all_that_must_be_said() {
        let settings = read(&smallest()).expect("enough");
        assert_eq!(settings.postgres.databases.len(), 6);
        assert_eq!(settings.kafka.partitions, 3);
        assert_eq!(settings.load, LoadTable::default());
    }

    #[test]
    fn what_is_wrong_is_said_in_a_sentence() {
        let with = |path: &str, value: Value| {
            let mut settings = smallest();
            *settings.pointer_mut("/postgres/provider").expect("there") = json!("BuiltIn");
            settings["postgres"]["image"] = json!("postgres:15");
            let (group, field) = path.split_once('.').expect("a path");
            settings[group][field] = value;
            read(&settings).expect_err("wrong")
        };
        for (path, value, sentence) in [
            ("postgres.image", json!(""), "postgres.image is needed"),
            (
                "postgres.instances",
                json!(3),
                "postgres.instances must be 1",
            ),
            (
                "postgres.databases",
                json!([]),
                "postgres.databases names none",
            ),
            (
                "postgres.databases",
                json!(["bus"]),
                "platform.json cannot be read",
            ),
            (
                "postgres.provider",
                json!("builtin"),
                "platform.json cannot be read",
            ),
            ("postgres.colour", json!("red"), "unknown field `colour`"),
            (
                "kafka.partitions",
                json!(0),
                "kafka.partitions must be at least 1",
            ),
            (
                "kafka.provider",
                json!("Strimzi"),
                "kafka.strimziCluster is needed",
            ),
        ] {
            let said = with(path, value);
            assert!(said.contains(sentence), "{path}: {said}");
        }
        let empty = Settings::read(&ConfigMap::default()).expect_err("nothing there");
        assert_eq!(empty, "urr-platform has no key platform.json");
    }
}
