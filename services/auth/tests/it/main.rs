//! Auth as its callers see it: the real router on a real Postgres.

mod app;
mod bad_input;
mod configuration;
mod description;
mod google;
mod holders_stub;
mod internal;
mod login;
mod me;
mod personal_data;
mod profile;
mod refresh;
mod register;
mod seed;
mod verify_token;
