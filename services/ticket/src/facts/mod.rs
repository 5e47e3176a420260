//! Facts: what this service publishes, and what it makes of payment's.

pub mod payment;
pub mod published;
