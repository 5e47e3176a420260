//! All SQL of auth. Functions take the executor, so the caller owns the transaction.

pub mod erasures;
pub mod token_families;
pub mod users;
