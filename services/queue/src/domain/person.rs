//! Who holds a place: an account, or a visitor who has not signed in yet.

use urr_contract::UserId;
use uuid::Uuid;

/// How many hashes the index of one line is spread over. At a million people a hash holds
/// about 61, which Redis keeps in its compact form (at most 128).
pub const BUCKETS: u16 = 16_384;

/// A member of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Person {
    /// Account or visitor.
    pub id: Uuid,
    /// Whether it is an account. Visitors wait but never enter.
    pub account: bool,
}

impl Person {
    /// The person of an account.
    pub fn account(user: UserId) -> Self {
        Self {
            id: user.0,
            account: true,
        }
    }

    /// A visitor.
    pub fn visitor(id: Uuid) -> Self {
        Self { id, account: false }
    }

    /// The bucket of the line's index that holds this person. Random ids spread evenly.
    pub fn bucket(self) -> u16 {
        let [.., high, low] = self.id.into_bytes();
        u16::from_be_bytes([high, low]) % BUCKETS
    }
}
