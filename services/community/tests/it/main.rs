//! Community as its callers see it: the real router on a real Postgres, with peers that are
//! small routers.

mod app;
mod bad_input;
mod comments;
mod news;
mod personal_data;
mod points;
mod posts;
mod service;
mod views;
