//! Webhooks: where they may go, what they say, how they are signed and when they are tried.

pub mod endpoint;
pub mod message;
pub mod schedule;
pub mod signature;
