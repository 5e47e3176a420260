//! What the operator costs, and how fast it is with many sales.

use std::{collections::BTreeMap, thread, time::Duration};

use anyhow::{Context, ensure};
use jiff::SignedDuration;
use serde_json::{Value, json};
use urr_e2e::{
    Request, create_all, eventually, eventually_within, given, in_seconds, items, kubectl, now,
};

use crate::stage::{Setting, Stage, condition, declared, on_stage, opens, sale, text};

/// So many sales are applied at once.
const SALES: usize = 100;
/// In this time all of them are to be accepted.
const ACCEPTED_WITHIN: SignedDuration = SignedDuration::from_secs(10);
/// Memory that it may take.
const MEGABYTES: f64 = 40.0;
/// API calls that one change may cost.
const CALLS: usize = 10;
/// A settled operator is watched for so long.
const REST: Duration = Duration::from_secs(30);
/// One that has sales in several phases is watched for so long.
const LONG_REST: Duration = Duration::from_mins(5);
/// Nobody asks for anything for so long: it has settled.
const QUIET: Duration = Duration::from_secs(3);
/// Kinds that the operator reads or writes, or that follow from them.
const KINDS: [&str; 11] = [
    "configmaps",
    "deployments",
    "events",
    "horizontalpodautoscalers",
    "jobs",
    "pods",
    "replicasets",
    "secrets",
    "services",
    "statefulsets",
    "ticketingevents",
];

/// What was asked of the API server for the sake of sales.
fn calls(requests: Vec<Request>) -> Vec<String> {
    let asked = requests.into_iter().filter(|request| {
        let is_lease = request.path.contains("/leases");
        // Asked by the probes, and to begin watching anew.
        let is_rest = request.path == "/version" || request.path.contains("watch=true");
        request.path.starts_with("/api") && !is_lease && !is_rest
    });
    asked
        .map(|request| format!("{} {}", request.method, request.path))
        .collect()
}

/// Waits until the operator asks for nothing any more; returns what it asked for meanwhile.
fn settled(stage: &Stage<'_>) -> anyhow::Result<Vec<String>> {
    let mut all = Vec::new();
    let mut quiet_since = now();
    eventually_within(Duration::from_mins(3), "the operator settles", || {
        let asked = calls(stage.log.take());
        if !asked.is_empty() {
            quiet_since = now();
        }
        all.extend(asked);
        let quiet = now().duration_since(quiet_since);
        Ok((Duration::try_from(quiet)? >= QUIET).then_some(()))
    })?;
    Ok(all)
}

/// The version of each object of the namespace.
fn versions(stage: &Stage<'_>) -> anyhow::Result<BTreeMap<String, String>> {
    let mut versions = BTreeMap::new();
    for kind in KINDS {
        for object in items(stage.namespace, kind)? {
            // Others go on telling what they wait for, such as a volume.
            if kind == "events" && object["reportingController"] != "urr-operator" {
                continue;
            }
            let metadata = &object["metadata"];
            let name = format!("{kind}/{}", text(&metadata["name"]));
            versions.insert(name, text(&metadata["resourceVersion"]));
        }
    }
    Ok(versions)
}

/// A figure of `/proc/<id>/status`, in MB.
fn memory(id: u32, name: &str) -> anyhow::Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
    let mut lines = status.lines().filter_map(|line| line.strip_prefix(name));
    let kilobytes = lines.next().and_then(|rest| rest.split_whitespace().next());
    let kilobytes: f64 = kilobytes.context("the kernel says it")?.parse()?;
    Ok(kilobytes / 1024.0)
}

fn hundred() -> Vec<Value> {
    let sales = (0..SALES).map(|number| {
        let name = format!("sale-{number}");
        let changes = json!({"eventId": null, "event": declared(&name)});
        sale(&name, "", &changes)
    });
    sales.collect()
}

/// What was measured with many sales.
struct Measured {
    /// From the first that is made until all are accepted.
    accepted_after: SignedDuration,
    /// Memory, in MB: resident, but of an operator built with the tests only what is not of its
    /// file, because a debug build's file is many times what is shipped.
    memory: f64,
}

/// Makes many sales, changes one, and sees that nothing happens then.
fn measure() -> anyhow::Result<Measured> {
    let (mut accepted_after, mut counted) = (SignedDuration::ZERO, 0.0);
    on_stage("figures", Setting::default(), |stage| {
        stage.sell("first", &json!({}))?;
        stage.ready("first")?;
        let began = now();
        create_all(stage.namespace, "ticketingevents", &hundred())?;
        let created = now().duration_since(began);
        let accepted = |count: usize| {
            eventually("all are accepted", || {
                let sales = items(stage.namespace, "ticketingevents")?;
                let accepted = sales
                    .iter()
                    .filter(|sale| condition(sale, "Accepted")["status"] == "True");
                Ok((accepted.count() == count).then(now))
            })
        };
        accepted_after = accepted(SALES + 1)?.duration_since(began);
        eprintln!(
            "{SALES} sales accepted in {} ms, of which {} ms until the last was made",
            accepted_after.as_millis(),
            created.as_millis()
        );
        settled(stage)?;
        one_change(stage)?;
        at_rest(stage)?;
        let id = stage.operator.process().id();
        let resident = memory(id, "VmRSS:")?;
        let own = memory(id, "RssAnon:")?;
        eprintln!("resident: {resident:.1} MB, of which {own:.1} MB not of its file");
        counted = if given().is_some() { resident } else { own };
        Ok(())
    })?;
    Ok(Measured {
        accepted_after,
        memory: counted,
    })
}

#[test]
#[ignore = "needs a cluster: make e2e"]
fn many_sales_are_accepted_and_then_all_is_quiet() -> anyhow::Result<()> {
    measure().map(drop)
}

#[test]
#[ignore = "a figure: make e2e LEVEL=figures"]
fn figure_many_sales_are_accepted_soon_with_little_memory() -> anyhow::Result<()> {
    let Measured {
        accepted_after,
        memory,
    } = measure()?;
    ensure!(accepted_after <= ACCEPTED_WITHIN, "{accepted_after:#}");
    ensure!(memory <= MEGABYTES, "{memory:.1} MB");
    Ok(())
}

fn one_change(stage: &Stage<'_>) -> anyhow::Result<()> {
    let patch = r#"{"spec": {"admission": {"maxActive": 1234}}}"#;
    let arguments = [
        "patch",
        "ticketingevent",
        "sale-7",
        "--type=merge",
        "--patch",
        patch,
    ];
    kubectl(
        &[&arguments[..], &["--namespace", stage.namespace]].concat(),
        "",
    )?
    .ok("kubectl patch")?;
    stage.ready("sale-7")?;
    let asked = settled(stage)?;
    eprintln!("one change took {} API calls: {asked:#?}", asked.len());
    ensure!(!asked.is_empty(), "a change is written into the status");
    ensure!(asked.len() <= CALLS, "{asked:#?}");
    Ok(())
}

/// What was asked in `time` of nothing to do; errs where an object changed meanwhile.
fn rest(stage: &Stage<'_>, time: Duration) -> anyhow::Result<Vec<Request>> {
    let before = versions(stage)?;
    stage.log.take();
    thread::sleep(time);
    let requests = stage.log.take();
    let after = versions(stage)?;
    ensure!(after == before, "{after:#?} is not {before:#?}");
    let mut writes = requests.iter().filter(|request| request.is_write());
    ensure!(writes.next().is_none(), "{requests:#?}");
    let renewals = requests
        .iter()
        .filter(|request| request.path.contains("/leases"));
    eprintln!(
        "{} s of rest: {} requests, of which {} for the Lease",
        time.as_secs(),
        requests.len(),
        renewals.count()
    );
    Ok(requests)
}

fn at_rest(stage: &Stage<'_>) -> anyhow::Result<()> {
    let reads = calls(rest(stage, REST)?);
    ensure!(reads.is_empty(), "{reads:#?}");
    Ok(())
}

#[test]
#[ignore = "a figure: make e2e LEVEL=figures"]
fn figure_in_five_minutes_of_rest_nothing_but_the_lease_changes() -> anyhow::Result<()> {
    on_stage("rest", Setting::default(), |stage| {
        let floors = json!({"floors": [{"service": "ticket", "replicas": 2}]});
        let mut lobby = opens(in_seconds(2400));
        lobby["lobbySeconds"] = json!(3600);
        let sales = [
            ("Planned", json!({"capacity": floors})),
            ("Lobby", json!({"capacity": floors, "sale": lobby})),
            (
                "Open",
                json!({"capacity": floors, "sale": opens(in_seconds(1))}),
            ),
        ];
        let mut events = Vec::new();
        for (phase, changes) in &sales {
            events.push(stage.sell(&phase.to_lowercase(), changes)?);
        }
        for (phase, _) in &sales {
            let name = phase.to_lowercase();
            eventually(&format!("{name} is in its phase"), || {
                Ok((stage.sale(&name)?["status"]["phase"] == *phase).then_some(()))
            })?;
            stage.ready(&name)?;
        }
        settled(stage)?;
        let requests = rest(stage, LONG_REST)?;
        let mut counts = BTreeMap::<String, usize>::new();
        for request in &requests {
            let path = request.path.split('?').next().unwrap_or_default();
            *counts
                .entry(format!("{} {path}", request.method))
                .or_default() += 1;
        }
        eprintln!("{counts:#?}");
        for event in &events {
            let path = format!("GET /internal/events/{event}/policy");
            // Of queue and of ticket.
            ensure!(
                counts.get(&path).is_none_or(|count| *count <= 2),
                "{counts:#?}"
            );
        }
        Ok(())
    })
}
