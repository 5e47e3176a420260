//! What somebody else changed is put right.

use anyhow::Context;
use reqwest::StatusCode;
use serde_json::{Value, json};
use urr_e2e::{Service, eventually, get, in_seconds, kubectl, uuid};

use crate::stage::{Setting, Stage, on_stage, opens};

/// A policy is looked at again so often, in place of every five minutes.
const OFTEN: Setting<'_> = Setting {
    values: &[],
    arguments: &["--read-back-seconds", "1"],
};

/// Writes over the policy that a service holds, as somebody who has read it.
fn meddle(
    stage: &Stage<'_>,
    service: Service,
    event: &str,
    change: impl Fn(&mut Value),
) -> anyhow::Result<()> {
    eventually(&format!("the policy in {service:?} is overwritten"), || {
        let held = stage.services.policy(service, event)?;
        let mut policy = held.body;
        change(&mut policy);
        let etag = held.etag.context("a policy has a version")?;
        let reply = stage.services.put_policy(service, event, &policy, &etag)?;
        // Whoever comes between makes it another version.
        Ok((reply.status == StatusCode::OK).then_some(()))
    })
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn a_policy_that_somebody_overwrote_is_restored() -> anyhow::Result<()> {
    on_stage("policy-drift", OFTEN, |stage| {
        let event = stage.sell("aurora", &json!({"admission": {"maxActive": 321}}))?;
        let sale = stage.ready("aurora")?;
        let uid = sale["metadata"]["uid"].clone();
        for service in [Service::Queue, Service::Ticket] {
            let stranger = uuid();
            let takes_over = |policy: &mut Value| {
                policy["maxActive"] = json!(7);
                policy["admitPerSecond"] = json!(7);
                policy["fence"] = json!({"owner": stranger, "generation": 1, "sequence": 0});
            };
            meddle(stage, service, &event, takes_over)?;
            stage.policy(service, &event, "the owner's own policy", |policy| {
                policy["maxActive"] == 321 && policy["fence"]["owner"] == uid
            })?;
            let pretends = |policy: &mut Value| {
                let sequence = policy["fence"]["sequence"].as_i64().unwrap_or_default();
                policy["fence"]["sequence"] = json!(sequence + 5);
                policy["suspended"] = json!(true);
            };
            meddle(stage, service, &event, pretends)?;
            stage.policy(service, &event, "a policy that admits", |policy| {
                policy["suspended"] == false
            })?;
        }
        stage.ready("aurora").map(drop)
    })
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn replicas_that_somebody_changed_are_restored() -> anyhow::Result<()> {
    on_stage("replica-drift", Setting::default(), |stage| {
        let floors =
            json!({"floors": [{"service": "ticket", "replicas": 3}], "prescaleSeconds": 86_400});
        let soon = json!({"sale": opens(in_seconds(3600)), "capacity": floors});
        stage.sell("aurora", &soon)?;
        let replicas = |wanted: u64| {
            eventually(&format!("{wanted} replicas of ticket"), || {
                let ticket = get(stage.namespace, "deployment/urr-ticket")?;
                let ticket = ticket.context("it is installed")?;
                Ok((ticket["spec"]["replicas"] == wanted).then_some(()))
            })
        };
        replicas(3)?;
        stage.ready("aurora")?;
        for wrong in ["--replicas=1", "--replicas=9"] {
            let scale = [
                "scale",
                "deployment/urr-ticket",
                wrong,
                "--namespace",
                stage.namespace,
            ];
            kubectl(&scale, "")?.ok("kubectl scale")?;
            replicas(3)?;
        }
        // A service without a floor is held at its base.
        let scale = [
            "scale",
            "deployment/urr-stats",
            "--replicas=0",
            "--namespace",
            stage.namespace,
        ];
        kubectl(&scale, "")?.ok("kubectl scale")?;
        eventually("stats has its base", || {
            let stats = get(stage.namespace, "deployment/urr-stats")?.context("it is installed")?;
            Ok((stats["spec"]["replicas"] == 1).then_some(()))
        })
    })
}
