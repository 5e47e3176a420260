//! Inside: choosing a seat or a place and holding it, or finding that others were quicker.

use std::time::Duration;

use jiff::Timestamp;
use rand::{RngExt, seq::IndexedRandom};
use urr_contract::{EventId, TicketTypeId};
use uuid::Uuid;

use super::{
    Action, Choice, Fan, Leaving, PAYING_PATIENCE, Purchase, Step, Visit, browsing::ok_body, later,
    line::shop,
};
use crate::domain::{
    call::{Answer, Call, EventPage, HoldAnswer, SeatMap},
    milestone::{Ending, Milestone, Place},
};

/// How often a fan looks again at a map on which everything is held by others.
const LOOKS_AT_A_FULL_MAP: u32 = 10;
/// Time between two of these looks.
const LOOK_AGAIN: Duration = Duration::from_secs(3);
/// How often a fan goes back to the queue because its entry token is refused.
const MOST_RETURNS: u32 = 3;

/// What a map has to offer.
enum Offer {
    Choice(Choice),
    /// Everything left is held by somebody who may not pay.
    Held,
    SoldOut,
}

impl Fan {
    pub(super) fn on_map(&mut self, now: Timestamp, visit: Visit, answer: &Answer) -> Step {
        let Some(map) = ok_body::<SeatMap<'_>>(answer) else {
            return self.refused(answer);
        };
        let offer = self.choose_seats(&map);
        self.take(now, visit, offer)
    }

    pub(super) fn on_stock(&mut self, now: Timestamp, visit: Visit, answer: &Answer) -> Step {
        let Some(page) = ok_body::<EventPage>(answer) else {
            return self.refused(answer);
        };
        let wanted = i64::from(self.rules.seats);
        let left: Vec<TicketTypeId> = page
            .ticket_types
            .iter()
            .filter(|kind| kind.available_quantity >= wanted)
            .map(|kind| kind.id)
            .collect();
        let offer = match left.choose(&mut self.rng) {
            Some(kind) => Offer::Choice(Choice::Standing(*kind)),
            None => Offer::SoldOut,
        };
        self.take(now, visit, offer)
    }

    fn choose_seats(&mut self, map: &SeatMap<'_>) -> Offer {
        let free: Vec<_> = map
            .seats
            .iter()
            .filter(|seat| seat.status == "available")
            .map(|seat| seat.id)
            .collect();
        if !free.is_empty() {
            let wanted = usize::try_from(self.rules.seats).unwrap_or(1);
            let chosen = free.sample(&mut self.rng, wanted).copied().collect();
            return Offer::Choice(Choice::Seats(chosen));
        }
        if map.seats.iter().any(|seat| seat.status == "locked") {
            return Offer::Held;
        }
        Offer::SoldOut
    }

    fn take(&mut self, now: Timestamp, visit: Visit, offer: Offer) -> Step {
        match offer {
            Offer::Choice(choice) => {
                let key = Uuid::from_u128(self.rng.random());
                self.think(Action::Hold(visit, choice, key))
            }
            Offer::Held if self.looks < LOOKS_AT_A_FULL_MAP && now < self.deadline => {
                self.looks += 1;
                self.after(LOOK_AGAIN, Action::Map(visit))
            }
            Offer::Held | Offer::SoldOut => self.leave(now, visit, Ending::SoldOut),
        }
    }

    pub(super) fn hold_call(&self, event: EventId, choice: &Choice, key: Uuid) -> Call {
        match choice {
            Choice::Seats(seats) => Call::HoldSeats {
                event,
                seats: seats.clone(),
                key,
            },
            Choice::Standing(ticket_type) => Call::HoldStanding {
                event,
                ticket_type: *ticket_type,
                quantity: self.rules.seats,
                key,
            },
        }
    }

    pub(super) fn on_hold(
        &mut self,
        now: Timestamp,
        visit: Visit,
        choice: &Choice,
        answer: &Answer,
    ) -> Step {
        match answer.status {
            200 | 201 => self.on_held(now, choice, answer),
            409 => self.on_conflict(now, visit, answer),
            403 => self.on_forbidden(now, visit, answer),
            _ => self.refused(answer),
        }
    }

    fn on_held(&mut self, now: Timestamp, choice: &Choice, answer: &Answer) -> Step {
        let Some(hold) = ok_body::<HoldAnswer>(answer) else {
            return self.refused(answer);
        };
        let places = match choice {
            Choice::Seats(seats) => u32::try_from(seats.len()).unwrap_or(u32::MAX),
            Choice::Standing(_) => self.rules.seats,
        };
        self.note(Milestone::Held(places));
        self.note(Milestone::Moved(Place::Paying));
        self.deadline = later(now, self.rules.patience.max(PAYING_PATIENCE));
        if self.habits.abandons == Some(Leaving::BeforePaying) {
            return self.end(Ending::Abandoned);
        }
        self.think(Action::Prepare(Purchase {
            reservation: hold.reservation.id,
            amount: hold.reservation.total_amount,
            places,
            refused: 0,
            told_paid: false,
        }))
    }

    /// This account has as much as it may have. Or the entry token is not taken (any more),
    /// and the way to another one leads through the queue.
    fn on_forbidden(&mut self, now: Timestamp, visit: Visit, answer: &Answer) -> Step {
        if answer.refusal().code == "PER_PERSON_LIMIT" {
            return self.leave(now, visit, Ending::LimitReached);
        }
        self.returns += 1;
        if self.returns > MOST_RETURNS {
            return self.refused(answer);
        }
        self.line_up_again(now, visit)
    }

    /// Somebody was quicker: looks at what is left. Or the sale is not open.
    fn on_conflict(&mut self, now: Timestamp, visit: Visit, answer: &Answer) -> Step {
        match answer.refusal().code.as_str() {
            "EVENT_NOT_ON_SALE" => self.refused(answer),
            _ if now >= self.deadline => self.leave(now, visit, Ending::SoldOut),
            _ => {
                self.note(Milestone::Conflict);
                self.think(shop(visit))
            }
        }
    }
}
