//! Community as its callers see it: the real router on a real Postgres, with peers that are
//! small routers.

mod app;
mod bad_input;
mod comments;
mod description;
mod mails;
mod news;
mod personal_data;
mod points;
mod posts;
mod service;
mod smtp;
mod told;
mod views;
mod webhook_deliveries;
mod webhooks;
