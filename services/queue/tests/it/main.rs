//! The waiting room on real engines: a Redis and a database of each test's own, the real
//! router, the real worker. Time that must pass is taken from the data ([`Hall::age`]),
//! never waited for.

mod hall;
mod joining;
