//! Paying, looking at the ticket, and giving it back.

use std::time::Duration;

use jiff::Timestamp;

use super::{Action, Fan, Leaving, PAYING_PATIENCE, Purchase, Step, browsing::ok_body, later};
use crate::domain::{
    call::{Answer, CheckoutAnswer, PreparedOrder, ReservationAnswer, Window},
    milestone::{Cause, Ending, Milestone},
};

/// Cards a fan tries.
const MOST_CARDS: u32 = 3;
/// Time between two looks at a reservation that is on its way.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

impl Fan {
    pub(super) fn on_prepared(
        &mut self,
        now: Timestamp,
        purchase: Purchase,
        answer: &Answer,
    ) -> Step {
        if already_paid(answer) {
            return self.look_for_ticket(now, purchase);
        }
        let Some(order) = ok_body::<PreparedOrder>(answer) else {
            return self.refused(answer);
        };
        let Some(url) = order.checkout_url else {
            // Not the simulator: a demo method is the only way to pay without a person.
            return self.think(Action::Process(purchase));
        };
        let window = self.window(&purchase);
        self.think(Action::Checkout {
            purchase,
            order: order.order_id,
            url,
            window,
        })
    }

    /// What the fan does in the provider's window.
    fn window(&self, purchase: &Purchase) -> Window {
        if self.habits.abandons == Some(Leaving::InTheWindow) {
            Window::Abandon
        } else if self.habits.declines && purchase.refused == 0 {
            Window::Decline
        } else {
            Window::Approve
        }
    }

    pub(super) fn on_checkout(
        &mut self,
        now: Timestamp,
        purchase: Purchase,
        order: String,
        answer: &Answer,
    ) -> Step {
        if self.habits.abandons.is_some() {
            return self.end(Ending::Abandoned);
        }
        match ok_body::<CheckoutAnswer>(answer).and_then(|answer| answer.payment_key) {
            Some(payment_key) => self.go(
                now,
                Action::Confirm {
                    purchase,
                    order,
                    payment_key,
                },
            ),
            None => self.refused(answer),
        }
    }

    /// Looks for what the fan was told is paid.
    fn look_for_ticket(&mut self, now: Timestamp, purchase: Purchase) -> Step {
        let told = Purchase {
            told_paid: true,
            ..purchase
        };
        self.look(now, told)
    }

    pub(super) fn on_processed(
        &mut self,
        now: Timestamp,
        purchase: Purchase,
        answer: &Answer,
    ) -> Step {
        if answer.is_ok() || already_paid(answer) {
            return self.look_for_ticket(now, purchase);
        }
        self.refused(answer)
    }

    pub(super) fn on_confirmed(
        &mut self,
        now: Timestamp,
        purchase: Purchase,
        answer: &Answer,
    ) -> Step {
        if answer.is_ok() || already_paid(answer) {
            return self.look_for_ticket(now, purchase);
        }
        match answer.status {
            // What became of it, the reservation tells.
            409 => self.look(now, purchase),
            400 => self.on_declined(purchase, answer),
            _ => self.refused(answer),
        }
    }

    fn on_declined(&mut self, purchase: Purchase, answer: &Answer) -> Step {
        self.note(Milestone::Declined);
        let refused = purchase.refused + 1;
        if refused >= MOST_CARDS {
            return self.refused(answer);
        }
        self.think(Action::Prepare(Purchase {
            refused,
            ..purchase
        }))
    }

    fn look(&mut self, now: Timestamp, purchase: Purchase) -> Step {
        self.deadline = later(now, PAYING_PATIENCE);
        self.go(now, Action::Look(purchase))
    }

    /// Looks at the reservation after paying. Who was told that it is paid must find a ticket.
    pub(super) fn on_ticket(
        &mut self,
        now: Timestamp,
        purchase: Purchase,
        answer: &Answer,
    ) -> Step {
        let seen = ok_body::<ReservationAnswer>(answer).map(|answer| answer.reservation);
        match seen.as_ref().map(|seen| seen.status.as_str()) {
            Some("confirmed") => self.on_bought(purchase),
            Some("pending") if now < self.deadline => {
                self.after(LOOK_AGAIN, Action::Look(purchase))
            }
            status if purchase.told_paid => {
                let status = status.unwrap_or("gone");
                let reservation = purchase.reservation;
                self.violation(&format!(
                    "was told that reservation {reservation} is paid, and finds it {status}"
                ));
                self.fail(Cause::NotConfirmed)
            }
            Some("pending") => self.fail(Cause::LeftInDoubt),
            Some(_) => self.fail(Cause::HoldLost),
            None => self.refused(answer),
        }
    }

    fn on_bought(&mut self, purchase: Purchase) -> Step {
        self.note(Milestone::Paid {
            places: purchase.places,
            amount: purchase.amount,
        });
        self.note(Milestone::Confirmed);
        if self.habits.cancels {
            return self.think(Action::Cancel(purchase));
        }
        self.end(Ending::Bought)
    }

    pub(super) fn on_cancelled(
        &mut self,
        now: Timestamp,
        purchase: Purchase,
        answer: &Answer,
    ) -> Step {
        // A repeat of a request whose answer was lost finds it cancelled.
        if !answer.is_ok() && !answer.refusal().says("Already cancelled") {
            return self.refused(answer);
        }
        self.note(Milestone::Cancelled {
            places: purchase.places,
        });
        self.deadline = later(now, PAYING_PATIENCE);
        self.go(now, Action::AwaitRefund(purchase))
    }

    pub(super) fn on_refund(
        &mut self,
        now: Timestamp,
        purchase: Purchase,
        answer: &Answer,
    ) -> Step {
        let Some(ReservationAnswer { reservation }) = ok_body(answer) else {
            return self.refused(answer);
        };
        if reservation.payment_status == "refunded" {
            self.note(Milestone::Refunded);
            return self.end(Ending::Refunded);
        }
        if now >= self.deadline {
            return self.end(Ending::RefundPending);
        }
        self.after(LOOK_AGAIN, Action::AwaitRefund(purchase))
    }
}

/// Whether the answer is the contract's word for a payment that went through before.
fn already_paid(answer: &Answer) -> bool {
    answer.status == 400 && answer.refusal().says("already confirmed")
}
