//! What the provider decides: payments and their states, refusals with Toss's published
//! codes, idempotency, faults. No IO; the time is an argument.

pub(crate) mod book;
pub(crate) mod faults;
pub(crate) mod payment;
pub(crate) mod refusals;
