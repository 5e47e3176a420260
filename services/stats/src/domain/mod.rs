//! Decisions without effects: which day a time belongs to, what a query may ask for, how
//! figures are rounded and people sorted into groups.

pub mod days;
pub mod figures;
pub mod groups;
