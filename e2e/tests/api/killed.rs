//! An operator may die at any step. Here it dies at every one: as soon as a write was done, and
//! before it can learn that.

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use urr_e2e::{Request, Service, eventually, exists, get, in_seconds, items};

use crate::stage::{Setting, Stage, condition, declared, on_stage, opens, sale, text};

/// More deaths than there are writes: whoever needs more begins again and again.
const MOST: usize = 60;

/// What a sale comes to, without what differs between two equal ones.
fn outcome(stage: &Stage<'_>, name: &str) -> anyhow::Result<Value> {
    let sale = stage.sale(name)?;
    let event = text(&sale["status"]["eventId"]);
    let uid = text(&sale["metadata"]["uid"]);
    let deployments = items(stage.namespace, "deployments")?;
    let replicas = deployments.iter().map(|found| {
        (
            text(&found["metadata"]["name"]),
            found["spec"]["replicas"].clone(),
        )
    });
    let replicas: serde_json::Map<_, _> = replicas.collect();
    let jobs = items(stage.namespace, "jobs")?;
    let jobs: Vec<_> = jobs
        .iter()
        .map(|job| text(&job["metadata"]["name"]))
        .collect();
    let held = |service| anyhow::Ok(stage.services.policy(service, &event)?.body);
    let outcome = json!({
        "spec": sale["spec"],
        "finalizers": sale["metadata"]["finalizers"],
        "status": sale["status"],
        "queue": held(Service::Queue)?,
        "ticket": held(Service::Ticket)?,
        "replicas": replicas,
        "jobs": jobs,
        "platform": get(stage.namespace, "configmap/urr-platform-state")?
            .context("the platform is there")?["data"],
    });
    Ok(anonymous(
        outcome,
        &[(&event, "<event>"), (&uid, "<uid>"), (name, "<name>")],
    ))
}

/// The same without times, and with names for what is drawn.
fn anonymous(value: Value, drawn: &[(&str, &str)]) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.into_iter().filter(|(name, _)| {
                ![
                    "lastTransitionTime",
                    "sampledAt",
                    "appliedAt",
                    "warmupSeconds",
                ]
                .contains(&name.as_str())
            });
            kept.map(|(name, value)| (name, anonymous(value, drawn)))
                .collect()
        }
        Value::Array(items) => items
            .into_iter()
            .map(|item| anonymous(item, drawn))
            .collect(),
        Value::String(text) => drawn
            .iter()
            .fold(text, |text, (real, name)| text.replace(real, name))
            .into(),
        other => other,
    }
}

/// Lets the operator die after each write until `is_done`; returns the writes. What has to be done
/// again before the next step, such as asking for the id of the event, is let through.
fn dying_until(
    stage: &mut Stage<'_>,
    is_done: impl Fn(&Stage<'_>) -> anyhow::Result<bool>,
) -> anyhow::Result<Vec<String>> {
    let (mut writes, mut lives_for) = (Vec::<String>::new(), 1);
    stage.operator.kill()?;
    stage.log.take();
    for _ in 0..MOST {
        stage.operator.restart()?;
        let id = stage.operator.process().id();
        stage.log.kill_after(lives_for, id)?;
        let is_over = eventually("the operator dies or has nothing to do", || {
            if !stage.operator.process().is_running()? {
                return Ok(Some(false));
            }
            Ok(is_done(stage)?.then_some(true))
        })?;
        let seen = stage.log.take().into_iter().filter(Request::is_write);
        let seen: Vec<_> = seen
            .map(|write| format!("{} {}", write.method, write.path))
            .collect();
        lives_for = if seen.last() == writes.last() {
            lives_for + 1
        } else {
            1
        };
        writes.extend(seen);
        if is_over {
            stage.log.spare();
            return Ok(writes);
        }
        stage.operator.kill()?;
    }
    anyhow::bail!("it does not get anywhere: {writes:#?}")
}

fn is_ready(stage: &Stage<'_>, name: &str) -> anyhow::Result<bool> {
    let sale = stage.sale(name)?;
    let ready = condition(&sale, "Ready");
    let has_its_pods = sale["status"]["capacity"]["summary"] == "3/3";
    Ok(ready["status"] == "True"
        && ready["observedGeneration"] == sale["metadata"]["generation"]
        && has_its_pods)
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn an_operator_that_dies_after_each_write_gets_there_as_well() -> anyhow::Result<()> {
    on_stage("killed", Setting::default(), |stage| {
        let opens_at = in_seconds(7200);
        let first = json!({
            "eventId": null,
            "event": declared("Aurora"),
            "sale": opens(opens_at),
            "capacity": {
                "prescaleSeconds": 86_400, "floors": [{"service": "ticket", "replicas": 3}]
            },
        });
        let mut second = first.clone();
        second["admission"] = json!({"maxActive": 4321});
        let apply = |stage: &Stage<'_>, name: &str, spec: &Value| {
            urr_e2e::apply(stage.namespace, &sale(name, "", spec).to_string())
        };
        let ready = |stage: &Stage<'_>, name: &str| {
            eventually("all is in place", || {
                Ok(is_ready(stage, name)?.then_some(()))
            })
        };
        let is_gone = |stage: &Stage<'_>, name: &str| {
            let ticket =
                get(stage.namespace, "deployment/urr-ticket")?.context("it is installed")?;
            let is_there = exists(stage.namespace, &format!("ticketingevent/{name}"))?;
            anyhow::Ok(!is_there && ticket["spec"]["replicas"] == 1)
        };

        apply(stage, "undisturbed", &first)?;
        ready(stage, "undisturbed")?;
        let expected = outcome(stage, "undisturbed")?;
        apply(stage, "undisturbed", &second)?;
        ready(stage, "undisturbed")?;
        let expected_after = outcome(stage, "undisturbed")?;
        stage.delete("undisturbed")?;
        eventually("it is gone", || {
            Ok(is_gone(stage, "undisturbed")?.then_some(()))
        })?;

        apply(stage, "disturbed", &first)?;
        let made = dying_until(stage, |stage| is_ready(stage, "disturbed"))?;
        same(&outcome(stage, "disturbed")?, &expected, &made)?;
        apply(stage, "disturbed", &second)?;
        let changed = dying_until(stage, |stage| is_ready(stage, "disturbed"))?;
        same(&outcome(stage, "disturbed")?, &expected_after, &changed)?;
        let event = text(&stage.sale("disturbed")?["status"]["eventId"]);
        let uid = stage.sale("disturbed")?["metadata"]["uid"].clone();
        stage.delete("disturbed")?;
        let let_go = dying_until(stage, |stage| is_gone(stage, "disturbed"))?;
        for service in [Service::Queue, Service::Ticket] {
            let held = stage.services.policy(service, &event)?;
            ensure!(
                held.body["fence"]["owner"] != uid,
                "{service:?} holds {held:?}"
            );
        }
        let counts = [&made, &changed, &let_go].map(Vec::len);
        eprintln!("died after {counts:?} writes: {made:#?} {changed:#?} {let_go:#?}");
        Ok(())
    })
}

fn same(found: &Value, expected: &Value, writes: &[String]) -> anyhow::Result<()> {
    ensure!(
        found == expected,
        "{found:#}\nis not\n{expected:#}\nafter {writes:#?}"
    );
    Ok(())
}
