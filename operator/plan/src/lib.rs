//! What should hold of a sale at a given time: its phase and what comes next, floors of
//! replicas, the policy for the waiting room, and what to say about it.
//!
//! Everything here is a function of a spec, of what was seen and of the time. So a restart
//! loses nothing, and a reconcile that comes late ends where a punctual one would have.

pub mod capacity;
pub mod demand;
pub mod load;
pub mod policy;
pub mod throttle;
pub mod timetable;
pub mod verdict;

pub use capacity::Wanted;
pub use demand::{Demand, demands, demands_as_before};
pub use load::{Load, LoadTable};
pub use timetable::Timetable;
