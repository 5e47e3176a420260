//! Conditions: what is true of a sale, since when, and why not.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

/// What a condition is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConditionType {
    /// The spec makes sense now.
    Accepted,
    /// Queue and ticket hold this generation's policy.
    PolicyApplied,
    /// Databases answer, schemas are migrated, topics have their partitions.
    DataReady,
    /// Every floor has so many ready pods.
    CapacityReady,
    /// All four above.
    Ready,
    /// People are being let in.
    Selling,
    /// Something is wrong while selling.
    Degraded,
    /// The operator reads and does not write.
    Paused,
}

impl ConditionType {
    /// Its name in the status.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accepted => "Accepted",
            Self::PolicyApplied => "PolicyApplied",
            Self::DataReady => "DataReady",
            Self::CapacityReady => "CapacityReady",
            Self::Ready => "Ready",
            Self::Selling => "Selling",
            Self::Degraded => "Degraded",
            Self::Paused => "Paused",
        }
    }
}

/// Whether a condition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConditionStatus {
    /// It holds.
    True,
    /// It does not.
    False,
    /// Nobody knows.
    Unknown,
}

impl ConditionStatus {
    /// Its word in the status.
    pub const fn name(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

impl From<bool> for ConditionStatus {
    fn from(holds: bool) -> Self {
        if holds { Self::True } else { Self::False }
    }
}

/// What a condition should say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposed {
    /// About what.
    pub type_: ConditionType,
    /// Whether it holds.
    pub status: ConditionStatus,
    /// One word for programs, in Pascal case.
    pub reason: &'static str,
    /// A sentence for people: what is wrong and what to do.
    pub message: String,
}

impl Proposed {
    /// A condition that holds, or does not.
    pub fn new(
        type_: ConditionType,
        status: impl Into<ConditionStatus>,
        reason: &'static str,
        message: impl Into<String>,
    ) -> Self {
        Self {
            type_,
            status: status.into(),
            reason,
            message: message.into(),
        }
    }
}

/// The conditions that `proposed` makes of `current` for the given generation of the object.
/// A condition keeps its time while its status stays the same.
pub fn merge(
    current: &[Condition],
    proposed: &[Proposed],
    generation: Option<i64>,
    now: Timestamp,
) -> Vec<Condition> {
    let merged = proposed.iter().map(|proposed| {
        let (type_, status) = (proposed.type_.name(), proposed.status.name());
        let before = current.iter().find(|before| before.type_ == type_);
        let since = match before {
            Some(before) if before.status == status => before.last_transition_time.clone(),
            // The API stores whole seconds; a fraction would differ after reading it back.
            _ => Time(whole_seconds(now)),
        };
        Condition {
            type_: type_.to_owned(),
            status: status.to_owned(),
            reason: proposed.reason.to_owned(),
            message: proposed.message.clone(),
            observed_generation: generation,
            last_transition_time: since,
        }
    });
    merged.collect()
}

/// `time` without its fraction of a second.
pub fn whole_seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn proposed(status: bool, reason: &'static str) -> Proposed {
        Proposed::new(ConditionType::Ready, status, reason, "because")
    }

    #[test]
    fn the_time_moves_only_when_the_status_changes() {
        let first = merge(
            &[],
            &[proposed(false, "A")],
            Some(1),
            at("2027-01-01T00:00:00.5Z"),
        );
        let second = merge(
            &first,
            &[proposed(false, "B")],
            Some(2),
            at("2027-01-02T00:00:00Z"),
        );
        assert_eq!(second[0].reason, "B");
        assert_eq!(second[0].observed_generation, Some(2));
        assert_eq!(second[0].last_transition_time.0, at("2027-01-01T00:00:00Z"));
        let third = merge(
            &second,
            &[proposed(true, "B")],
            Some(2),
            at("2027-01-03T00:00:00Z"),
        );
        assert_eq!(third[0].last_transition_time.0, at("2027-01-03T00:00:00Z"));
    }
}
