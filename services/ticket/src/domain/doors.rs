//! When the doors of an event are open. Shows have a day, and that day is the venue's.

use jiff::{SignedDuration, Timestamp, ToSpan, tz::TimeZone};

/// How the days of events are reckoned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DoorRules {
    /// The venues' time zone.
    pub zone: TimeZone,
    /// How long after its day an event's doors stay open, for shows past midnight.
    pub after_midnight: SignedDuration,
}

/// When people are let in: from `opens` until just before `closes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Doors {
    /// The event itself.
    pub event_at: Timestamp,
    /// From when.
    pub opens: Timestamp,
    /// Until when.
    pub closes: Timestamp,
}

/// Why nobody is let in at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// It is the day, but too early.
    NotYet,
    /// It is another day.
    OtherDay,
}

impl DoorRules {
    /// The doors of an event at `event_at`: open from the beginning of its day, or from the time
    /// that an administrator has set, even a day before.
    pub fn doors(&self, event_at: Timestamp, doors_open_at: Option<Timestamp>) -> Doors {
        let day = self.day_of(event_at);
        let begin = day.map_or(event_at, |(begin, _)| begin);
        let end = day.map_or(event_at, |(_, end)| end);
        Doors {
            event_at,
            opens: doors_open_at.unwrap_or(begin),
            closes: end
                .checked_add(self.after_midnight)
                .unwrap_or(Timestamp::MAX),
        }
    }

    /// Why nobody is let in at `now`; `None` where people are.
    pub fn closed(&self, doors: &Doors, now: Timestamp) -> Option<Closed> {
        if doors.opens <= now && now < doors.closes {
            return None;
        }
        let is_the_day = self
            .day_of(doors.event_at)
            .is_some_and(|(begin, end)| begin <= now && now < end);
        Some(if is_the_day && now < doors.opens {
            Closed::NotYet
        } else {
            Closed::OtherDay
        })
    }

    /// A time as people at the venue read it: `2026-03-01 19:30`.
    pub fn spell(&self, time: Timestamp) -> String {
        time.to_zoned(self.zone.clone())
            .strftime("%Y-%m-%d %H:%M")
            .to_string()
    }

    /// Beginning and end of a time's day; `None` at the end of time.
    fn day_of(&self, time: Timestamp) -> Option<(Timestamp, Timestamp)> {
        let begin = time.to_zoned(self.zone.clone()).start_of_day().ok()?;
        let end = begin.checked_add(1.day()).ok()?;
        Some((begin.timestamp(), end.timestamp()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> DoorRules {
        DoorRules {
            zone: TimeZone::get("Asia/Seoul").expect("a known zone"),
            after_midnight: SignedDuration::from_hours(6),
        }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn doors_are_open_on_the_day_in_seoul_and_a_while_after() {
        let rules = rules();
        // Half past six in the evening of 1 March in Seoul.
        let doors = rules.doors(at("2026-03-01T09:30:00Z"), None);
        for (time, closed) in [
            ("2026-02-28T14:59:59Z", Some(Closed::OtherDay)),
            ("2026-02-28T15:00:00Z", None),
            ("2026-03-01T14:59:59Z", None),
            ("2026-03-01T20:59:59Z", None),
            ("2026-03-01T21:00:00Z", Some(Closed::OtherDay)),
        ] {
            assert_eq!(rules.closed(&doors, at(time)), closed, "{time}");
        }
    }

    #[test]
    fn an_administrator_opens_them_later_or_on_another_day() {
        let rules = rules();
        let event = at("2026-03-01T09:30:00Z");
        let later = rules.doors(event, Some(at("2026-03-01T08:00:00Z")));
        for (time, closed) in [
            ("2026-02-28T14:00:00Z", Some(Closed::OtherDay)),
            ("2026-03-01T07:59:59Z", Some(Closed::NotYet)),
            ("2026-03-01T08:00:00Z", None),
        ] {
            assert_eq!(rules.closed(&later, at(time)), closed, "{time}");
        }
        let camping = rules.doors(event, Some(at("2026-02-27T03:00:00Z")));
        assert_eq!(rules.closed(&camping, at("2026-02-27T03:00:00Z")), None);
    }

    #[test]
    fn the_ends_of_time_do_no_harm() {
        let rules = rules();
        for event in [Timestamp::MIN, Timestamp::MAX] {
            let doors = rules.doors(event, None);
            assert!(rules.closed(&doors, at("2026-03-01T00:00:00Z")).is_some());
        }
    }

    #[test]
    fn times_are_spelled_as_the_venue_reads_them() {
        let text = rules().spell(at("2026-03-01T09:30:00Z"));
        assert_eq!(text, "2026-03-01 18:30");
    }
}
