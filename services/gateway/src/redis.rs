//! What the gateways share in Redis: requests that book, counts of all others, and the
//! admissions that have ended.

pub mod booking;
pub mod exchange;
pub mod revocations;
