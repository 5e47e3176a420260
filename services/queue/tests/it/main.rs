//! The waiting room on real engines: a Redis and a database of each test's own, the real
//! router, the real worker. Time that must pass is taken from the data ([`Hall::age`]),
//! never waited for.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod admission;
mod admission_messages;
mod amnesia;
mod description;
mod ending;
mod events;
mod figures;
mod hall;
mod inside;
mod joining;
mod loss;
mod memory;
mod order;
mod personal_data;
mod policies;
mod polls;
mod presales;
mod scripts;
mod silence;
mod visitors;
mod whole;
