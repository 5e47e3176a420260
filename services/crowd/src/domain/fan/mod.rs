//! One fan: what to do next, given what came of the last thing done.
//!
//! A fan is a state machine without effects. It is told that it woke or what came of its
//! request, and answers with a pause, a request or its end, together with what happened.
//! Randomness is the fan's own generator, so a seed decides all of its choices.

mod account;
mod browsing;
mod buying;
mod line;
mod paying;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use urr_contract::{EventId, ReservationId, SeatId, TicketTypeId, Won};
use uuid::Uuid;

use self::account::Account;
pub use self::account::Accounts;
use super::{
    call::{Answer, Call, Outcome, Receipt, Window},
    milestone::{Cause, Ending, Milestone, Place},
    patience::{self, Reaction},
};

/// Sessions a fan renews before it believes that signing in does not help.
const MOST_RENEWALS: u32 = 5;
/// Longest a fan stays with a payment whose outcome it does not know, at least.
const PAYING_PATIENCE: Duration = Duration::from_mins(1);

/// What all fans of a crowd have in common.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The event they come for; any that is on sale otherwise.
    pub event: Option<EventId>,
    /// How long each waits for a seat, and again for a payment.
    pub patience: Duration,
    /// How long each thinks before a step, on average.
    pub think: Duration,
    /// Seats or places each wants.
    pub seats: u32,
    /// Whether they only keep polling and never book.
    pub idle_polls: bool,
    /// Share that leaves while waiting in line.
    pub drop_out: f64,
    /// Share that leaves with a hold in hand.
    pub abandon: f64,
    /// Share whose first card is refused.
    pub decline: f64,
    /// Share that gives a paid ticket back.
    pub cancel: f64,
    /// Where accounts come from.
    pub accounts: Accounts,
}

/// What a fan will do, decided before it arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Habits {
    /// Leaves at this poll in line.
    drops_out_at: Option<u32>,
    /// Leaves with a hold: before paying, or in the provider's window.
    abandons: Option<Leaving>,
    /// The first card is refused.
    declines: bool,
    /// Gives the ticket back.
    cancels: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leaving {
    BeforePaying,
    InTheWindow,
}

/// What the fan is about: the event and how it is sold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Visit {
    event: EventId,
    seated: bool,
}

/// What the fan tries to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Choice {
    Seats(Vec<SeatId>),
    Standing(TicketTypeId),
}

/// A hold on its way to being a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Purchase {
    reservation: ReservationId,
    amount: Won,
    places: u32,
    /// Cards refused so far.
    refused: u32,
    /// Whether payment said that it is paid.
    told_paid: bool,
}

/// What the fan does next, or waits to be answered about. One action is one request.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Action {
    List,
    Read(EventId),
    LogIn(Account, Box<Self>),
    Register(Account, Box<Self>),
    Refresh(Box<Self>),
    Join(Visit),
    Poll(Visit),
    Beat(Visit),
    Map(Visit),
    Stock(Visit),
    Hold(Visit, Choice, Uuid),
    Prepare(Purchase),
    Process(Purchase),
    Checkout {
        purchase: Purchase,
        order: String,
        url: String,
        window: Window,
    },
    Confirm {
        purchase: Purchase,
        order: String,
        payment_key: String,
    },
    Look(Purchase),
    Cancel(Purchase),
    AwaitRefund(Purchase),
    Leave(EventId, Ending),
}

/// What happened to the fan since it was last asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// The pause is over (or the fan arrives).
    Woke,
    /// The request had this outcome.
    Came(Outcome),
}

/// What the fan does now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Waits.
    Pause(Duration),
    /// Asks.
    Send(Call),
    /// Is done.
    End,
}

/// One turn of a fan: what it does and what there is to count.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn {
    /// What it does.
    pub step: Step,
    /// What there is to count.
    pub milestones: Vec<Milestone>,
}

/// A simulated fan.
#[derive(Debug)]
pub struct Fan {
    number: u32,
    rules: Arc<Rules>,
    rng: StdRng,
    habits: Habits,
    account: Account,
    action: Action,
    attempt: u32,
    renewals: u32,
    arrived: bool,
    sent_at: Timestamp,
    deadline: Timestamp,
    line: line::Stay,
    looks: u32,
    returns: u32,
    milestones: Vec<Milestone>,
}

impl Fan {
    /// Fan `number` (from 0) of the crowd that `seed` decides.
    pub fn new(number: u32, seed: u64, rules: Arc<Rules>) -> Self {
        let mut rng = fan_rng(number, seed);
        let habits = Habits::draw(&rules, &mut rng);
        let account = rules.accounts.draw(number, &mut rng);
        Self {
            number,
            habits,
            account,
            rng,
            rules,
            action: Action::List,
            attempt: 0,
            renewals: 0,
            arrived: false,
            sent_at: Timestamp::UNIX_EPOCH,
            deadline: Timestamp::UNIX_EPOCH,
            line: line::Stay::default(),
            looks: 0,
            returns: 0,
            milestones: Vec::new(),
        }
    }

    /// Number of the fan in its crowd, from 0.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Takes the fan one step on.
    pub fn next(&mut self, now: Timestamp, input: Input) -> Turn {
        let step = match input {
            Input::Woke => self.woke(now),
            Input::Came(outcome) => self.came(now, outcome),
        };
        Turn {
            step,
            milestones: std::mem::take(&mut self.milestones),
        }
    }

    fn woke(&mut self, now: Timestamp) -> Step {
        if !self.arrived {
            self.arrived = true;
            self.deadline = later(now, self.rules.patience);
            self.note(Milestone::Moved(Place::Browsing));
        }
        self.send(now)
    }

    fn came(&mut self, now: Timestamp, outcome: Outcome) -> Step {
        let action = self.action.clone();
        self.note_doubt(&action, &outcome);
        let left = until(now, self.deadline);
        match patience::react(outcome, self.attempt, left, self.rng.random()) {
            Reaction::Accept(answer) => self.answered(now, action, &answer),
            Reaction::Repeat { pause, limited } => {
                self.attempt += 1;
                self.note(Milestone::Repeated { limited });
                Step::Pause(pause)
            }
            Reaction::SignIn => self.renew_session(now, action),
            Reaction::GiveUp(cause) => self.give_up(now, action, cause),
        }
    }

    fn answered(&mut self, now: Timestamp, action: Action, answer: &Answer) -> Step {
        match action {
            Action::List => self.on_list(now, answer),
            Action::Read(_) => self.on_event(now, answer),
            Action::LogIn(account, then) => self.on_login(now, account, *then, answer),
            Action::Register(account, then) => self.on_registered(now, account, *then, answer),
            Action::Refresh(then) => self.on_refreshed(now, *then, answer),
            Action::Join(visit) => self.on_line(now, visit, true, answer),
            Action::Poll(visit) => self.on_line(now, visit, false, answer),
            Action::Beat(visit) => self.on_beat(now, visit),
            Action::Map(visit) => self.on_map(now, visit, answer),
            Action::Stock(visit) => self.on_stock(now, visit, answer),
            Action::Hold(visit, choice, _) => self.on_hold(now, visit, &choice, answer),
            Action::Prepare(purchase) => self.on_prepared(now, purchase, answer),
            Action::Process(purchase) => self.on_processed(now, purchase, answer),
            Action::Checkout {
                purchase, order, ..
            } => self.on_checkout(now, purchase, order, answer),
            Action::Confirm { purchase, .. } => self.on_confirmed(now, purchase, answer),
            Action::Look(purchase) => self.on_ticket(now, purchase, answer),
            Action::Cancel(purchase) => self.on_cancelled(now, purchase, answer),
            Action::AwaitRefund(purchase) => self.on_refund(now, purchase, answer),
            Action::Leave(_, ending) => self.end(ending),
        }
    }

    /// What a fan does whose patience with `action` is at its end.
    fn give_up(&mut self, now: Timestamp, action: Action, cause: Cause) -> Step {
        match action {
            Action::Leave(_, ending) => self.end(ending),
            Action::Confirm { purchase, .. } | Action::Process(purchase) => {
                self.deadline = later(now, PAYING_PATIENCE);
                self.go(now, Action::Look(purchase))
            }
            Action::Look(purchase) if !purchase.told_paid => {
                self.end(Ending::Failed(Cause::LeftInDoubt))
            }
            Action::AwaitRefund(_) => self.end(Ending::RefundPending),
            _ => self.end(Ending::Failed(cause)),
        }
    }

    // === moving on ===

    /// Does `action` now.
    fn go(&mut self, now: Timestamp, action: Action) -> Step {
        self.action = action;
        self.attempt = 0;
        self.send(now)
    }

    /// Does `action` after `pause`.
    fn after(&mut self, pause: Duration, action: Action) -> Step {
        self.action = action;
        self.attempt = 0;
        Step::Pause(pause)
    }

    /// Does `action` after some thought.
    fn think(&mut self, action: Action) -> Step {
        let pause = self.rules.think.mul_f64(self.rng.random_range(0.0..2.0));
        self.after(pause, action)
    }

    fn send(&mut self, now: Timestamp) -> Step {
        self.sent_at = now;
        if matches!(
            self.action,
            Action::Confirm { .. } | Action::Process(_) | Action::Leave(..)
        ) {
            self.note(Milestone::GivesSlotBack { fan: self.number });
        }
        Step::Send(self.call())
    }

    fn end(&mut self, ending: Ending) -> Step {
        self.note(Milestone::GivesSlotBack { fan: self.number });
        self.note(Milestone::Moved(Place::Done));
        self.note(Milestone::Ended(ending));
        Step::End
    }

    fn fail(&mut self, cause: Cause) -> Step {
        self.end(Ending::Failed(cause))
    }

    /// Ends with an answer that the fan cannot go on from.
    fn refused(&mut self, answer: &Answer) -> Step {
        let cause = if answer.is_ok() {
            Cause::Unreadable(self.call().endpoint())
        } else {
            let refusal = answer.refusal();
            Cause::Refused {
                endpoint: self.call().endpoint(),
                status: answer.status,
                said: [refusal.code, refusal.error, refusal.message]
                    .into_iter()
                    .find(|text| !text.is_empty())
                    .unwrap_or_default(),
            }
        };
        self.fail(cause)
    }

    fn note(&mut self, milestone: Milestone) {
        self.milestones.push(milestone);
    }

    fn violation(&mut self, what: &str) {
        let text = format!("fan {}: {what}", self.number);
        self.note(Milestone::Violation(text));
    }

    fn note_doubt(&mut self, action: &Action, outcome: &Outcome) {
        if let (Action::Confirm { .. } | Action::Process(_), Outcome::Answered(answer)) =
            (action, outcome)
            && answer.status == 503
            && answer.refusal().code == "PAYMENT_IN_DOUBT"
        {
            self.note(Milestone::InDoubt);
        }
    }

    /// The request of the action under way.
    fn call(&self) -> Call {
        match &self.action {
            Action::List => Call::ListEvents,
            Action::Read(event) => Call::Event(*event),
            Action::LogIn(account, _) => account.log_in(),
            Action::Register(account, _) => account.register(),
            Action::Refresh(_) => Call::Refresh,
            Action::Join(visit) => Call::Check(visit.event),
            Action::Poll(visit) => Call::Status(visit.event),
            Action::Beat(visit) => Call::Heartbeat(visit.event),
            Action::Map(visit) => Call::SeatMap(visit.event),
            Action::Stock(visit) => Call::Event(visit.event),
            Action::Hold(visit, choice, key) => self.hold_call(visit.event, choice, *key),
            Action::Prepare(purchase) => Call::Prepare {
                reservation: purchase.reservation,
                amount: purchase.amount,
            },
            Action::Process(purchase) => Call::Process(purchase.reservation),
            Action::Checkout { url, window, .. } => Call::Checkout {
                url: url.clone(),
                window: *window,
            },
            Action::Confirm {
                purchase,
                order,
                payment_key,
            } => Call::Confirm {
                payment_key: payment_key.clone(),
                order: order.clone(),
                amount: purchase.amount,
            },
            Action::Look(purchase) | Action::AwaitRefund(purchase) => {
                Call::Reservation(purchase.reservation)
            }
            Action::Cancel(purchase) => Call::Cancel(purchase.reservation),
            Action::Leave(event, _) => Call::Leave(*event),
        }
    }
}

impl Habits {
    fn draw(rules: &Rules, rng: &mut StdRng) -> Self {
        // Each is drawn whether it is needed or not, so that a changed share changes
        // nothing else about a fan.
        let drops_out_at = rng.random_range(1..=4);
        let leaving = if rng.random() {
            Leaving::BeforePaying
        } else {
            Leaving::InTheWindow
        };
        let [drop_out, abandon, decline, cancel]: [f64; 4] = rng.random();
        Self {
            drops_out_at: (drop_out < rules.drop_out).then_some(drops_out_at),
            abandons: (abandon < rules.abandon).then_some(leaving),
            declines: decline < rules.decline,
            cancels: cancel < rules.cancel,
        }
    }
}

/// The generator of one fan. Neighbours share nothing: the seed is hashed.
fn fan_rng(number: u32, seed: u64) -> StdRng {
    let step = (u64::from(number) + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    StdRng::seed_from_u64(seed.wrapping_add(step))
}

/// `now` plus `duration`, or the end of time.
fn later(now: Timestamp, duration: Duration) -> Timestamp {
    SignedDuration::try_from(duration)
        .ok()
        .and_then(|duration| now.checked_add(duration).ok())
        .unwrap_or(Timestamp::MAX)
}

/// Time from `now` until `then`; zero once it has come.
fn until(now: Timestamp, then: Timestamp) -> Duration {
    then.duration_since(now).try_into().unwrap_or_default()
}

/// The receipt's number in `answer`, where it has one.
fn receipt(token: Option<&str>) -> Option<Receipt> {
    token.and_then(Receipt::read)
}
