//! Calls to the queue and ticket services of a namespace.

mod peer;
mod peers;

pub(crate) use peer::{Peer, PeerError, Stored};
pub(crate) use peers::{PeerUrls, Peers};
