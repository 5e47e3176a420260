//! Orders in motion: the steps between the database, ticket and the provider. No lock is held
//! over HTTP, and every step may be the last before a crash: what is left is found by its state
//! and finished by [`settle`] or [`refund`].

pub(crate) mod capture;
pub(crate) mod confirm;
pub(crate) mod open;
pub(crate) mod process;
pub(crate) mod refund;
pub(crate) mod settle;
