//! Accounts: seeded demo fans, or new ones, and what happens when a session ends.

use std::fmt;

use jiff::Timestamp;
use rand::{Rng, RngExt};

use super::{Action, Fan, MOST_RENEWALS, Step};
use crate::domain::{
    call::{Answer, Call},
    milestone::{Cause, Milestone},
};

/// Where the accounts of a crowd come from.
#[derive(Clone)]
pub struct Accounts {
    /// Password of the seeded demo fans; without it everybody registers.
    pub demo_password: Option<String>,
    /// Share that registers although there are seeded ones.
    pub register: f64,
    /// Number of the first seeded fan, from 1.
    pub first: u32,
}

impl fmt::Debug for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accounts")
            .field("seeded", &self.demo_password.is_some())
            .field("register", &self.register)
            .finish_non_exhaustive()
    }
}

/// An account as its owner knows it.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Account {
    email: String,
    password: String,
    /// Whether somebody seeded it; the fan registers its own otherwise.
    seeded: bool,
    /// Whether the fan has registered it.
    registered: bool,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Account({})", self.email)
    }
}

impl Accounts {
    /// The account that fan `number` uses.
    pub(super) fn draw(&self, number: u32, rng: &mut impl Rng) -> Account {
        let own = Account::own(rng);
        let registers = rng.random::<f64>() < self.register;
        match &self.demo_password {
            Some(password) if !registers => Account {
                email: format!(
                    "fan{:06}@demo.urr.invalid",
                    self.first.saturating_add(number)
                ),
                password: password.clone(),
                seeded: true,
                registered: false,
            },
            _ => own,
        }
    }
}

impl Account {
    /// A new account. The same generator draws the same one again.
    fn own(rng: &mut impl Rng) -> Self {
        Self {
            email: format!("crowd-{:016x}@demo.urr.invalid", rng.random::<u64>()),
            password: format!("{:032x}", rng.random::<u128>()),
            seeded: false,
            registered: false,
        }
    }

    pub(super) fn log_in(&self) -> Call {
        Call::LogIn {
            email: self.email.clone(),
            password: self.password.clone(),
        }
    }

    pub(super) fn register(&self) -> Call {
        Call::Register {
            email: self.email.clone(),
            password: self.password.clone(),
            name: "Crowd Fan".to_owned(),
        }
    }

    /// The first step to a session that goes on with `then`.
    pub(super) fn sign_in(self, then: Action) -> Action {
        if self.seeded || self.registered {
            Action::LogIn(self, Box::new(then))
        } else {
            Action::Register(self, Box::new(then))
        }
    }
}

impl Fan {
    pub(super) fn on_login(
        &mut self,
        now: Timestamp,
        account: Account,
        then: Action,
        answer: &Answer,
    ) -> Step {
        if answer.is_ok() {
            return self.signed_in(account, then, false);
        }
        if answer.status == 400 && account.seeded {
            // Fewer fans were seeded than came: this one registers.
            let own = Account::own(&mut self.rng);
            return self.go(now, own.sign_in(then));
        }
        self.fail(Cause::SignInRefused)
    }

    pub(super) fn on_registered(
        &mut self,
        now: Timestamp,
        mut account: Account,
        then: Action,
        answer: &Answer,
    ) -> Step {
        account.registered = true;
        if answer.is_ok() {
            return self.signed_in(account, then, true);
        }
        if answer.refusal().says("already exists") {
            // Registered by a request whose answer was lost, or by an earlier run of the seed.
            return self.go(now, account.sign_in(then));
        }
        self.refused(answer)
    }

    fn signed_in(&mut self, account: Account, then: Action, registered: bool) -> Step {
        self.account = account;
        if self.renewals == 0 {
            self.note(Milestone::SignedIn { registered });
        }
        self.think(then)
    }

    /// What a 401 asks for: a new session, then `action` again.
    pub(super) fn renew_session(&mut self, now: Timestamp, action: Action) -> Step {
        self.renewals += 1;
        if self.renewals > MOST_RENEWALS {
            return self.fail(Cause::SignInRefused);
        }
        match action {
            Action::LogIn(..) | Action::Register(..) => self.fail(Cause::SignInRefused),
            Action::Refresh(then) => self.go(now, self.account.clone().sign_in(*then)),
            action => self.go(now, Action::Refresh(Box::new(action))),
        }
    }

    pub(super) fn on_refreshed(&mut self, now: Timestamp, then: Action, answer: &Answer) -> Step {
        if answer.is_ok() {
            self.note(Milestone::SessionRenewed);
            return self.go(now, then);
        }
        // A refresh token whose successor was lost on the way counts as reused.
        self.go(now, self.account.clone().sign_in(then))
    }
}
