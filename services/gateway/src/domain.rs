//! The gateway's decisions, without IO: what a path is, where it goes, who asks from
//! where, what is counted and when it is too much.

pub mod client;
pub mod cookies;
pub mod cors;
pub mod limits;
pub mod mirror;
pub mod path;
pub mod routes;
pub mod window;
