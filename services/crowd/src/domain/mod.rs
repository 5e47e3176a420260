//! What fans decide and what is counted of it. No IO: time and randomness are arguments.

pub mod arrival;
pub mod call;
pub mod fan;
pub mod histogram;
pub mod jar;
pub mod milestone;
pub mod patience;
pub mod report;
pub mod tally;
pub mod watch;
