//! Where the queue writes in Redis which admissions have ended, and gateways read it: who
//! left, bought or lost the place cannot book with the entry token of that stay any more.
//!
//! The set [`EVENTS`] names events, as UUID text. For each of them, the sorted set [`key`] has
//! admissions (UUID text, the `jti` of their entry tokens) as members, and as score the second
//! since the epoch by which all their tokens are over. What is over may go; nothing else may.

use crate::EventId;

/// Set of the events that may have ended admissions. It is in no event's slot.
pub const EVENTS: &str = "revoked:events";

/// Sorted set of the ended admissions of one event, in the slot of all its keys.
pub fn key(event: EventId) -> String {
    format!("revoked:{{{event}}}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_in_the_slot_of_its_event() {
        let event = EventId(uuid::Uuid::from_u128(7));
        assert_eq!(key(event), "revoked:{00000000-0000-0000-0000-000000000007}");
    }
}
