//! One operator acts at a time, whatever happens to it.

use anyhow::{Context, ensure};
use jiff::{SignedDuration, Timestamp};
use reqwest::StatusCode;
use serde_json::json;
use urr_e2e::{Log, Operator, Request, eventually};

use crate::stage::{Setting, Stage, declared, on_stage, text};

/// Nobody takes over from a silent one in so long a time.
const LONG: Setting<'_> = Setting {
    values: &[],
    arguments: &["--lease-seconds", "300"],
};

/// What the Lease says of its holder.
#[derive(Debug)]
struct Record {
    holder: String,
    acquired: Timestamp,
    renewed: Timestamp,
    /// How long others wait for it.
    time: SignedDuration,
}

/// Nothing while nobody holds it.
fn record(operator: &Operator) -> anyhow::Result<Option<Record>> {
    let Some(lease) = operator.lease()? else {
        return Ok(None);
    };
    let spec = &lease["spec"];
    if spec["holderIdentity"].is_null() {
        return Ok(None);
    }
    let seconds = spec["leaseDurationSeconds"].as_i64();
    Ok(Some(Record {
        holder: text(&spec["holderIdentity"]),
        acquired: text(&spec["acquireTime"]).parse()?,
        renewed: text(&spec["renewTime"]).parse()?,
        time: SignedDuration::from_secs(seconds.context("it has a duration")?),
    }))
}

fn held(operator: &Operator) -> anyhow::Result<Record> {
    eventually("somebody holds the Lease", || record(operator))
}

/// Waits until somebody else than `before` holds the Lease.
fn taken_over(stage: &Stage<'_>, before: &Record) -> anyhow::Result<Record> {
    eventually("another holds the Lease", || {
        let record = record(&stage.operator)?;
        Ok(record.filter(|record| record.holder != before.holder))
    })
}

/// Another operator, as soon as it waits for the Lease of the first.
fn waiting(stage: &Stage<'_>, setting: Setting<'_>) -> anyhow::Result<(Operator, Log)> {
    held(&stage.operator)?;
    let (operator, log) = stage.another(setting)?;
    looks_at_lease(&log)?;
    Ok((operator, log))
}

/// Waits until somebody looks at the Lease from now on; returns all that was asked until then.
fn looks_at_lease(log: &Log) -> anyhow::Result<Vec<Request>> {
    let mut all = Vec::new();
    eventually("it looks at the Lease", || {
        let asked = log.take();
        let is_there = asked
            .iter()
            .any(|request| request.path.contains("/leases/"));
        all.extend(asked);
        Ok(is_there.then_some(()))
    })?;
    Ok(all)
}

/// A sale whose event has to be made.
fn apply(stage: &Stage<'_>, name: &str) -> anyhow::Result<()> {
    stage.apply(name, "", &json!({"eventId": null, "event": declared(name)}))
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn a_second_operator_waits_and_changes_nothing() -> anyhow::Result<()> {
    on_stage("lease-two", LONG, |stage| {
        let holder = held(&stage.operator)?.holder;
        let (second, log) = stage.another(LONG)?;
        apply(stage, "aurora")?;
        stage.ready("aurora")?;
        let mut asked = looks_at_lease(&log)?;
        asked.extend(looks_at_lease(&log)?);
        // It could begin at any time, so a rollout need not wait for it.
        let probe = reqwest::blocking::get(format!("{}/readyz", second.url()))?;
        ensure!(probe.status() == StatusCode::OK, "{probe:?}");
        asked.retain(|request| request.method != "GET" || request.path.contains("urr.internal/v1"));
        ensure!(asked.is_empty(), "{asked:#?}");
        ensure!(held(&stage.operator)?.holder == holder, "nobody took it");
        Ok(())
    })
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn another_goes_on_where_a_dead_operator_was_but_not_before_its_time() -> anyhow::Result<()> {
    on_stage("lease-dead", Setting::default(), |stage| {
        let (_second, _) = waiting(stage, Setting::default())?;
        // It dies in the middle of its work.
        stage.log.kill_after(2, stage.operator.process().id())?;
        apply(stage, "aurora")?;
        eventually("the first is dead", || {
            Ok((!stage.operator.process().is_running()?).then_some(()))
        })?;
        let dead = held(&stage.operator)?;
        let next = taken_over(stage, &dead)?;
        let silent = next.acquired.duration_since(dead.renewed);
        ensure!(silent >= dead.time, "{next:?} did not wait for {dead:?}");
        stage.ready("aurora").map(drop)
    })
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn an_operator_that_was_frozen_ends_without_another_write() -> anyhow::Result<()> {
    on_stage("lease-frozen", Setting::default(), |stage| {
        apply(stage, "aurora")?;
        stage.ready("aurora")?;
        let (mut second, _) = waiting(stage, Setting::default())?;
        let frozen = held(&stage.operator)?;
        stage.operator.process().freeze()?;
        let next = taken_over(stage, &frozen)?;
        // Work that nobody has done when it goes on, and that its watches tell of at once.
        second.process().freeze()?;
        let sales = ["borealis", "corona", "dawn"];
        for name in sales {
            apply(stage, name)?;
        }
        stage.log.take();
        stage.operator.process().thaw()?;
        eventually("it ends", || {
            Ok((!stage.operator.process().is_running()?).then_some(()))
        })?;
        ensure!(!stage.operator.process().stop()?, "losing it is a failure");
        let mut said = stage.log.take();
        said.retain(|request| request.method != "GET" && !request.path.contains("/leases/"));
        ensure!(said.is_empty(), "{said:#?}");
        second.process().thaw()?;
        for name in sales {
            stage.ready(name)?;
        }
        ensure!(held(&second)?.holder == next.holder, "the other went on");
        Ok(())
    })
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn an_operator_that_is_asked_to_end_gives_the_lease_back() -> anyhow::Result<()> {
    on_stage("lease-given", LONG, |stage| {
        let (_second, _) = waiting(stage, LONG)?;
        let first = held(&stage.operator)?;
        ensure!(stage.operator.process().stop()?, "it ends in peace");
        let next = taken_over(stage, &first)?;
        let end = first.renewed + first.time;
        ensure!(next.acquired < end, "{next:?} waited for {first:?}");
        apply(stage, "aurora")?;
        stage.ready("aurora").map(drop)
    })
}
