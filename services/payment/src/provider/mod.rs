//! The payment provider, as the rest of this service knows it. [`toss`] speaks to it over
//! HTTP; Toss itself and the simulator differ by their address alone.

mod answer;
mod toss;

use jiff::Timestamp;
use urr_contract::Won;

pub(crate) use toss::Toss;

/// Money that the provider captured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Capture {
    /// The provider's key of the payment.
    pub(crate) payment_key: String,
    /// Won captured.
    pub(crate) amount: Won,
    /// When.
    pub(crate) approved_at: Timestamp,
}

/// A refusal in the provider's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decline {
    pub(crate) code: String,
    pub(crate) message: String,
}

/// What the provider says of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// Captured.
    Captured(Capture),
    /// Captured and given back.
    Returned(Capture),
    /// Begun and not captured; it could be.
    Open,
    /// Ended without being captured.
    Dead(Decline),
    /// Never heard of.
    Unknown,
}

/// Why a capture was not.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotConfirmed {
    /// Definitely not captured, for a reason of the payer's or the payment's.
    #[error("declined: {}", .0.code)]
    Declined(Decline),
    /// Accepted, but the payer has yet to pay, as into a virtual account: nothing a seat can
    /// wait for.
    #[error("not paid at once: {}", .0.code)]
    Deferred(Decline),
    /// Definitely not captured, because of our own settings.
    #[error("the provider does not accept our key: {}", .0.code)]
    Misconfigured(Decline),
    /// Answered, but the answer does not say whether it was captured.
    #[error("the provider's answer is not final: {}", .0.code)]
    Unclear(Decline),
    /// Not answered.
    #[error(transparent)]
    Unanswered(#[from] Unanswered),
}

/// Why money was not given back.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotCanceled {
    /// Given back already.
    #[error("already given back")]
    Already,
    /// Answered otherwise.
    #[error("refused: {} {}", .0.code, .0.message)]
    Refused(Decline),
    /// Not answered.
    #[error(transparent)]
    Unanswered(#[from] Unanswered),
}

/// The provider could not be asked or did not answer: nothing is known.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unanswered {
    /// Took too long.
    #[error("no answer in time")]
    Late,
    /// Connection failed.
    #[error("cannot be reached")]
    Transport(#[source] anyhow::Error),
    /// Answered what we cannot read.
    #[error("answered {status} with something unreadable")]
    Unreadable { status: u16 },
}
