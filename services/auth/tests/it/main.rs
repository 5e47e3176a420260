//! Auth as its callers see it: the real router on a real Postgres.

mod app;
mod bad_input;
mod configuration;
mod google;
mod internal;
mod login;
mod me;
mod profile;
mod refresh;
mod register;
mod seed;
mod verify_token;
