//! Days and windows of days.

use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};

/// The day that `time` falls on in `zone`.
pub fn day_of(time: Timestamp, zone: &TimeZone) -> Date {
    time.to_zoned(zone.clone()).date()
}

/// How many days a query looks back on: `asked`, or `default` where that is absent or not
/// positive, never more than `most`.
pub fn window(asked: Option<i64>, default: i64, most: i64) -> i64 {
    asked.filter(|days| *days > 0).unwrap_or(default).min(most)
}

/// The first day of a window of `days` that ends with `today`.
pub fn first_day(today: Date, days: i64) -> Date {
    today.saturating_sub((days - 1).days())
}

/// What revenue is summed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    /// A day.
    Daily,
    /// A week from Monday on.
    Weekly,
    /// A calendar month.
    Monthly,
}

impl Period {
    /// The period of that name; daily for any other word.
    pub fn parse(text: Option<&str>) -> Self {
        match text {
            Some("weekly") => Self::Weekly,
            Some("monthly") => Self::Monthly,
            _ => Self::Daily,
        }
    }

    /// The unit that Postgres truncates to.
    pub const fn unit(self) -> &'static str {
        match self {
            Self::Daily => "day",
            Self::Weekly => "week",
            Self::Monthly => "month",
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_day_in_seoul_begins_at_three_in_the_afternoon_of_utc() {
        let seoul = TimeZone::get("Asia/Seoul").unwrap();
        let at = |text: &str| day_of(text.parse().unwrap(), &seoul);
        assert_eq!(at("2026-11-22T14:59:59.999Z"), date(2026, 11, 22));
        assert_eq!(at("2026-11-22T15:00:00Z"), date(2026, 11, 23));
    }

    #[test]
    fn a_window_is_clamped_and_ends_today() {
        assert_eq!(window(None, 30, 365), 30);
        assert_eq!(window(Some(0), 30, 365), 30);
        assert_eq!(window(Some(-5), 30, 365), 30);
        assert_eq!(window(Some(7), 30, 365), 7);
        assert_eq!(window(Some(i64::MAX), 30, 365), 365);
        assert_eq!(first_day(date(2026, 3, 1), 1), date(2026, 3, 1));
        assert_eq!(first_day(date(2026, 3, 1), 2), date(2026, 2, 28));
    }

    #[test]
    fn an_unknown_period_is_a_day() {
        assert_eq!(Period::parse(Some("monthly")), Period::Monthly);
        assert_eq!(Period::parse(Some("hourly")), Period::Daily);
        assert_eq!(Period::parse(None), Period::Daily);
    }
}
