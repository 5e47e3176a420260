//! Topics in Kafka as they should be: made where they are missing, widened where they are too
//! small, kept for long enough. Nothing is ever made less: partitions cannot, and what
//! somebody keeps for longer is theirs to keep.

use std::{collections::BTreeMap, time::Duration};

use rdkafka::{
    admin::{
        AdminClient, AdminOptions, AlterConfig, ConfigSource, NewPartitions, NewTopic,
        ResourceSpecifier, TopicReplication,
    },
    client::DefaultClientContext,
    error::{KafkaError, KafkaResult, RDKafkaErrorCode},
    metadata::Metadata,
};
use tokio::task::spawn_blocking;

use super::{
    BusError,
    kafka::{Options, config},
};

/// Longest time one look at the cluster may take.
const METADATA_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest time one change may take.
const ADMIN_TIMEOUT: Duration = Duration::from_secs(20);
/// The setting that says how long messages stay.
const RETENTION: &str = "retention.ms";

/// What one topic needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needs {
    /// Its name in the cluster.
    pub name: String,
    /// Least partitions.
    pub partitions: i32,
    /// Least time that messages stay.
    pub retention: Duration,
}

/// Makes the topics as they should be; returns what was done, in sentences.
pub async fn ensure(options: &Options, wanted: &[Needs]) -> Result<Vec<String>, BusError> {
    let admin: AdminClient<DefaultClientContext> = config(options).create()?;
    let (admin, metadata) = spawn_blocking(move || {
        let metadata = admin.inner().fetch_metadata(None, METADATA_TIMEOUT);
        metadata.map(|metadata| (admin, metadata))
    })
    .await
    .map_err(|_| BusError::TimedOut)??;
    let present = partitions(&metadata);
    let changes = Changes {
        admin: &admin,
        request: AdminOptions::new().operation_timeout(Some(ADMIN_TIMEOUT)),
    };
    let mut done = Vec::new();
    for needs in wanted {
        match present.get(&needs.name) {
            None => done.extend(changes.create(needs, options.replication_factor).await?),
            Some(count) => {
                done.extend(changes.widen(needs, *count).await?);
                done.extend(changes.keep_longer(needs).await?);
            }
        }
    }
    Ok(done)
}

/// Partitions by topic.
fn partitions(metadata: &Metadata) -> BTreeMap<String, i32> {
    let topics = metadata
        .topics()
        .iter()
        .filter(|topic| topic.error().is_none());
    topics
        .map(|topic| {
            let count = i32::try_from(topic.partitions().len()).unwrap_or(i32::MAX);
            (topic.name().to_owned(), count)
        })
        .collect()
}

/// What can be done to topics.
struct Changes<'a> {
    admin: &'a AdminClient<DefaultClientContext>,
    request: AdminOptions,
}

impl Changes<'_> {
    async fn create(&self, needs: &Needs, replication: i32) -> KafkaResult<Option<String>> {
        let retention = needs.retention.as_millis().to_string();
        let replication = TopicReplication::Fixed(replication);
        let topic =
            NewTopic::new(&needs.name, needs.partitions, replication).set(RETENTION, &retention);
        for result in self.admin.create_topics(&[topic], &self.request).await? {
            match result {
                Ok(_) => {}
                // Somebody was quicker; the next look sees to its size.
                Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => return Ok(None),
                Err((_, code)) => return Err(KafkaError::AdminOp(code)),
            }
        }
        let Needs {
            name, partitions, ..
        } = needs;
        Ok(Some(format!("{name}: made with {partitions} partitions")))
    }

    async fn widen(&self, needs: &Needs, present: i32) -> KafkaResult<Option<String>> {
        let Needs {
            name, partitions, ..
        } = needs;
        let Ok(count) = usize::try_from(*partitions) else {
            return Ok(None);
        };
        if present >= *partitions {
            return Ok(None);
        }
        let wider = NewPartitions::new(name, count);
        for result in self
            .admin
            .create_partitions(&[wider], &self.request)
            .await?
        {
            result.map_err(|(_, code)| KafkaError::AdminOp(code))?;
        }
        Ok(Some(format!(
            "{name}: from {present} to {partitions} partitions"
        )))
    }

    async fn keep_longer(&self, needs: &Needs) -> KafkaResult<Option<String>> {
        let name = &needs.name;
        let topic = ResourceSpecifier::Topic(name);
        let mut settings = BTreeMap::new();
        let mut present = None;
        for result in self.admin.describe_configs([&topic], &self.request).await? {
            let resource = result.map_err(KafkaError::AdminOp)?;
            for entry in resource.entries {
                if entry.name == RETENTION {
                    present = entry
                        .value
                        .as_deref()
                        .and_then(|value| value.parse::<i128>().ok());
                }
                // An alteration takes back what it does not repeat.
                if let (ConfigSource::DynamicTopic, Some(value)) = (entry.source, entry.value) {
                    settings.insert(entry.name, value);
                }
            }
        }
        let wanted = i128::try_from(needs.retention.as_millis()).unwrap_or(i128::MAX);
        // −1 is for ever.
        if present.is_none_or(|present| present == -1 || present >= wanted) {
            return Ok(None);
        }
        settings.insert(RETENTION.to_owned(), wanted.to_string());
        let mut altered = AlterConfig::new(topic);
        for (setting, value) in &settings {
            altered = altered.set(setting, value);
        }
        for result in self.admin.alter_configs([&altered], &self.request).await? {
            result.map_err(|(_, code)| KafkaError::AdminOp(code))?;
        }
        let hours = needs.retention.as_secs() / 3600;
        Ok(Some(format!("{name}: messages stay {hours} hours")))
    }
}
