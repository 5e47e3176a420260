//! What sales ask of services rises before them, adds up, and falls after them.

use anyhow::{Context, ensure};
use jiff::SignedDuration;
use serde_json::{Value, json};
use urr_e2e::{eventually, get, in_seconds, kubectl};

use crate::stage::{Setting, Stage, on_stage, opens};

/// Waits until a service shall have so many pods.
fn replicas(stage: &Stage<'_>, service: &str, wanted: u64) -> anyhow::Result<()> {
    eventually(&format!("{wanted} replicas of {service}"), || {
        let found = get(stage.namespace, &format!("deployment/urr-{service}"))?;
        let replicas = &found.context("it is installed")?["spec"]["replicas"];
        ensure!(*replicas == wanted, "{replicas}");
        Ok(Some(()))
    })
}

/// What the status tells of one service.
fn capacity(sale: &Value, service: &str) -> Value {
    let services = sale["status"]["capacity"]["services"].as_array();
    let mut all = services.into_iter().flatten();
    let found = all.find(|found| found["name"] == service);
    found.cloned().unwrap_or_default()
}

/// Floors that count from long before the opening.
fn floors(floors: &Value) -> Value {
    json!({"floors": floors, "prescaleSeconds": 86_400, "cooldownSeconds": 1})
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn floors_rise_before_a_sale_and_fall_after_it() -> anyhow::Result<()> {
    on_stage("floors", Setting::default(), |stage| {
        let floors = floors(&json!([
            {"service": "ticket", "replicas": 3}, {"service": "gateway", "replicas": 2}
        ]));
        let event = stage.sell("aurora", &json!({"capacity": floors}))?;
        stage.says("aurora", "CapacityReady", "True", "NotNeeded")?;
        stage.ready("aurora")?;
        for service in ["ticket", "gateway"] {
            replicas(stage, service, 1)?;
        }

        stage.kubelet.hold("urr-ticket-");
        let opens_at = in_seconds(40);
        let closes_at = opens_at + SignedDuration::from_secs(2);
        let soon =
            json!({"sale": {"opensAt": opens_at, "closesAt": closes_at}, "capacity": floors});
        stage.apply("aurora", &event, &soon)?;
        replicas(stage, "ticket", 3)?;
        replicas(stage, "gateway", 2)?;
        let sentence = stage.says("aurora", "CapacityReady", "False", "Warming")?;
        ensure!(sentence.contains("ticket 1/3"), "{sentence}");
        stage.kubelet.release("urr-ticket-");
        stage.says("aurora", "CapacityReady", "True", "Warm")?;
        let sale = stage.ready("aurora")?;
        let ticket = capacity(&sale, "ticket");
        ensure!(ticket["floor"] == 3 && ticket["ready"] == 3, "{ticket}");
        let phase = &sale["status"]["phase"];
        ensure!(
            *phase == "Lobby",
            "all was warm before the opening, not only in {phase}"
        );

        // By half at most, and never below the base.
        replicas(stage, "ticket", 2)?;
        replicas(stage, "gateway", 1)?;
        let phase = &stage.sale("aurora")?["status"]["phase"];
        ensure!(
            *phase == "Cooling",
            "floors stay to the end, not only to {phase}"
        );
        Ok(())
    })
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn sales_at_one_time_add_up_to_what_there_can_be() -> anyhow::Result<()> {
    let few = Setting {
        values: &["defaults.maxReplicas=6"],
        ..Setting::default()
    };
    on_stage("sums", few, |stage| {
        let asks = |replicas: u32| {
            let floors = floors(&json!([{"service": "ticket", "replicas": replicas}]));
            json!({"sale": opens(in_seconds(3600)), "capacity": floors})
        };
        stage.sell("first", &asks(2))?;
        replicas(stage, "ticket", 2)?;
        stage.sell("second", &asks(3))?;
        replicas(stage, "ticket", 5)?;
        for (sale, floor) in [("first", 2), ("second", 3)] {
            eventually(&format!("{sale} tells its part and the sum"), || {
                let ticket = capacity(&stage.ready(sale)?, "ticket");
                let told = ticket["asked"] == floor && ticket["wanted"] == 5;
                ensure!(told, "{ticket}");
                Ok(Some(()))
            })?;
        }

        // Years ahead: the sum of what is asked then.
        let floors = json!({"floors": [{"service": "ticket", "replicas": 30}]});
        stage.sell("huge", &json!({"capacity": floors}))?;
        let sentence = stage.says("huge", "CapacityReady", "False", "CappedByMaxReplicas")?;
        ensure!(sentence.contains("ticket needs 30 of 6"), "{sentence}");
        let told = stage.event("huge", "CappedByMaxReplicas")?;
        ensure!(told.contains("raise its maximum"), "{told}");
        replicas(stage, "ticket", 5)?;

        stage.sell("third", &asks(4))?;
        replicas(stage, "ticket", 6)?;
        stage.says("third", "CapacityReady", "False", "CappedByMaxReplicas")?;
        for (sale, left) in [("third", 5), ("second", 2), ("first", 1)] {
            stage.delete(sale)?;
            replicas(stage, "ticket", left)?;
        }
        Ok(())
    })
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn what_a_crowd_needs_is_computed_and_shown() -> anyhow::Result<()> {
    let measured = Setting {
        values: &[
            "operator.load.measuredAt=here",
            "operator.load.services.gateway.perPoll=1",
            "operator.load.services.gateway.perAdmittedUser=10",
            "operator.load.services.gateway.perReplica=4000",
        ],
        ..Setting::default()
    };
    on_stage("demand", measured, |stage| {
        let crowd = json!({
            "sale": opens(in_seconds(3600)),
            "capacity": {"expectedUsers": 100_000, "headroomPercent": 50, "prescaleSeconds": 86_400},
        });
        stage.sell("aurora", &crowd)?;
        let gateway = capacity(&stage.ready("aurora")?, "gateway");
        // 5300 x 1 + 100 x 10 = 6300; x 1.5 = 9450; / 4000 = 2.4
        ensure!(gateway["floor"] == 3, "{gateway}");
        let sum = gateway["sum"].as_str().unwrap_or_default();
        ensure!(
            sum.starts_with("(5300 polls/s of 100000 waiting x 1 + 100/s admitted x 10) x 1.5"),
            "{sum}"
        );
        replicas(stage, "gateway", 3)
    })
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn where_there_is_an_autoscaler_its_minimum_is_the_floor() -> anyhow::Result<()> {
    let setting = Setting {
        values: &["autoscaling.enabled=true"],
        ..Setting::default()
    };
    on_stage("autoscaler", setting, |stage| {
        let autoscaler = || {
            let found = get(stage.namespace, "horizontalpodautoscaler/urr-ticket")?;
            found.context("it is installed")
        };
        let minimum = |wanted: u64| {
            eventually(&format!("a minimum of {wanted}"), || {
                Ok((autoscaler()?["spec"]["minReplicas"] == wanted).then_some(()))
            })
        };
        let floors = floors(&json!([{"service": "ticket", "replicas": 4}]));
        stage.sell(
            "aurora",
            &json!({"sale": opens(in_seconds(3600)), "capacity": floors}),
        )?;
        minimum(4)?;
        // The autoscaler itself makes the pods.
        replicas(stage, "ticket", 4)?;
        stage.ready("aurora")?;
        let ticket = get(stage.namespace, "deployment/urr-ticket")?.context("it is installed")?;
        let managers = ticket["metadata"]["managedFields"].to_string();
        ensure!(
            !managers.contains("urr-operator/capacity"),
            "only one field: {managers}"
        );

        let lower = r#"{"spec": {"minReplicas": 2}}"#;
        let patch = [
            "patch",
            "horizontalpodautoscaler",
            "urr-ticket",
            "--patch",
            lower,
        ];
        kubectl(
            &[&patch[..], &["--namespace", stage.namespace]].concat(),
            "",
        )?
        .ok("kubectl patch")?;
        minimum(4)?;
        stage.delete("aurora")?;
        minimum(1)
    })
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn no_restart_lets_a_floor_fall() -> anyhow::Result<()> {
    let measured = Setting {
        values: &[
            "operator.load.measuredAt=here",
            "operator.load.services.ticket.perPoll=0",
            "operator.load.services.ticket.perAdmittedUser=5",
            "operator.load.services.ticket.perReplica=100",
        ],
        ..Setting::default()
    };
    on_stage("restart", measured, |stage| {
        let crowd = json!({
            "sale": opens(in_seconds(3600)),
            "capacity": {"expectedUsers": 1000, "prescaleSeconds": 86_400},
        });
        stage.sell("aurora", &crowd)?;
        // 100 x 5 x 1.2 / 100 = 6; by the operator's own table it is 2.
        replicas(stage, "ticket", 6)?;
        stage.ready("aurora")?;
        // Counts every change of the spec, a short one as well.
        let generation = |stage: &Stage<'_>| {
            let ticket = get(stage.namespace, "deployment/urr-ticket")?;
            anyhow::Ok(ticket.context("it is installed")?["metadata"]["generation"].clone())
        };
        let before = generation(stage)?;
        for (sale, settings, payment) in [("second", None, 2), ("third", Some("{"), 4)] {
            stage.operator.kill()?;
            if let Some(settings) = settings {
                let patch = json!({"data": {"platform.json": settings}}).to_string();
                patched(stage, "configmap/urr-platform", &patch)?;
            }
            stage.operator.restart()?;
            let floors = floors(&json!([{"service": "payment", "replicas": 2}]));
            let further = json!({"sale": opens(in_seconds(3600)), "capacity": floors});
            stage.sell(sale, &further)?;
            // Who was looked at first does not matter: all are, and payment rises last.
            replicas(stage, "payment", payment)?;
            let now = generation(stage)?;
            ensure!(now == before, "{sale}: from {before} to {now}");
        }
        stage.says("aurora", "DataReady", "False", "SettingsInvalid")?;
        Ok(())
    })
}

fn patched(stage: &Stage<'_>, object: &str, patch: &str) -> anyhow::Result<()> {
    let arguments = [
        "patch",
        object,
        "--namespace",
        stage.namespace,
        "--type=merge",
    ];
    kubectl(&[&arguments[..], &["--patch", patch]].concat(), "")?
        .ok("kubectl patch")
        .map(drop)
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn a_base_above_the_autoscalers_maximum_is_capped_and_told() -> anyhow::Result<()> {
    let setting = Setting {
        values: &["autoscaling.enabled=true"],
        ..Setting::default()
    };
    on_stage("base", setting, |stage| {
        let base = r#"{"metadata": {"annotations": {"urr.internal/base-replicas": "4"}}}"#;
        patched(stage, "deployment/urr-ticket", base)?;
        let minimum = |wanted: u64| {
            eventually(&format!("a minimum of {wanted}"), || {
                let found = get(stage.namespace, "horizontalpodautoscaler/urr-ticket")?;
                let minimum = &found.context("it is installed")?["spec"]["minReplicas"];
                Ok((*minimum == wanted).then_some(()))
            })
        };
        minimum(4)?;
        // Whoever made it, and whatever its labels.
        let label = r#"{"metadata": {"labels": {"urr.internal/service": null}}}"#;
        patched(stage, "horizontalpodautoscaler/urr-ticket", label)?;
        let most = r#"{"spec": {"maxReplicas": 3, "minReplicas": 1}}"#;
        patched(stage, "horizontalpodautoscaler/urr-ticket", most)?;
        minimum(3)?;
        let told = stage.event("urr-ticket", "CappedByMaxReplicas")?;
        ensure!(told.contains("its autoscaler allows 3"), "{told}");
        Ok(())
    })
}
