//! Times at which the tiers of an artist's members may buy.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

/// Start of the sale per tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct PresaleSchedule {
    /// First.
    pub diamond: Timestamp,
    /// An hour later.
    pub gold: Timestamp,
    /// A day after the first.
    pub silver: Timestamp,
    /// Everybody: two days after the first.
    pub bronze: Timestamp,
}

impl PresaleSchedule {
    /// The schedule of a sale that starts at `start`; `None` at the end of time.
    pub fn from_start(start: Timestamp) -> Option<Self> {
        let later = |hours| start.checked_add(SignedDuration::from_hours(hours)).ok();
        Some(Self {
            diamond: start,
            gold: later(1)?,
            silver: later(24)?,
            bronze: later(48)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiers_follow_the_start() {
        let start: Timestamp = "2026-03-01T09:00:00Z".parse().unwrap();
        let schedule = PresaleSchedule::from_start(start).unwrap();
        assert_eq!(
            serde_json::to_value(schedule).unwrap(),
            serde_json::json!({
                "diamond": "2026-03-01T09:00:00Z",
                "gold": "2026-03-01T10:00:00Z",
                "silver": "2026-03-02T09:00:00Z",
                "bronze": "2026-03-03T09:00:00Z",
            })
        );
        assert_eq!(PresaleSchedule::from_start(Timestamp::MAX), None);
    }
}
