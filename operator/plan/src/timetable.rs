//! When what of a sale begins and ends.

use jiff::{SignedDuration, Timestamp};
use urr_operator_api::{Phase, Service, TicketingEventSpec};

use crate::demand::Demand;

/// How long a floor stays before it falls by half again.
pub const STEP: SignedDuration = SignedDuration::from_secs(120);

/// The instants of one sale.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timetable {
    /// Floors of what everybody in line uses.
    line_floors_from: Timestamp,
    /// Floors of the rest.
    floors_from: Timestamp,
    lobby_from: Timestamp,
    opens_at: Timestamp,
    closes_at: Timestamp,
    /// Floors begin to fall.
    release_from: Timestamp,
    /// How often the largest of them falls.
    falls: u32,
    has_floors: bool,
}

impl Timetable {
    /// The timetable of a sale with these demands. `quiet_since`: since when everything is
    /// sold and nobody waits.
    pub fn new(
        spec: &TicketingEventSpec,
        demands: &[Demand],
        quiet_since: Option<Timestamp>,
    ) -> Self {
        let (sale, capacity) = (&spec.sale, &spec.capacity);
        let lobby_from = before(sale.opens_at, sale.lobby_seconds);
        let over_at = quiet_since.map_or(sale.closes_at, |quiet| quiet.min(sale.closes_at));
        let largest = demands.iter().map(|demand| demand.floor).max();
        Self {
            line_floors_from: before(lobby_from, capacity.prescale_seconds),
            floors_from: before(sale.opens_at, capacity.prescale_seconds),
            lobby_from,
            opens_at: sale.opens_at,
            closes_at: sale.closes_at,
            release_from: after(over_at, capacity.cooldown_seconds.into()),
            falls: largest.map_or(0, falls),
            has_floors: largest.is_some(),
        }
    }

    /// The phase at `now`. `sold_out`: nothing is left to buy or to hold.
    pub fn phase(&self, now: Timestamp, sold_out: bool) -> Phase {
        let begun = self
            .boundaries()
            .into_iter()
            .rev()
            .find(|(_, at)| *at <= now);
        match begun {
            Some((Phase::Open, _)) if sold_out => Phase::SoldOut,
            Some((phase, _)) => phase,
            None => Phase::Planned,
        }
    }

    /// The next phase, and when it begins.
    pub fn next(&self, now: Timestamp) -> Option<(Phase, Timestamp)> {
        let boundaries = self.boundaries();
        let (_, at) = *boundaries.iter().find(|(_, at)| *at > now)?;
        // Of several that begin at one instant the last one stays.
        boundaries
            .into_iter()
            .rev()
            .find(|boundary| boundary.1 == at)
    }

    /// Since when the phase of `now` lasts by the timetable.
    pub fn phase_began(&self, now: Timestamp) -> Option<Timestamp> {
        let begun = self
            .boundaries()
            .into_iter()
            .rev()
            .find(|(_, at)| *at <= now);
        begun.map(|(_, at)| at)
    }

    /// From when on the floor of a service counts.
    pub fn floor_from(&self, service: Service) -> Timestamp {
        if service.serves_the_line() {
            self.line_floors_from
        } else {
            self.floors_from
        }
    }

    /// Until when floors stay in full.
    pub fn release_from(&self) -> Timestamp {
        self.release_from
    }

    /// What remains at `now` of a floor.
    pub fn floor_at(&self, demand: &Demand, now: Timestamp) -> u32 {
        if now < self.floor_from(demand.service) {
            return 0;
        }
        if now < self.release_from {
            return demand.floor;
        }
        let steps = 1 + now.duration_since(self.release_from).as_secs() / STEP.as_secs();
        match u32::try_from(steps) {
            // One replica is what every service has anyway.
            Ok(steps) => halved(demand.floor, steps)
                .filter(|left| *left > 1)
                .unwrap_or(0),
            Err(_) => 0,
        }
    }

    /// The first instant after `now` at which anything of this changes.
    pub fn wakes_at(&self, now: Timestamp) -> Option<Timestamp> {
        let fixed = [self.line_floors_from, self.floors_from];
        let phases = self.boundaries().map(|(_, at)| at);
        let falls = (0..=self.falls).map(|step| after(self.release_from, step_seconds(step)));
        let all = fixed.into_iter().chain(phases).chain(falls);
        all.filter(|at| *at > now).min()
    }

    /// The phases with their beginnings, which never go back.
    fn boundaries(&self) -> [(Phase, Timestamp); 6] {
        let warm_from = if self.has_floors {
            self.line_floors_from.min(self.floors_from)
        } else {
            self.lobby_from
        };
        let ended_at = after(self.release_from, step_seconds(self.falls));
        [
            (Phase::Warming, warm_from),
            (Phase::Lobby, self.lobby_from),
            (Phase::Open, self.opens_at),
            (Phase::Closed, self.closes_at),
            (Phase::Cooling, self.release_from.max(self.closes_at)),
            (Phase::Ended, ended_at.max(self.closes_at)),
        ]
    }
}

/// How often a floor falls by half until one replica is left.
fn falls(floor: u32) -> u32 {
    floor.max(1).next_power_of_two().ilog2()
}

/// `floor` after so many halvings, rounded up.
fn halved(floor: u32, steps: u32) -> Option<u32> {
    1_u32.checked_shl(steps).map(|parts| floor.div_ceil(parts))
}

fn step_seconds(step: u32) -> i64 {
    i64::from(step) * STEP.as_secs()
}

/// `seconds` before `time`, or the beginning of time.
fn before(time: Timestamp, seconds: u32) -> Timestamp {
    time.checked_sub(SignedDuration::from_secs(seconds.into()))
        .unwrap_or(Timestamp::MIN)
}

/// `seconds` after `time`, or the end of time.
fn after(time: Timestamp, seconds: i64) -> Timestamp {
    time.checked_add(SignedDuration::from_secs(seconds))
        .unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;
