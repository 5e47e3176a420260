//! Rules of what is written and what it earns. No IO here; the time is an argument.

pub mod points;
pub mod text;
pub mod views;
