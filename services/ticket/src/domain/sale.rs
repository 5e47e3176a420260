//! When an event is on sale. Computed from its dates; the stored status only adds that it
//! was cancelled.

use jiff::Timestamp;

/// Where an event stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventStatus {
    /// The sale has not begun.
    Upcoming,
    /// Tickets can be bought.
    OnSale,
    /// The sale, or the show, is over.
    Ended,
    /// Called off.
    Cancelled,
}

impl EventStatus {
    /// The word on the wire and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Upcoming => "upcoming",
            Self::OnSale => "on_sale",
            Self::Ended => "ended",
            Self::Cancelled => "cancelled",
        }
    }
}

/// The dates that decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SaleDates {
    /// Start of the sale; an event without one is not on sale yet.
    pub starts_at: Option<Timestamp>,
    /// End of the sale; the show itself where there is none.
    pub ends_at: Option<Timestamp>,
    /// The show.
    pub event_at: Timestamp,
    /// Whether it was called off.
    pub cancelled: bool,
}

impl SaleDates {
    /// Where the event stands at `now`.
    pub fn status_at(&self, now: Timestamp) -> EventStatus {
        if self.cancelled {
            EventStatus::Cancelled
        } else if self.event_at <= now || self.ends_at.is_some_and(|end| end <= now) {
            EventStatus::Ended
        } else if self.starts_at.is_some_and(|start| start <= now) {
            EventStatus::OnSale
        } else {
            EventStatus::Upcoming
        }
    }

    /// Whether a hold is allowed at `now`.
    pub fn is_on_sale(&self, now: Timestamp) -> bool {
        self.status_at(now) == EventStatus::OnSale
    }

    /// Whether the show has begun by `now`, or never will.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.cancelled || self.event_at <= now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn dates(starts: Option<i64>, ends: Option<i64>) -> SaleDates {
        SaleDates {
            starts_at: starts.map(at),
            ends_at: ends.map(at),
            event_at: at(300),
            cancelled: false,
        }
    }

    #[test]
    fn the_sale_includes_its_first_moment_and_not_its_last() {
        let cases = [
            (99, EventStatus::Upcoming),
            (100, EventStatus::OnSale),
            (199, EventStatus::OnSale),
            (200, EventStatus::Ended),
            (400, EventStatus::Ended),
        ];
        for (now, expected) in cases {
            assert_eq!(dates(Some(100), Some(200)).status_at(at(now)), expected);
        }
    }

    #[test]
    fn missing_dates_are_not_a_sale_without_end() {
        assert_eq!(dates(None, None).status_at(at(250)), EventStatus::Upcoming);
        assert!(dates(Some(100), None).is_on_sale(at(299)));
        assert_eq!(
            dates(Some(100), None).status_at(at(300)),
            EventStatus::Ended
        );
    }

    #[test]
    fn a_cancelled_event_is_never_on_sale() {
        let cancelled = SaleDates {
            cancelled: true,
            ..dates(Some(100), Some(200))
        };
        assert!(!cancelled.is_on_sale(at(150)));
        assert!(cancelled.is_over(at(150)));
    }

    #[test]
    fn a_show_outlives_its_sale_and_is_over_once_it_begins() {
        let dates = dates(Some(100), Some(200));
        assert!(!dates.is_over(at(299)));
        assert!(dates.is_over(at(300)));
    }
}
