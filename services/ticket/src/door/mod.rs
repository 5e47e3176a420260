//! The door: tickets are shown to their owners as signed codes, and devices scan those codes,
//! with a connection or without.

pub mod code;
pub mod devices;
pub mod scanning;
pub mod undo;
pub mod words;
