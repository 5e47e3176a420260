//! Presales: when each tier of an artist's members may buy. Shown with the event, and
//! enforced at the queue, at a hold and before money moves.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use super::{membership::Tier, sale::SaleDates};

/// Start of the sale per tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
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
    /// The schedule of a sale with these dates; `None` where it has no start, or would be over
    /// before everybody may buy: that is no presale but a sale for members only, which nobody
    /// announced.
    pub fn of(dates: &SaleDates) -> Option<Self> {
        let end = dates.ends_at.unwrap_or(dates.event_at).min(dates.event_at);
        Self::from_start(dates.starts_at?).filter(|schedule| schedule.bronze < end)
    }

    fn from_start(start: Timestamp) -> Option<Self> {
        let later = |hours| start.checked_add(SignedDuration::from_hours(hours)).ok();
        Some(Self {
            diamond: start,
            gold: later(1)?,
            silver: later(24)?,
            bronze: later(48)?,
        })
    }

    /// From when a person of that tier may buy.
    pub const fn opens_for(&self, tier: Tier) -> Timestamp {
        match tier {
            Tier::Diamond => self.diamond,
            Tier::Gold => self.gold,
            Tier::Silver => self.silver,
            Tier::Bronze => self.bronze,
        }
    }

    /// Whether it still matters at `now` who buys.
    pub fn is_going_on(&self, now: Timestamp) -> bool {
        now < self.bronze
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn dates() -> SaleDates {
        SaleDates {
            starts_at: Some(time("2026-03-01T09:00:00Z")),
            ends_at: Some(time("2026-03-20T09:00:00Z")),
            event_at: time("2026-03-21T09:00:00Z"),
            cancelled: false,
        }
    }

    #[test]
    fn tiers_follow_the_start() {
        let schedule = PresaleSchedule::of(&dates()).unwrap();
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

    #[test]
    fn nobody_waits_longer_for_a_higher_tier() {
        let schedule = PresaleSchedule::of(&dates()).unwrap();
        let tiers = [Tier::Bronze, Tier::Silver, Tier::Gold, Tier::Diamond];
        for pair in tiers.windows(2) {
            assert!(schedule.opens_for(pair[1]) < schedule.opens_for(pair[0]));
        }
        assert!(schedule.is_going_on(time("2026-03-03T08:59:59Z")));
        assert!(!schedule.is_going_on(time("2026-03-03T09:00:00Z")));
    }

    #[test]
    fn a_sale_that_everybody_would_miss_has_no_presale() {
        let ends = |end: Option<&str>, show: &str| SaleDates {
            ends_at: end.map(time),
            event_at: time(show),
            ..dates()
        };
        for none in [
            ends(Some("2026-03-03T09:00:00Z"), "2026-03-21T09:00:00Z"),
            ends(Some("2026-03-20T09:00:00Z"), "2026-03-02T09:00:00Z"),
            ends(None, "2026-03-03T09:00:00Z"),
            SaleDates {
                starts_at: None,
                ..dates()
            },
        ] {
            assert_eq!(PresaleSchedule::of(&none), None);
        }
        assert!(PresaleSchedule::of(&ends(None, "2026-03-03T09:00:01Z")).is_some());
    }
}
