//! What is wrong is said in a condition and in an event, with what to do.

use anyhow::ensure;
use serde_json::json;
use urr_e2e::{delete, eventually, in_seconds, uuid};

use crate::stage::{Setting, condition, on_stage, opens};

#[test]
#[ignore = "needs a cluster: make e2e"]
fn a_sale_that_cannot_be_says_why() -> anyhow::Result<()> {
    on_stage("wrong", Setting::default(), |stage| {
        stage.apply("unknown", &uuid(), &json!({}))?;
        let over = json!({"sale": {"opensAt": in_seconds(-7200), "closesAt": in_seconds(-3600)}});
        stage.sell("over", &over)?;
        let web = json!({"capacity": {"floors": [{"service": "web", "replicas": 2}]}});
        stage.sell("web", &web)?;
        let late = json!({"sale": opens(in_seconds(-60))});
        stage.sell("late", &late)?;
        for (sale, kind, reason, what_to_do) in [
            (
                "unknown",
                "Accepted",
                "EventNotFound",
                "create it in the admin console",
            ),
            (
                "over",
                "Accepted",
                "ClosesInPast",
                "set a later instant, or delete",
            ),
            (
                "web",
                "CapacityReady",
                "ServiceMissing",
                "remove web from capacity.floors",
            ),
        ] {
            let sentence = stage.says(sale, kind, "False", reason)?;
            ensure!(sentence.contains(what_to_do), "{sale}: {sentence}");
            let told = stage.event(sale, reason)?;
            ensure!(told.contains(what_to_do), "{sale}: {told}");
            stage.says(sale, "Ready", "False", reason)?;
        }
        // Late is no reason to refuse: people wait.
        stage.ready("late")?;
        let told = stage.event("late", "OpensInPast")?;
        ensure!(told.contains("as soon as the policy is applied"), "{told}");
        Ok(())
    })
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn services_that_are_away_are_waited_for() -> anyhow::Result<()> {
    on_stage("away", Setting::default(), |stage| {
        stage.queue.shut();
        stage.ticket.shut();
        stage.sell("aurora", &json!({}))?;
        let sentence = stage.says("aurora", "Accepted", "Unknown", "TicketUnreachable")?;
        ensure!(sentence.contains("tried again"), "{sentence}");
        stage.event("aurora", "TicketUnreachable")?;
        stage.ticket.open();
        let sentence = stage.says("aurora", "PolicyApplied", "False", "QueueUnreachable")?;
        ensure!(sentence.contains("queue cannot be reached"), "{sentence}");
        let told = stage.event("aurora", "QueueUnreachable")?;
        ensure!(told.contains("tried again"), "{told}");
        stage.queue.open();
        stage.ready("aurora").map(drop)
    })
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn a_namespace_without_the_chart_is_told_to_install_it() -> anyhow::Result<()> {
    on_stage("bare", Setting::default(), |stage| {
        stage.sell("before", &json!({}))?;
        stage.ready("before")?;
        delete(stage.namespace, "configmap/urr-platform")?.ok("kubectl delete")?;
        stage.sell("after", &json!({}))?;
        let sentence = stage.says("after", "DataReady", "False", "PlatformMissing")?;
        ensure!(sentence.contains("install the chart urr"), "{sentence}");
        // What was accepted stays so.
        eventually("the earlier sale says it as well", || {
            let sale = stage.sale("before")?;
            let data = condition(&sale, "DataReady");
            let accepted = condition(&sale, "Accepted");
            let is_told = data["reason"] == "PlatformMissing" && accepted["status"] == "True";
            Ok(is_told.then_some(()))
        })
    })
}
