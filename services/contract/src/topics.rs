//! Topics of the bus.

/// One topic: where facts of one kind of aggregate go, in order per key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Topic {
    /// Money that moved. Key: the reservation or reference paid for.
    Payment,
    /// Life of reservations. Key: reservation id.
    Reservation,
    /// Resales. Key: transfer id.
    Transfer,
    /// Memberships. Key: membership id.
    Membership,
}

/// Partitions of every topic where nobody asked for more.
pub const PARTITIONS: i32 = 3;

impl Topic {
    /// All topics, in the order in which they are created.
    pub const ALL: [Self; 4] = [
        Self::Payment,
        Self::Reservation,
        Self::Transfer,
        Self::Membership,
    ];

    /// The topic's name on the bus.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Payment => "payment-events",
            Self::Reservation => "reservation-events",
            Self::Transfer => "transfer-events",
            Self::Membership => "membership-events",
        }
    }

    /// Where facts go that a consumer could not apply after all retries.
    pub const fn dead_letter(self) -> &'static str {
        match self {
            Self::Payment => "payment-events.dead-letter",
            Self::Reservation => "reservation-events.dead-letter",
            Self::Transfer => "transfer-events.dead-letter",
            Self::Membership => "membership-events.dead-letter",
        }
    }

    /// The topic of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|topic| topic.name() == name)
    }
}
