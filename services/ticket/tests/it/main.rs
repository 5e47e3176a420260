//! Ticket as its callers see it: the real router on a real Postgres and a real Redis. Every
//! test ends with the invariants of `app::check`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod app;
mod holds;
mod payment_stub;
