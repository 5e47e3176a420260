//! Looking around: the list, the event, and on to signing in.

use jiff::Timestamp;
use rand::seq::IndexedRandom;

use super::{Action, Fan, Step, Visit};
use crate::domain::{
    call::{Answer, EventList, EventPage, ListedEvent},
    milestone::Cause,
};

impl Fan {
    pub(super) fn on_list(&mut self, now: Timestamp, answer: &Answer) -> Step {
        let Some(list) = ok_body::<EventList>(answer) else {
            return self.refused(answer);
        };
        if let Some(event) = self.rules.event {
            return self.go(now, Action::Read(event));
        }
        let on_sale: Vec<&ListedEvent> = list
            .events
            .iter()
            .filter(|event| event.status == "on_sale")
            .collect();
        match on_sale.choose(&mut self.rng) {
            Some(event) => {
                let read = Action::Read(event.id);
                self.think(read)
            }
            None => self.fail(Cause::NothingOnSale),
        }
    }

    pub(super) fn on_event(&mut self, now: Timestamp, answer: &Answer) -> Step {
        let Some(page) = ok_body::<EventPage>(answer) else {
            return self.refused(answer);
        };
        let visit = Visit {
            event: page.event.id,
            seated: page.event.seat_layout_id.is_some(),
        };
        let sign_in = self.account.clone().sign_in(Action::Join(visit));
        self.go(now, sign_in)
    }
}

/// The body of a success as `T`.
pub(super) fn ok_body<'body, T: serde::Deserialize<'body>>(answer: &'body Answer) -> Option<T> {
    answer.is_ok().then(|| answer.read()).flatten()
}
