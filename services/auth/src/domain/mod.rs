//! Rules of accounts and sessions. No IO here; the time is an argument.

pub mod account;
pub mod attempts;
pub mod email;
pub mod erasure;
pub mod google_identity;
pub mod password;
pub mod registration;
pub mod session;
