//! What of an event can still be bought, and the word for it.

use super::sale::EventStatus;

/// Seats, or standing places.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Availability {
    /// Those that exist.
    pub total: i64,
    /// Of those, free.
    pub available: i64,
    /// Held by somebody who has not paid.
    pub held: i64,
    /// Sold.
    pub sold: i64,
}

impl Availability {
    /// Where the event stands, told to those who wait for it. While nothing is free but an
    /// unpaid hold may still come back, it is `held`: nobody need enter, and nobody should be
    /// sent home. `sold_out` is said only when the last hold was paid. An event that has
    /// nothing to sell yet is not sold out.
    pub const fn word(self, status: EventStatus) -> &'static str {
        match status {
            EventStatus::OnSale if self.total == 0 || self.available > 0 => status.as_str(),
            EventStatus::OnSale if self.held > 0 => "held",
            EventStatus::OnSale => "sold_out",
            EventStatus::Upcoming | EventStatus::Ended | EventStatus::Cancelled => status.as_str(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sold_out_is_said_only_when_nothing_can_come_back() {
        let word = |total, available, held| {
            let sold = total - available - held;
            let figures = Availability {
                total,
                available,
                held,
                sold,
            };
            figures.word(EventStatus::OnSale)
        };
        assert_eq!(word(5, 1, 4), "on_sale");
        assert_eq!(word(5, 0, 1), "held");
        assert_eq!(word(5, 0, 0), "sold_out");
        assert_eq!(word(0, 0, 0), "on_sale");
    }

    #[test]
    fn an_event_that_is_not_on_sale_is_not_sold_out() {
        for status in [
            EventStatus::Upcoming,
            EventStatus::Ended,
            EventStatus::Cancelled,
        ] {
            assert_eq!(Availability::default().word(status), status.as_str());
            let gone = Availability {
                total: 5,
                sold: 5,
                ..Availability::default()
            };
            assert_eq!(gone.word(status), status.as_str());
        }
    }
}
