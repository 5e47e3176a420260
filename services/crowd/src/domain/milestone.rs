//! What happens to a fan that is worth counting, and how a visit can end.

use std::{fmt, time::Duration};

use jiff::Timestamp;
use urr_contract::{EventId, Won};

use super::call::Receipt;

/// Where a fan is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Place {
    /// Not there yet.
    #[default]
    Away,
    /// Looking around, signing in.
    Browsing,
    /// In line.
    Waiting,
    /// Let in.
    Inside,
    /// Holding seats or places, not paid yet.
    Paying,
    /// With a ticket, or gone.
    Done,
}

/// Something worth counting.
#[derive(Clone, Debug, PartialEq)]
pub enum Milestone {
    /// The fan is somewhere else now.
    Moved(Place),
    /// Signed in, by registering or with an account that was there.
    SignedIn {
        /// Whether the account is new.
        registered: bool,
    },
    /// The session was renewed after a 401.
    SessionRenewed,
    /// Took a place in line, or went straight in.
    Joined,
    /// The queue said where the fan is.
    Sighted(Sighting),
    /// Is inside, as of this answer.
    Inside {
        /// Which fan.
        fan: u32,
        /// Of which event.
        event: EventId,
        /// When the fan knew.
        at: Timestamp,
    },
    /// Is about to do what ends the stay inside: pay, leave, or nothing more.
    GivesSlotBack {
        /// Which fan.
        fan: u32,
    },
    /// The queue no longer knew a fan it had let wait.
    LostPlace,
    /// The position in line became worse.
    PositionGrew,
    /// Let in after this long.
    Admitted(Duration),
    /// Holds so many seats or places.
    Held(u32),
    /// Somebody else was quicker.
    Conflict,
    /// The card was refused.
    Declined,
    /// The payment's outcome was unknown for now.
    InDoubt,
    /// The payment went through.
    Paid {
        /// Seats or places.
        places: u32,
        /// Won paid.
        amount: Won,
    },
    /// The reservation is shown as confirmed.
    Confirmed,
    /// Gave back what was paid for.
    Cancelled {
        /// Seats or places.
        places: u32,
    },
    /// The money is shown as refunded.
    Refunded,
    /// A request was repeated.
    Repeated {
        /// Because of the rate limit.
        limited: bool,
    },
    /// Something that must never happen.
    Violation(String),
    /// The visit is over.
    Ended(Ending),
}

/// What one answer of the queue said to one fan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// Whose line.
    pub event: EventId,
    /// When the fan began to ask.
    pub asked_at: Timestamp,
    /// When the fan had the answer.
    pub at: Timestamp,
    /// The fan's number, where known.
    pub receipt: Option<Receipt>,
    /// Whether the fan is inside.
    pub inside: bool,
    /// Whether the fan has polled in time ever since joining.
    pub punctual: bool,
    /// How many are inside, where told.
    pub current_users: Option<u64>,
    /// How many may be inside, where told.
    pub threshold: Option<u64>,
}

/// How a visit ended.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ending {
    /// With a confirmed ticket.
    Bought,
    /// With a ticket given back and the money refunded.
    Refunded,
    /// With a ticket given back and the money not refunded within the wait.
    RefundPending,
    /// Nothing was left.
    SoldOut,
    /// This account may buy no more for this event.
    LimitReached,
    /// Left the line without waiting for the turn.
    DroppedOut,
    /// Left without paying for what was held.
    Abandoned,
    /// Only kept polling, as asked.
    Idled,
    /// Failed.
    Failed(Cause),
}

impl Ending {
    /// The word for it in the report.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Bought => "bought",
            Self::Refunded => "refunded",
            Self::RefundPending => "refund_pending",
            Self::SoldOut => "sold_out",
            Self::LimitReached => "limit_reached",
            Self::DroppedOut => "dropped_out",
            Self::Abandoned => "abandoned",
            Self::Idled => "idled",
            Self::Failed(_) => "failed",
        }
    }
}

/// Why a visit failed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// Patience ended in line.
    WaitedTooLong,
    /// Patience ended without an answer.
    NoAnswer,
    /// Patience ended with errors of the server.
    ServerError(u16),
    /// Patience ended with the rate limit.
    RateLimited,
    /// No event is on sale.
    NothingOnSale,
    /// The account was refused.
    SignInRefused,
    /// Paid for, but not seen as confirmed.
    NotConfirmed,
    /// The payment's outcome stayed unknown.
    LeftInDoubt,
    /// The hold ended before it was paid.
    HoldLost,
    /// An answer nobody expects.
    Refused {
        /// Of which endpoint.
        endpoint: &'static str,
        /// The status.
        status: u16,
        /// The code or, without one, the text.
        said: String,
    },
    /// An answer that is not what the contract says.
    Unreadable(&'static str),
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WaitedTooLong => f.write_str("patience ended in line"),
            Self::NoAnswer => f.write_str("no answer"),
            Self::ServerError(status) => write!(f, "server error {status}"),
            Self::RateLimited => f.write_str("rate limited"),
            Self::NothingOnSale => f.write_str("nothing on sale"),
            Self::SignInRefused => f.write_str("sign-in refused"),
            Self::NotConfirmed => f.write_str("paid but not confirmed"),
            Self::LeftInDoubt => f.write_str("payment left in doubt"),
            Self::HoldLost => f.write_str("hold ended before it was paid"),
            Self::Refused {
                endpoint,
                status,
                said,
            } => write!(f, "{endpoint}: {status} {said}"),
            Self::Unreadable(endpoint) => write!(f, "{endpoint}: unreadable answer"),
        }
    }
}
