//! What a run came to: for a program as JSON, for a person as a table.

use std::{
    collections::BTreeMap,
    fmt::{self, Write},
    time::Duration,
};

use jiff::Timestamp;
use serde::Serialize;
use urr_contract::EventId;

use super::{
    histogram::Histogram,
    milestone::Ending,
    tally::{EndpointTally, Tally},
};

/// Under which conditions a run took place.
#[derive(Clone, Debug, Serialize)]
pub struct Conditions {
    /// The gateway.
    pub gateway: String,
    /// The event, where all came for one.
    pub event: Option<EventId>,
    /// How many fans.
    pub fans: u32,
    /// What decided their choices.
    pub seed: u64,
    /// Which accounts they used.
    pub accounts: String,
    /// Requests a minute by rate-limit category, as far as known.
    pub rate_limits: RateLimits,
    /// When it began.
    pub started_at: Timestamp,
}

/// The gateway's limits, in requests a minute for each client. `None` is unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "named after the categories")]
pub struct RateLimits {
    pub auth: Option<u32>,
    pub queue: Option<u32>,
    pub booking: Option<u32>,
    pub general: Option<u32>,
}

impl fmt::Display for RateLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limits = [
            ("auth", self.auth),
            ("queue", self.queue),
            ("booking", self.booking),
            ("general", self.general),
        ];
        if limits.iter().all(|(_, limit)| limit.is_none()) {
            return f.write_str("unknown");
        }
        for (index, (name, limit)) in limits.into_iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            match limit {
                Some(limit) => write!(f, "{comma}{name} {limit}/min")?,
                None => write!(f, "{comma}{name} unknown")?,
            }
        }
        Ok(())
    }
}

/// Percentiles of durations, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Spread {
    /// Half were no longer.
    pub p50_ms: f64,
    /// 95 of 100 were no longer.
    pub p95_ms: f64,
    /// 99 of 100 were no longer.
    pub p99_ms: f64,
    /// The longest.
    pub max_ms: f64,
}

impl From<&Histogram> for Spread {
    fn from(histogram: &Histogram) -> Self {
        Self {
            p50_ms: millis(histogram.quantile(0.50)),
            p95_ms: millis(histogram.quantile(0.95)),
            p99_ms: millis(histogram.quantile(0.99)),
            max_ms: millis(histogram.max()),
        }
    }
}

/// One endpoint in the report.
#[derive(Clone, Debug, Serialize)]
pub struct Endpoint {
    /// Its name.
    pub name: &'static str,
    /// Answers by status.
    pub statuses: BTreeMap<u16, u64>,
    /// Requests without an answer.
    pub lost: u64,
    /// Time to the whole answer.
    pub latency: Spread,
}

impl Endpoint {
    fn new(name: &'static str, tally: &EndpointTally) -> Self {
        Self {
            name,
            statuses: tally.statuses.clone(),
            lost: tally.lost,
            latency: Spread::from(&tally.latency),
        }
    }

    /// How many requests it was sent.
    pub fn requests(&self) -> u64 {
        self.lost + self.statuses.values().sum::<u64>()
    }
}

/// What a run came to.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Conditions of the run.
    pub conditions: Conditions,
    /// How long it took.
    pub seconds: f64,
    /// Whether it was ended early.
    pub interrupted: bool,
    /// Fans that arrived.
    pub arrived: u64,
    /// Fans that registered an account.
    pub registered: u64,
    /// Fans that signed in with one that was there.
    pub signed_in: u64,
    /// Sessions renewed after a 401.
    pub sessions_renewed: u64,
    /// Fans that took a place in line or went straight in.
    pub joined: u64,
    /// Fans that were let in.
    pub admitted: u64,
    /// Time from joining to being let in.
    pub waited: Spread,
    /// Seats and places held.
    pub held: u64,
    /// Holds refused because somebody was quicker.
    pub conflicts: u64,
    /// Cards refused.
    pub declined: u64,
    /// Times that the outcome of a payment was unknown for a while.
    pub in_doubt: u64,
    /// Purchases paid and confirmed.
    pub paid: u64,
    /// Seats and places in them, without those given back.
    pub sold: u64,
    /// Won paid, refunds not subtracted.
    pub revenue: i64,
    /// Purchases given back.
    pub cancelled: u64,
    /// Of these, seen as refunded.
    pub refunded: u64,
    /// How the visits ended.
    pub endings: BTreeMap<&'static str, u64>,
    /// Why visits failed.
    pub failed: BTreeMap<String, u64>,
    /// Fans still at it when the run was ended early.
    pub unfinished: u64,
    /// Requests that were repeated.
    pub repeated: u64,
    /// Of these, because of the rate limit.
    pub rate_limited: u64,
    /// Fans whom the queue no longer knew although they waited.
    pub lost_places: u64,
    /// Times that a position in line became worse.
    pub positions_grew: u64,
    /// Answers that told of more people inside than may be.
    pub told_too_many: u64,
    /// Times that a fan seemed passed in line after the queue had failed to answer.
    pub passed_after_a_fault: u64,
    /// How many things happened that must never happen.
    pub violation_count: u64,
    /// The first of them.
    pub violations: Vec<String>,
    /// The endpoints.
    pub endpoints: Vec<Endpoint>,
    /// Time that requests waited for one of the crowd's own connections; not in the
    /// endpoints' latency.
    pub queued_in_crowd: Spread,
}

impl Report {
    /// Draws up the report of a run that took `took`.
    pub fn new(conditions: Conditions, tally: &Tally, took: Duration, interrupted: bool) -> Self {
        let counts = tally.counts;
        let (endings, failed) = endings(tally);
        Self {
            conditions,
            seconds: took.as_secs_f64(),
            interrupted,
            arrived: counts.arrived,
            registered: counts.registered,
            signed_in: counts.signed_in,
            sessions_renewed: counts.sessions_renewed,
            joined: counts.joined,
            admitted: counts.admitted,
            waited: Spread::from(&tally.waited),
            held: counts.held,
            conflicts: counts.conflicts,
            declined: counts.declined,
            in_doubt: counts.in_doubt,
            paid: counts.paid,
            sold: counts.sold,
            revenue: counts.revenue,
            cancelled: counts.cancelled,
            refunded: counts.refunded,
            endings,
            failed,
            unfinished: counts.arrived.saturating_sub(counts.ended),
            repeated: counts.repeated,
            rate_limited: counts.rate_limited,
            lost_places: counts.lost_places,
            positions_grew: counts.positions_grew,
            told_too_many: counts.told_too_many,
            passed_after_a_fault: counts.passed_after_a_fault,
            violation_count: counts.violations,
            violations: tally.violations.iter().cloned().collect(),
            endpoints: tally
                .endpoints
                .iter()
                .map(|(name, tally)| Endpoint::new(name, tally))
                .collect(),
            queued_in_crowd: Spread::from(&tally.queued_here),
        }
    }

    /// Whether nothing happened that must never happen.
    pub fn holds(&self) -> bool {
        self.violation_count == 0
    }

    /// The report for a person.
    pub fn table(&self) -> String {
        let mut text = String::new();
        // Writing into a string cannot fail.
        let _infallible = self.write_table(&mut text);
        text
    }

    fn write_table(&self, out: &mut String) -> fmt::Result {
        let early = if self.interrupted {
            ", ended early"
        } else {
            ""
        };
        let per_second = if self.seconds > 0.0 {
            self.requests() as f64 / self.seconds
        } else {
            0.0
        };
        writeln!(
            out,
            "\n{} fans in {:.1} s{early}, seed {}, {} requests ({per_second:.0}/s)\n",
            self.conditions.fans,
            self.seconds,
            self.conditions.seed,
            self.requests(),
        )?;
        self.write_counts(out)?;
        write_list(
            out,
            "ended",
            self.endings.iter().map(|(name, n)| (*name, *n)),
        )?;
        let failed = self.failed.iter().map(|(cause, n)| (cause.as_str(), *n));
        write_list(out, "failed", failed)?;
        self.write_endpoints(out)?;
        self.write_violations(out)
    }

    fn write_counts(&self, out: &mut String) -> fmt::Result {
        let waited = self.waited;
        for (name, value) in [
            ("arrived", self.arrived.to_string()),
            (
                "accounts",
                format!("{} seeded, {} registered", self.signed_in, self.registered),
            ),
            ("joined", self.joined.to_string()),
            ("admitted", self.admitted.to_string()),
            (
                "waited",
                format!(
                    "p50 {}  p95 {}  p99 {}  max {}",
                    seconds(waited.p50_ms),
                    seconds(waited.p95_ms),
                    seconds(waited.p99_ms),
                    seconds(waited.max_ms)
                ),
            ),
            ("held", self.held.to_string()),
            ("conflicts", self.conflicts.to_string()),
            (
                "paid",
                format!("{} ({} sold, {} won)", self.paid, self.sold, self.revenue),
            ),
            (
                "given back",
                format!("{} ({} refunded)", self.cancelled, self.refunded),
            ),
            ("cards refused", self.declined.to_string()),
            ("in doubt for a while", self.in_doubt.to_string()),
            (
                "requests repeated",
                format!("{} ({} rate limited)", self.repeated, self.rate_limited),
            ),
            ("sessions renewed", self.sessions_renewed.to_string()),
            ("places lost in line", self.lost_places.to_string()),
            ("positions that grew", self.positions_grew.to_string()),
            ("told of too many", self.told_too_many.to_string()),
            (
                "passed after a fault",
                self.passed_after_a_fault.to_string(),
            ),
            ("unfinished", self.unfinished.to_string()),
        ] {
            writeln!(out, "  {name:<22}{value}")?;
        }
        Ok(())
    }

    fn write_endpoints(&self, out: &mut String) -> fmt::Result {
        writeln!(
            out,
            "\n  {:<28}{:>9}{:>9}{:>9}{:>9}{:>9}  other than 2xx",
            "endpoint, ms", "requests", "p50", "p95", "p99", "max"
        )?;
        for endpoint in &self.endpoints {
            let latency = endpoint.latency;
            writeln!(
                out,
                "  {:<28}{:>9}{:>9.1}{:>9.1}{:>9.1}{:>9.1}  {}",
                endpoint.name,
                endpoint.requests(),
                latency.p50_ms,
                latency.p95_ms,
                latency.p99_ms,
                latency.max_ms,
                others(endpoint),
            )?;
        }
        let queued = self.queued_in_crowd;
        writeln!(
            out,
            "  {:<28}{:>9}{:>9.1}{:>9.1}{:>9.1}{:>9.1}",
            "(waiting for a connection)",
            "",
            queued.p50_ms,
            queued.p95_ms,
            queued.p99_ms,
            queued.max_ms
        )
    }

    fn write_violations(&self, out: &mut String) -> fmt::Result {
        if self.holds() {
            return writeln!(out, "\n  No fan saw anything that must never happen.");
        }
        writeln!(out, "\n  {} violations", self.violation_count)?;
        for violation in &self.violations {
            writeln!(out, "    {violation}")?;
        }
        Ok(())
    }

    fn requests(&self) -> u64 {
        self.endpoints.iter().map(Endpoint::requests).sum()
    }
}

fn write_list<'list>(
    out: &mut String,
    title: &str,
    list: impl Iterator<Item = (&'list str, u64)>,
) -> fmt::Result {
    let mut list = list.peekable();
    if list.peek().is_some() {
        writeln!(out, "\n  {title}")?;
    }
    for (name, count) in list {
        writeln!(out, "    {count:>8}  {name}")?;
    }
    Ok(())
}

/// Endings by word, and causes of the failed ones.
fn endings(tally: &Tally) -> (BTreeMap<&'static str, u64>, BTreeMap<String, u64>) {
    let mut words = BTreeMap::new();
    let mut causes = BTreeMap::new();
    for (ending, count) in &tally.endings {
        *words.entry(ending.word()).or_default() += count;
        if let Ending::Failed(cause) = ending {
            *causes.entry(cause.to_string()).or_default() += count;
        }
    }
    (words, causes)
}

fn others(endpoint: &Endpoint) -> String {
    let mut parts: Vec<String> = endpoint
        .statuses
        .iter()
        .filter(|(status, _)| !(200..300).contains(*status))
        .map(|(status, count)| format!("{status}: {count}"))
        .collect();
    if endpoint.lost > 0 {
        parts.push(format!("lost: {}", endpoint.lost));
    }
    parts.join(", ")
}

fn seconds(millis: f64) -> String {
    format!("{:.1} s", millis / 1000.0)
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use urr_contract::Won;

    use super::*;
    use crate::domain::{
        call::{Answer, Outcome},
        milestone::{Cause, Milestone, Place},
    };

    fn conditions() -> Conditions {
        Conditions {
            gateway: "http://127.0.0.1:3001".to_owned(),
            event: None,
            fans: 10,
            seed: 7,
            accounts: "registered".to_owned(),
            rate_limits: RateLimits::default(),
            started_at: Timestamp::UNIX_EPOCH,
        }
    }

    fn report_of(milestones: &[Milestone]) -> Report {
        let mut tally = Tally::default();
        for milestone in milestones {
            tally.count(Place::Away, milestone);
        }
        Report::new(conditions(), &tally, Duration::from_secs(2), false)
    }

    #[test]
    fn endings_are_counted_by_word_and_failures_by_cause() {
        let ended = |cause| Milestone::Ended(Ending::Failed(cause));
        let report = report_of(&[
            ended(Cause::NoAnswer),
            ended(Cause::NoAnswer),
            ended(Cause::ServerError(503)),
            Milestone::Ended(Ending::SoldOut),
        ]);
        assert_eq!(report.endings, [("failed", 3), ("sold_out", 1)].into());
        let causes = [("no answer", 2), ("server error 503", 1)];
        assert_eq!(
            report.failed,
            causes.map(|(cause, n)| (cause.to_owned(), n)).into()
        );
    }

    #[test]
    fn who_arrived_and_has_no_end_is_unfinished() {
        let report = report_of(&[
            Milestone::Moved(Place::Browsing),
            Milestone::Moved(Place::Browsing),
            Milestone::Ended(Ending::Bought),
        ]);
        assert_eq!((report.arrived, report.unfinished), (2, 1));
    }

    #[test]
    fn a_report_holds_until_something_happened_that_must_not() {
        assert!(report_of(&[Milestone::Conflict]).holds());
        let broken = report_of(&[Milestone::Violation("a seat was sold twice".to_owned())]);
        assert!(!broken.holds());
        assert!(broken.table().contains("a seat was sold twice"));
    }

    #[test]
    fn the_table_shows_what_was_counted() {
        let mut tally = Tally::default();
        tally.count(
            Place::Paying,
            &Milestone::Paid {
                places: 1,
                amount: Won(70_000),
            },
        );
        let busy = Outcome::Answered(Answer {
            status: 503,
            ..Answer::default()
        });
        for outcome in [busy, Outcome::Lost] {
            let took = Duration::from_millis(5);
            tally.answered("POST seats/reserve", &outcome, took, Duration::ZERO);
        }
        let report = Report::new(conditions(), &tally, Duration::from_secs(2), true);
        let table = report.table();
        for part in [
            "10 fans in 2.0 s, ended early, seed 7, 2 requests (1/s)",
            "1 (1 sold, 70000 won)",
            "503: 1, lost: 1",
        ] {
            assert!(table.contains(part), "{part} is missing in\n{table}");
        }
    }

    #[test]
    fn limits_are_named_or_unknown() {
        assert_eq!(RateLimits::default().to_string(), "unknown");
        let limits = RateLimits {
            auth: Some(60),
            queue: Some(120),
            booking: Some(30),
            general: None,
        };
        assert_eq!(
            limits.to_string(),
            "auth 60/min, queue 120/min, booking 30/min, general unknown"
        );
    }
}
