//! An operator does all of its work with the rights that its chart gives it, as every test on a
//! [`crate::stage`] shows, and it has no others.

use anyhow::ensure;
use serde_json::json;
use urr_e2e::{Account, exists};

use crate::stage::{Setting, declared, on_stage_alone};

/// What nobody may do who holds the operator's token, wherever it works.
const NEVER: [&str; 21] = [
    // What the chart urr has drawn, and the passwords of databases.
    "get secrets",
    "list secrets",
    "get secrets/urr-secrets",
    "get secrets/urr-ticket-db",
    "patch secrets/urr-internal",
    // What it makes, a person removes; Jobs, which it may delete, are made anew.
    "delete statefulsets.apps",
    "delete services",
    "delete clusters.postgresql.cnpg.io",
    "delete kafkatopics.kafka.strimzi.io",
    "patch jobs.batch",
    "delete deployments.apps",
    "create deployments.apps",
    // Sales are people's.
    "create ticketingevents.urr.internal",
    "delete ticketingevents.urr.internal",
    // The settings of the platform are the chart's, other ConfigMaps nobody's.
    "patch configmaps/urr-platform",
    "list configmaps",
    "get configmaps/kube-root-ca.crt",
    "delete configmaps/urr-platform-state",
    // It runs no commands, and gives no rights away.
    "create pods",
    "create rolebindings.rbac.authorization.k8s.io",
    "update customresourcedefinitions.apiextensions.k8s.io",
];

fn may_never(account: &Account, namespace: &str) -> anyhow::Result<()> {
    for what in NEVER {
        ensure!(!account.may(namespace, what)?, "it may {what}");
    }
    Ok(())
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn rights_in_one_namespace_are_enough_for_it() -> anyhow::Result<()> {
    let setting = Setting {
        values: &["autoscaling.enabled=true"],
        ..Setting::default()
    };
    on_stage_alone("alone", setting, |stage, account| {
        let floors = json!({"floors": [{"service": "ticket", "replicas": 3}]});
        let data = json!({"deletionPolicy": "Delete"});
        let declares = json!({
            "eventId": null, "event": declared("Aurora"), "capacity": floors, "data": data,
        });
        stage.apply("aurora", "", &declares)?;
        stage.ready("aurora")?;
        ensure!(exists(stage.namespace, "configmap/urr-platform-state")?);
        stage.delete("aurora")?;
        stage.gone("aurora")?;

        ensure!(account.may(stage.namespace, "get secrets/urr-internal")?);
        may_never(account, stage.namespace)?;
        // Elsewhere it may not even do what it does here.
        let here = "patch ticketingevents.urr.internal";
        ensure!(account.may(stage.namespace, here)?);
        for what in [
            here,
            "list deployments.apps",
            "create jobs.batch",
            "create secrets",
        ] {
            ensure!(!account.may("default", what)?, "it may {what} elsewhere");
        }
        Ok(())
    })
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn rights_in_all_namespaces_are_the_same_ones() -> anyhow::Result<()> {
    let account = Account::shared()?;
    may_never(account, "default")?;
    ensure!(account.may("default", "patch ticketingevents.urr.internal")?);
    // No platform is there to say which Secret it may read.
    ensure!(!account.may("default", "get secrets/urr-internal")?);
    Ok(())
}
