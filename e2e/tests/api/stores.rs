//! The operator makes what a namespace needs as soon as the chart is there, with any provider.

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use urr_e2e::{
    Account, Chart, Foreign, Kubelet, Namespace, Operator, apply, completed, events, eventually,
    get, in_namespace, in_seconds, items, kubectl, labelled, rolled_out, uuid,
};

use crate::stage::{Setting, condition, install, on_stage, opens, sale, text};

const DATABASES: [&str; 6] = ["auth", "ticket", "payment", "stats", "community", "queue"];

/// Waits for `resource`.
fn there(namespace: &Namespace, resource: &str) -> anyhow::Result<serde_json::Value> {
    eventually(resource, || get(namespace.name(), resource))
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn small_installs_get_a_postgres_for_each_database() -> anyhow::Result<()> {
    in_namespace("builtin", |namespace| {
        let _kubelet = Kubelet::of(namespace.name());
        let _operator = Operator::start(namespace, Account::shared()?, &[])?;
        let small = Chart::Platform.example("small")?;
        Chart::Platform.install(namespace.name(), &["--values", &small])?;
        for database in DATABASES {
            there(namespace, &format!("secret/urr-{database}-db"))?;
            there(namespace, &format!("service/urr-postgres-{database}"))?;
            eventually(&format!("the Postgres of {database} is ready"), || {
                let set = get(
                    namespace.name(),
                    &format!("statefulset/urr-postgres-{database}"),
                )?;
                Ok(set.filter(rolled_out))
            })?;
            eventually(&format!("{database} is migrated"), || {
                let selector = format!("urr.internal/job=migrate,urr.internal/database={database}");
                let jobs = labelled(namespace.name(), "jobs", &selector)?;
                let done = !jobs.is_empty() && jobs.iter().all(completed);
                Ok(done.then_some(()))
            })?;
        }
        eventually("the topics are made", || {
            let jobs = items(namespace.name(), "jobs")?;
            let mut topics = jobs.iter().filter(|job| {
                job["metadata"]["name"]
                    .as_str()
                    .is_some_and(|name| name.starts_with("urr-topics"))
            });
            Ok(topics.any(completed).then_some(()))
        })
    })
}

/// Small ones, with that many connections.
const BUILT_IN: [&str; 4] = [
    "postgres.provider=BuiltIn",
    "postgres.image=localhost/postgres:15",
    "postgres.external.host=",
    "postgres.maxConnections=210",
];

#[test]
#[ignore = "needs a cluster: make e2e"]
fn no_store_begins_anew_while_a_sale_is_on() -> anyhow::Result<()> {
    let setting = Setting {
        values: &BUILT_IN,
        ..Setting::default()
    };
    on_stage("quiet", setting, |stage| {
        let postgres = || {
            let set = get(stage.namespace, "statefulset/urr-postgres-ticket")?;
            set.context("it was made")
        };
        let connections =
            |set: &Value| text(&set["spec"]["template"]["spec"]["containers"][0]["args"][1]);
        // The lobby is open.
        stage.sell("aurora", &json!({"sale": opens(in_seconds(600))}))?;
        stage.ready("aurora")?;
        let template = postgres()?["spec"]["template"].clone();
        let writes = stage.log.take().into_iter().filter(|request| {
            request.is_write() && request.path.contains("/statefulsets/urr-postgres-ticket")
        });
        // The second is of a look before the first was seen.
        let writes = writes.count();
        ensure!(
            (1..=2).contains(&writes),
            "what is there was written {writes} times"
        );

        let more = [
            &BUILT_IN[..],
            &[
                "postgres.maxConnections=220",
                "postgres.storageClass=fast",
                "defaults.nodeSelector.pool=sales",
            ],
        ];
        install(stage.namespace, stage.services, &more.concat())?;
        let told = stage.event("urr-platform", "StoreWaits")?;
        ensure!(told.contains("until no sale is on"), "{told}");
        let told = stage.event("urr-platform", "VolumeStays")?;
        ensure!(told.contains("asks for the storage class fast"), "{told}");
        // Whoever turned it off did not mean it.
        let off = ["scale", "statefulset/urr-postgres-ticket", "--replicas=0"];
        kubectl(&[&off[..], &["--namespace", stage.namespace]].concat(), "")?
            .ok("kubectl scale")?;
        eventually("it is on", || {
            Ok((postgres()?["spec"]["replicas"] == 1).then_some(()))
        })?;
        ensure!(
            postgres()?["spec"]["template"] == template,
            "nothing else was written"
        );

        stage.delete("aurora")?;
        eventually("the new settings", || {
            Ok((connections(&postgres()?) == "max_connections=220").then_some(()))
        })?;
        let nodes = postgres()?["spec"]["template"]["spec"]["nodeSelector"].clone();
        ensure!(nodes == json!({"pool": "sales"}), "{nodes}");
        ensure!(connections(&json!({"spec": {"template": template}})) == "max_connections=210");
        Ok(())
    })
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn what_the_api_server_refuses_is_told() -> anyhow::Result<()> {
    on_stage("refused", Setting::default(), |stage| {
        stage.sell("aurora", &json!({}))?;
        stage.ready("aurora")?;
        let settings = json!({
            "postgres": {"provider": "External"},
            "kafka": {"provider": "Direct", "partitions": 4},
            "jobs": {"activeDeadlineSeconds": -1},
        });
        let patch = json!({"data": {"platform.json": settings.to_string()}}).to_string();
        let arguments = [
            "patch",
            "configmap/urr-platform",
            "--namespace",
            stage.namespace,
        ];
        kubectl(&[&arguments[..], &["--patch", &patch]].concat(), "")?.ok("kubectl patch")?;
        let sentence = stage.says("aurora", "DataReady", "False", "Refused")?;
        ensure!(
            sentence.contains("spec.activeDeadlineSeconds"),
            "{sentence}"
        );
        let told = stage.event("urr-platform", "Refused")?;
        ensure!(told.contains("spec.activeDeadlineSeconds"), "{told}");
        Ok(())
    })
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn other_operators_get_objects_that_their_definitions_take() -> anyhow::Result<()> {
    in_namespace("foreign", |namespace| {
        let large = Chart::Platform.example("large")?;
        let arguments = [
            "--values",
            &large,
            "--set",
            "monitoring.serviceMonitors=false",
        ];
        Chart::Platform.install(namespace.name(), &arguments)?;
        let _operator = Operator::start(namespace, Account::shared()?, &[])?;
        // A cluster of somebody else's may have both.
        if get("default", CNPG)?.is_none() && get("default", STRIMZI)?.is_none() {
            missing(namespace)?;
        }
        let (postgres, kafka) = (Foreign::Cluster.install()?, Foreign::KafkaTopic.install()?);
        if !kafka {
            // Nothing is made while one of the two is missing.
            let direct = [&arguments[..], &["--set", "kafka.provider=Direct"]].concat();
            Chart::Platform.install(namespace.name(), &direct)?;
        }
        for database in DATABASES.iter().filter(|_| postgres) {
            let name = format!("clusters.postgresql.cnpg.io/urr-postgres-{database}");
            let cluster = there(namespace, &name)?;
            assert_eq!(cluster["spec"]["instances"], 3);
        }
        if kafka {
            let topic = there(namespace, "kafkatopics.kafka.strimzi.io/reservation-events")?;
            assert_eq!(topic["spec"]["partitions"], 12);
            assert_eq!(topic["metadata"]["labels"]["strimzi.io/cluster"], "events");
            there(
                namespace,
                "kafkatopics.kafka.strimzi.io/reservation-events.dead-letter",
            )?;
        }
        Ok(())
    })
}

const CNPG: &str = "customresourcedefinition/clusters.postgresql.cnpg.io";
const STRIMZI: &str = "customresourcedefinition/kafkatopics.kafka.strimzi.io";

/// A sale says which API is missing, as long as it is.
fn missing(namespace: &Namespace) -> anyhow::Result<()> {
    let sale = sale("aurora", &uuid(), &serde_json::json!({}));
    apply(namespace.name(), &sale.to_string())?;
    let sentence = eventually("the missing API is told", || {
        let sale = get(namespace.name(), "ticketingevent/aurora")?;
        let sale = sale.context("it is applied")?;
        let accepted = condition(&sale, "Accepted");
        anyhow::ensure!(accepted["reason"] == "ApiMissing", "{accepted}");
        Ok(Some(text(&accepted["message"])))
    })?;
    assert!(sentence.contains("postgresql.cnpg.io"), "{sentence}");
    let told = eventually("an event about it", || {
        let all = events(namespace.name(), "aurora")?;
        Ok(all.into_iter().find(|(reason, _)| reason == "ApiMissing"))
    })?;
    assert!(told.1.contains("postgresql.cnpg.io"), "{told:?}");
    // Whoever has no sale yet looks at the platform.
    let told = eventually("an event about the platform", || {
        let all = events(namespace.name(), "urr-platform")?;
        Ok(all.into_iter().find(|(reason, _)| reason == "ApiMissing"))
    })?;
    assert!(told.1.contains("postgresql.cnpg.io"), "{told:?}");
    Ok(())
}
