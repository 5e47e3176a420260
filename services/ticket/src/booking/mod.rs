//! The acts of a reservation's life: hold, pay, confirm, cancel, refund, expire. Each asks
//! `domain` what shall happen and writes it in one transaction, with the fact that tells
//! the others.

pub mod administer;
pub mod answer;
pub mod call_off;
pub mod cancel;
pub mod confirm;
mod end;
pub mod expire;
pub mod pay;
pub mod reconcile;
pub mod seats;
pub mod standing;
mod terms;
