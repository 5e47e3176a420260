//! What an audit found, for a program as JSON, for a person as a table.

use std::fmt::{self, Write};

use serde::Serialize;

use super::checks::Check;
use crate::process::Outcome;

/// Violations of one check that the table shows; the JSON has all that were read.
const SHOWN: usize = 20;

/// What one check came to.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Finding {
    #[serde(skip)]
    place: usize,
    name: &'static str,
    invariant: &'static str,
    says: &'static str,
    /// Variable of the database that is not named.
    #[serde(skip_serializing_if = "Option::is_none")]
    missing: Option<&'static str>,
    violations: Vec<String>,
}

impl Finding {
    /// The finding of a check that was made.
    pub(super) fn new(place: usize, check: &Check, violations: Vec<String>) -> Self {
        Self {
            place,
            name: check.name,
            invariant: check.invariant,
            says: check.says,
            missing: None,
            violations,
        }
    }

    /// The finding of a check that needs a database nobody named.
    pub(super) fn not_audited(place: usize, check: &Check, variable: &'static str) -> Self {
        Self {
            missing: Some(variable),
            ..Self::new(place, check, Vec::new())
        }
    }

    /// Whether it has no violations.
    pub(super) fn holds(&self) -> bool {
        self.violations.is_empty()
    }

    /// Its place in the report.
    pub(super) fn place(&self) -> usize {
        self.place
    }

    /// Name of the check.
    #[cfg(test)]
    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    /// What violates it.
    #[cfg(test)]
    pub(super) fn violations(&self) -> &[String] {
        &self.violations
    }

    fn result(&self) -> String {
        match (self.missing, self.violations.len()) {
            (Some(variable), _) => format!("not audited, {variable} is not set"),
            (None, 0) => "ok".to_owned(),
            (None, 1) => "1 violation".to_owned(),
            (None, count) => format!("{count} violations"),
        }
    }
}

/// What an audit found.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Report {
    /// Whether every check was made.
    audited: bool,
    /// Whether none has a violation.
    holds: bool,
    checks: Vec<Finding>,
}

impl Report {
    /// The report of these findings.
    pub(super) fn new(checks: Vec<Finding>) -> Self {
        Self {
            audited: checks.iter().all(|finding| finding.missing.is_none()),
            holds: checks.iter().all(Finding::holds),
            checks,
        }
    }

    /// What each check came to.
    #[cfg(test)]
    pub(super) fn findings(&self) -> &[Finding] {
        &self.checks
    }

    /// How the command ends: a violation counts for more than a check that was not made.
    pub(super) fn outcome(&self) -> Outcome {
        match (self.holds, self.audited) {
            (false, _) => Outcome::Failed,
            (true, false) => Outcome::NotTried,
            (true, true) => Outcome::Done,
        }
    }

    /// The report for a person.
    pub(super) fn table(&self) -> String {
        let mut text = String::new();
        // Writing into a string cannot fail.
        let _infallible = self.write_table(&mut text);
        text
    }

    fn write_table(&self, out: &mut String) -> fmt::Result {
        let width = self.checks.iter().map(|finding| finding.says.len()).max();
        let width = width.unwrap_or(0);
        writeln!(out, "Audit")?;
        for finding in &self.checks {
            let Finding {
                invariant, says, ..
            } = finding;
            writeln!(out, "  {invariant:<4}{says:<width$}  {}", finding.result())?;
            for violation in finding.violations.iter().take(SHOWN) {
                writeln!(out, "        {violation}")?;
            }
            let more = finding.violations.len().saturating_sub(SHOWN);
            if more > 0 {
                writeln!(out, "        and {more} more")?;
            }
        }
        write!(out, "{}", self.verdict())
    }

    fn verdict(&self) -> &'static str {
        match self.outcome() {
            Outcome::Done => "Every ticket and every won is accounted for.",
            Outcome::Failed => "Something is wrong.",
            Outcome::NotTried => "Not audited in full.",
        }
    }
}

#[cfg(test)]
mod unit {
    use super::{super::checks::CHECKS, *};

    fn found(violations: usize) -> Finding {
        let texts = (0..violations).map(|number| format!("violation {number}"));
        Finding::new(0, &CHECKS[0], texts.collect())
    }

    #[test]
    fn a_violation_counts_for_more_than_a_check_that_was_not_made() {
        let missing = || Finding::not_audited(1, &CHECKS[1], "TICKET_DB_URL");
        for (findings, expected) in [
            (vec![found(0)], Outcome::Done),
            (vec![found(0), missing()], Outcome::NotTried),
            (vec![found(1), missing()], Outcome::Failed),
        ] {
            assert_eq!(Report::new(findings).outcome(), expected);
        }
    }

    #[test]
    fn the_table_shows_the_first_violations_and_counts_the_rest() {
        let table = Report::new(vec![found(25)]).table();
        for part in ["25 violations", "violation 19", "and 5 more"] {
            assert!(table.contains(part), "{part} is missing in\n{table}");
        }
        assert!(!table.contains("violation 20\n"));
    }
}
