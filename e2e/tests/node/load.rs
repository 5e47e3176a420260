//! What people ask of each service, and what one processor serves of it: the table from which
//! the operator computes floors, measured on pods.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    ops::Sub,
    thread,
    time::{Duration, Instant},
};

use anyhow::Context;
use jiff::SignedDuration;
use serde_json::{Value, json};
use urr_e2e::{
    Namespace, apply, declared_sale, eventually_within, get, kubectl, labelled, now, opens,
    sale_says, text, until,
};

use crate::platform::{PATIENCE, crowd, install, with_platform};

/// So many come, and all get a ticket.
const FANS: u32 = 150;
/// Time for all to sign in and to stand in line, and then to be watched there.
const LOBBY: SignedDuration = SignedDuration::from_mins(4);
/// How long idle pods are watched, so that their own work is not counted as somebody's.
const IDLE: Duration = Duration::from_secs(20);
/// Of each processor this much is used before there is no room to spare: the share at which the
/// chart's autoscalers add pods.
const USED: f64 = 0.6;
/// What is asked of services by people; the others follow facts.
const SERVICES: [&str; 5] = ["gateway", "auth", "queue", "ticket", "payment"];
/// Routes that only the cluster asks.
const PROBES: [&str; 3] = ["/livez", "/readyz", "/health"];

/// What the pods of a service have done since they began.
#[derive(Clone, Copy, Debug)]
struct Work {
    /// Requests that they have answered.
    requests: f64,
    /// Seconds of a processor that they have used.
    processor: f64,
}

impl Sub for Work {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            requests: self.requests - before.requests,
            processor: self.processor - before.processor,
        }
    }
}

/// Work of all services at a time.
struct Sample {
    at: Instant,
    work: BTreeMap<&'static str, Work>,
}

impl Sample {
    fn take(namespace: &Namespace) -> anyhow::Result<Self> {
        let mut work = BTreeMap::new();
        let at = Instant::now();
        for service in SERVICES {
            let selector = format!("urr.internal/service={service}");
            let pods = labelled(namespace.name(), "pods", &selector)?;
            let pod = pods
                .first()
                .with_context(|| format!("{service} has no pod"))?;
            work.insert(service, work_of(namespace, pod)?);
        }
        Ok(Self { at, work })
    }

    /// What was done since `before`, and in how many seconds.
    fn since(&self, before: &Self, service: &str) -> (Work, f64) {
        let work = self.work[service] - before.work[service];
        (work, (self.at - before.at).as_secs_f64())
    }
}

fn work_of(namespace: &Namespace, pod: &Value) -> anyhow::Result<Work> {
    let (name, node) = (
        text(&pod["metadata"]["name"]),
        text(&pod["spec"]["nodeName"]),
    );
    let metrics = format!(
        "/api/v1/namespaces/{}/pods/{name}:9000/proxy/actuator/prometheus",
        namespace.name()
    );
    let stats: Value =
        serde_json::from_str(&raw(&format!("/api/v1/nodes/{node}/proxy/stats/summary"))?)?;
    let mut pods = stats["pods"].as_array().into_iter().flatten();
    let pod = pods.find(|pod| {
        pod["podRef"]["name"] == name && pod["podRef"]["namespace"] == namespace.name()
    });
    let nanoseconds = pod.and_then(|pod| pod["cpu"]["usageCoreNanoSeconds"].as_u64());
    let nanoseconds = nanoseconds.with_context(|| format!("nothing is known of {name}"))?;
    Ok(Work {
        requests: requests(&raw(&metrics)?),
        processor: Duration::from_nanos(nanoseconds).as_secs_f64(),
    })
}

fn raw(path: &str) -> anyhow::Result<String> {
    kubectl(&["get", "--raw", path], "")?.ok("kubectl get --raw")
}

/// Requests of people and of other services, from metrics in the text format of Prometheus.
fn requests(metrics: &str) -> f64 {
    let counts = metrics
        .lines()
        .filter(|line| line.starts_with("http_server_requests_seconds_count{"))
        .filter(|line| {
            !PROBES
                .iter()
                .any(|route| line.contains(&format!("route=\"{route}\"")))
        });
    counts
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum()
}

/// The three moments between which it is counted, after one when nothing was asked.
struct Run {
    idle: [Sample; 2],
    all_wait: Sample,
    opening: Sample,
    end: Sample,
}

/// One line of the table: requests for one poll of somebody who waits, requests of one who is
/// let in, requests a second that one processor serves.
fn load(run: &Run, service: &str) -> [f64; 3] {
    let (rest, seconds) = run.idle[1].since(&run.idle[0], service);
    let own_work = rest.processor / seconds;
    let (waiting, _) = run.opening.since(&run.all_wait, service);
    let (polls, _) = run.opening.since(&run.all_wait, "queue");
    let (buying, _) = run.end.since(&run.opening, service);
    let (all, took) = run.end.since(&run.all_wait, service);
    let each = (all.processor - own_work * took) / all.requests;
    [
        waiting.requests / polls.requests,
        buying.requests / f64::from(FANS),
        USED / each,
    ]
}

fn table(run: &Run) -> anyhow::Result<String> {
    let mut table = format!(
        "load:\n  measuredAt: \"{FANS} fans on {}\"\n  services:\n",
        processor()?
    );
    for service in SERVICES {
        let [poll, admitted, replica] = load(run, service);
        writeln!(
            table,
            "    {service}: {{ perPoll: {poll:.2}, perAdmittedUser: {admitted:.1}, perReplica: {replica:.0} }}"
        )?;
    }
    Ok(table)
}

/// The name of this machine's processors.
fn processor() -> anyhow::Result<String> {
    let about = fs::read_to_string("/proc/cpuinfo")?;
    let mut lines = about.lines().filter_map(|line| line.split_once(':'));
    let name = lines.find(|(field, _)| field.trim() == "model name");
    Ok(name
        .map_or("an unknown processor", |(_, name)| name.trim())
        .to_owned())
}

/// Everybody signs in, waits in the lobby and buys; what is printed belongs below `operator` in
/// the chart's values.
#[test]
#[ignore = "a figure: make e2e LEVEL=load"]
fn figure_what_one_processor_serves() -> anyhow::Result<()> {
    let limits = "config.rateLimits.queue=100000,config.rateLimits.booking=100000";
    with_platform("load", &[limits], |namespace, _| {
        let opens_at = now() + LOBBY;
        let changes = json!({"sale": opens(opens_at)});
        apply(
            namespace.name(),
            &declared_sale("load", &changes).to_string(),
        )?;
        let sale = sale_says(
            namespace.name(),
            "load",
            ("Ready", "True", "Ready"),
            PATIENCE,
        )?;
        let begun = Sample::take(namespace)?;
        thread::sleep(IDLE);
        let idle = [begun, Sample::take(namespace)?];

        let event = format!("crowd.event={}", text(&sale["status"]["eventId"]));
        let fans = format!("crowd.fans={FANS}");
        let release = install(
            namespace,
            &[limits, &event, &fans, "crowd.args={--drop-out=0}"],
        )?;
        let (in_line, bought) = thread::scope(|scope| {
            let crowd = scope.spawn(|| crowd(namespace, &release));
            let in_line = in_line(namespace, opens_at);
            (in_line, crowd.join().ok().context("the crowd panicked"))
        });
        let (all_wait, opening) = in_line?;
        assert_eq!(bought??, FANS, "who gets no ticket asks for something else");
        let end = Sample::take(namespace)?;
        println!(
            "{}",
            table(&Run {
                idle,
                all_wait,
                opening,
                end
            })?
        );
        Ok(())
    })
}

/// When all wait, and when they still do, just before the sale opens.
fn in_line(namespace: &Namespace, opens_at: jiff::Timestamp) -> anyhow::Result<(Sample, Sample)> {
    eventually_within(PATIENCE, "all stand in line", || {
        let sale = get(namespace.name(), "ticketingevent/load")?.context("it is applied")?;
        let waiting = sale["status"]["line"]["waiting"].as_u64();
        anyhow::ensure!(now() < opens_at, "they came too late: {waiting:?}");
        Ok((waiting == Some(FANS.into())).then_some(()))
    })?;
    let all_wait = Sample::take(namespace)?;
    thread::sleep(until(opens_at).saturating_sub(Duration::from_secs(2)));
    Ok((all_wait, Sample::take(namespace)?))
}
