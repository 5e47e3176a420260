//! Periodic work: keeping memory current in the service, letting people in in the worker.

pub mod admit;
pub mod events;
pub mod memory;
