//! Periodic work.

pub mod exchange_counts;
pub mod read_revocations;
pub mod sweep_counts;
