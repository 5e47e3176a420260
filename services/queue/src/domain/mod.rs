//! The rules of the line, without IO. Time is always an argument.

pub mod entry;
pub mod person;
pub mod policy;
pub mod poll;
pub mod presale;
pub mod rules;
pub mod snapshot;
pub mod told;
pub mod waiting;
