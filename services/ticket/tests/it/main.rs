//! Ticket as its callers see it: the real router on a real Postgres and a real Redis. Every
//! test ends with the invariants of `app::check`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod app;
mod artists;
mod bad_input;
mod cancel;
mod configuration;
mod crowd;
mod defects;
mod events;
mod expiry;
mod facts;
mod holds;
mod idempotency;
mod internal;
mod paying;
mod payment_stub;
mod redis;
mod seed;
mod service;
mod standing;
