//! Tests of stats on a real Postgres, through its real router, with facts as they come.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test that cannot go on has failed; it looks at tables as they are"
)]

mod access;
mod app;
mod description;
mod facts;
mod figures;
mod peers;
