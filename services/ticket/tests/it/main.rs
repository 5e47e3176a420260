//! Ticket as its callers see it: the real router on a real Postgres and a real Redis. Every
//! test ends with the invariants of `app::check`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod admin;
mod admin_ends;
mod app;
mod artists;
mod auth_stub;
mod bad_input;
mod best_seats;
mod cancel;
mod configuration;
mod crowd;
mod defects;
mod description;
mod door;
mod enrichment;
mod events;
mod expiry;
mod facts;
mod holds;
mod idempotency;
mod images;
mod internal;
mod memberships;
mod owed_back;
mod paying;
mod payment_stub;
mod payouts;
mod personal_data;
mod policies;
mod presale;
mod redis;
mod resources;
mod schema;
mod seed;
mod service;
mod several_seats;
mod sold_out;
mod standing;
mod tickets;
mod transfers;
