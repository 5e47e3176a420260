//! The four topics of the bus and their dead letters: how many partitions each needs.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use urr_contract::topics;
use urr_operator_api::{Topic, names};

use super::settings::Kafka;

/// What one topic needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Needs {
    pub(super) partitions: u32,
    pub(super) retention_hours: u32,
}

/// What each topic needs: the most of what the platform and all sales ask for. Sales ask as
/// long as they are not over, and from the beginning: more partitions on the day itself would
/// move keys while people buy.
pub(super) fn needs<'a>(
    kafka: &Kafka,
    asked: impl IntoIterator<Item = &'a Topic>,
) -> BTreeMap<&'static str, Needs> {
    let base = Needs {
        partitions: kafka.partitions,
        retention_hours: kafka.retention_hours,
    };
    let topics = topics::Topic::ALL.into_iter();
    let names = topics.flat_map(|topic| [topic.name(), topic.dead_letter()]);
    let mut needs: BTreeMap<_, _> = names.map(|name| (name, base)).collect();
    for asked in asked {
        if let Some(needs) = needs.get_mut(asked.name.topic().name()) {
            let partitions = u32::try_from(asked.partitions).unwrap_or(0);
            needs.partitions = needs.partitions.max(partitions);
            let hours = asked.retention_hours.unwrap_or(0);
            needs.retention_hours = needs.retention_hours.max(hours);
        }
    }
    needs
}

/// Arguments of `urr` that make the topics so.
pub(super) fn arguments(kafka: &Kafka, needs: &BTreeMap<&'static str, Needs>) -> Vec<String> {
    let mut arguments = vec![
        "topics".to_owned(),
        "ensure".to_owned(),
        format!("--partitions={}", kafka.partitions),
        format!("--bus-retention-hours={}", kafka.retention_hours),
        format!(
            "--kafka-topic-replication-factor={}",
            kafka.replication_factor
        ),
    ];
    for (name, needs) in needs {
        let is_more =
            needs.partitions > kafka.partitions || needs.retention_hours > kafka.retention_hours;
        if is_more {
            let Needs {
                partitions,
                retention_hours,
            } = needs;
            arguments.push(format!("--topic={name}={partitions}/{retention_hours}"));
        }
    }
    arguments
}

/// A topic of Strimzi, adopted where it exists. Partitions never become fewer.
pub(super) fn kafka_topic(name: &str, needs: Needs, kafka: &Kafka, live: Option<&Value>) -> Value {
    let present = live
        .and_then(|live| live.pointer("/spec/partitions"))
        .and_then(Value::as_u64);
    let partitions = present.unwrap_or(0).max(needs.partitions.into());
    let retention_ms = u64::from(needs.retention_hours) * 3_600_000;
    json!({
        "apiVersion": "kafka.strimzi.io/v1",
        "kind": "KafkaTopic",
        "metadata": {
            "name": name,
            "labels": {
                "strimzi.io/cluster": kafka.strimzi_cluster,
                "app.kubernetes.io/part-of": "urr",
                "app.kubernetes.io/managed-by": names::MANAGED_BY,
            }
        },
        "spec": {
            "partitions": partitions,
            "replicas": kafka.replication_factor,
            "config": {"retention.ms": retention_ms}
        }
    })
}

/// Whether Strimzi has made a topic as it is declared; the error says what it says.
pub(super) fn is_topic_ready(live: &Value) -> Result<bool, String> {
    let conditions = live.pointer("/status/conditions").and_then(Value::as_array);
    let ready = conditions
        .into_iter()
        .flatten()
        .find(|found| found["type"] == "Ready");
    let Some(ready) = ready else {
        return Ok(false);
    };
    let observed = live.pointer("/status/observedGeneration");
    let is_current = observed == live.pointer("/metadata/generation");
    match ready["status"].as_str() {
        Some("True") => Ok(is_current),
        Some("False") if is_current => Err(ready["message"]
            .as_str()
            .unwrap_or("no reason given")
            .to_owned()),
        _ => Ok(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kafka() -> Kafka {
        serde_json::from_value(json!({"provider": "Strimzi", "strimziCluster": "urr"}))
            .expect("settings")
    }

    fn topic(partitions: u32, hours: Option<u32>) -> Topic {
        let mut topic = json!({"name": "reservation-events", "partitions": partitions});
        if let Some(hours) = hours {
            topic["retentionHours"] = json!(hours);
        }
        serde_json::from_value(topic).expect("a topic")
    }

    #[test]
    fn the_most_demanding_sale_counts() {
        let asked = [topic(12, None), topic(6, Some(336)), topic(1, Some(1))];
        let needs = needs(&kafka(), &asked);
        assert_eq!(needs.len(), 8);
        let most = Needs {
            partitions: 12,
            retention_hours: 336,
        };
        assert_eq!(needs["reservation-events"], most);
        let base = Needs {
            partitions: 3,
            retention_hours: 168,
        };
        assert_eq!(needs["payment-events"], base);
        assert_eq!(needs["reservation-events.dead-letter"], base);
        assert_eq!(
            arguments(&kafka(), &needs)[2..],
            [
                "--partitions=3",
                "--bus-retention-hours=168",
                "--kafka-topic-replication-factor=1",
                "--topic=reservation-events=12/336"
            ]
        );
    }

    #[test]
    fn a_topic_that_has_more_keeps_it() {
        let live = json!({"spec": {"partitions": 24}});
        let needs = Needs {
            partitions: 3,
            retention_hours: 168,
        };
        let built = kafka_topic("payment-events", needs, &kafka(), Some(&live));
        assert_eq!(built["spec"]["partitions"], 24);
        assert_eq!(built["spec"]["config"]["retention.ms"], 604_800_000);
    }

    #[test]
    fn ready_means_ready_as_declared_now() {
        let topic = |status: &str, observed: u32| {
            json!({
                "metadata": {"generation": 2},
                "status": {"observedGeneration": observed,
                           "conditions": [{"type": "Ready", "status": status, "message": "why"}]}
            })
        };
        assert_eq!(is_topic_ready(&topic("True", 2)), Ok(true));
        assert_eq!(is_topic_ready(&topic("True", 1)), Ok(false));
        assert_eq!(is_topic_ready(&topic("False", 2)), Err("why".to_owned()));
        assert_eq!(is_topic_ready(&json!({})), Ok(false));
    }
}
