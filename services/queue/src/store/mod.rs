//! All SQL of the queue: what of a line must survive the loss of Redis.

pub mod lines;
pub mod policies;
pub mod revocations;
pub mod slots;
