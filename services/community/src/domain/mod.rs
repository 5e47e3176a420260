//! Rules of what is written and what it earns, and of who is told what. No IO here; the time is
//! an argument.

pub mod details;
pub mod mail;
pub mod notice;
pub mod pause;
pub mod points;
pub mod text;
pub mod views;
pub mod webhook;
