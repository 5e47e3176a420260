//! What a deleted sale leaves behind, and that it goes.

use anyhow::ensure;
use reqwest::StatusCode;
use serde_json::json;
use urr_e2e::{Service, apply, declared_sale, eventually, exists, in_seconds, kubectl};

use crate::stage::{Setting, declared, on_stage, opens, sale, text};

#[test]
#[ignore = "needs a cluster: make e2e"]
fn retain_lets_go_of_the_policy_and_keeps_the_event() -> anyhow::Result<()> {
    on_stage("retain", Setting::default(), |stage| {
        let event = stage.sell("aurora", &json!({}))?;
        let uid = stage.ready("aurora")?["metadata"]["uid"].clone();
        stage.delete("aurora")?;
        stage.gone("aurora")?;
        for service in [Service::Queue, Service::Ticket] {
            let held = stage.services.policy(service, &event)?;
            ensure!(
                held.body["fence"]["owner"] != uid,
                "{service:?} holds {held:?}"
            );
        }
        let there = stage.services.event(&event)?;
        ensure!(there.status == StatusCode::OK, "{there:?}");
        Ok(())
    })
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn a_declared_event_that_stays_is_named() -> anyhow::Result<()> {
    on_stage("kept", Setting::default(), |stage| {
        let paused = declared_sale("aurora", &json!({"paused": true}));
        apply(stage.namespace, &paused.to_string())?;
        let sentence = stage.says("aurora", "Accepted", "Unknown", "Paused")?;
        ensure!(sentence.contains("once spec.paused is false"), "{sentence}");
        let acting = declared_sale("aurora", &json!({}));
        apply(stage.namespace, &acting.to_string())?;
        let event = text(&stage.ready("aurora")?["status"]["eventId"]);
        stage.delete("aurora")?;
        stage.gone("aurora")?;
        let told = stage.event("aurora", "EventKept")?;
        ensure!(
            told.contains(&format!("declare eventId: {event}")),
            "{told}"
        );
        Ok(())
    })
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn a_token_that_is_no_longer_known_unmakes_no_sale() -> anyhow::Result<()> {
    on_stage("token", Setting::default(), |stage| {
        stage.sell("aurora", &json!({}))?;
        stage.ready("aurora")?;
        stage.operator.kill()?;
        let token = json!({"stringData": {"token": "x".repeat(40)}}).to_string();
        let patch = [
            "patch",
            "secret/urr-internal",
            "--namespace",
            stage.namespace,
        ];
        kubectl(&[&patch[..], &["--patch", &token]].concat(), "")?.ok("kubectl patch")?;
        stage.operator.restart()?;
        stage.says("aurora", "PolicyApplied", "False", "Refused")?;
        stage.says("aurora", "Accepted", "True", "Accepted")?;
        stage.delete("aurora")?;
        stage.gone("aurora")?;
        let told = stage.event("aurora", "PolicyKept")?;
        ensure!(told.contains("could not be taken back"), "{told}");
        Ok(())
    })
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn delete_removes_the_event_once_nobody_is_inside() -> anyhow::Result<()> {
    on_stage("delete", Setting::default(), |stage| {
        let changes = json!({
            "eventId": null,
            "event": declared("Club Night"),
            "sale": opens(in_seconds(0)),
            "data": {"deletionPolicy": "Delete"},
        });
        apply(stage.namespace, &sale("club", "", &changes).to_string())?;
        let event = text(&stage.ready("club")?["status"]["eventId"]);
        let mut fan = stage.services.fan();
        fan.join(&event)?;
        eventually("somebody is inside", || {
            Ok((fan.place(&event)?["status"] == "active").then_some(()))
        })?;
        stage.delete("club")?;
        let note = stage.event("club", "DeletionWaits")?;
        ensure!(note.contains("1 people are still inside"), "{note}");
        stage.policy(Service::Queue, &event, "a shut door", |policy| {
            policy["suspended"] == true
        })?;
        let there = stage.services.event(&event)?;
        ensure!(there.status == StatusCode::OK, "it waits: {there:?}");
        fan.leave(&event)?;
        stage.gone("club")?;
        let there = stage.services.event(&event)?;
        ensure!(there.status == StatusCode::NOT_FOUND, "{there:?}");
        Ok(())
    })
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn a_namespace_goes_though_the_services_are_gone() -> anyhow::Result<()> {
    on_stage("namespace", Setting::default(), |stage| {
        stage.sell("aurora", &json!({}))?;
        stage.ready("aurora")?;
        stage.queue.shut();
        stage.ticket.shut();
        let namespace = format!("namespace/{}", stage.namespace);
        kubectl(&["delete", &namespace, "--wait=false"], "")?.ok("kubectl delete")?;
        eventually("the namespace is gone", || {
            Ok((!exists("default", &namespace)?).then_some(()))
        })
    })
}
