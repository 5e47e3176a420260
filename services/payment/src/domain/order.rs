//! An order: one try to pay for one thing.
//!
//! ```text
//! pending ──► confirming ──► confirmed ──► refunding ──► refunded
//!    │             │
//!    └──► voided ◄─┴──► failed
//! ```
//!
//! `confirming` lasts while the provider is asked and its answer is not known; `refunding`
//! until the provider has given the money back. A capture that becomes known late leads from
//! any unpaid state to `confirmed`: money that moved is never ignored.

use jiff::Timestamp;
use urr_contract::{
    EventId, PaymentId, ReservationId, UserId, Won, facts::PaymentType, internal::OrderOutcome,
};
use uuid::Uuid;

use crate::provider::Capture;

/// Most won of one payment: what fits the 32-bit integers of old clients.
pub(crate) const MAX_AMOUNT: i64 = i32::MAX as i64;

/// Methods of the demonstration, behind a setting: no money moves.
pub(crate) const DEMO_METHODS: [&str; 3] = ["naver_pay", "kakao_pay", "bank_transfer"];

/// The method of payments that the provider captured.
pub(crate) const PROVIDER_METHOD: &str = "toss";

/// State of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// May be paid.
    Pending,
    /// The provider has been, or is about to be, asked to capture.
    Confirming,
    /// Captured.
    Confirmed,
    /// Captured; the money is owed back.
    Refunding,
    /// Captured and given back.
    Refunded,
    /// Declined by the provider.
    Failed,
    /// Ended unpaid.
    Voided,
}

impl Status {
    /// The word in the database.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Confirming => "confirming",
            Self::Confirmed => "confirmed",
            Self::Refunding => "refunding",
            Self::Refunded => "refunded",
            Self::Failed => "failed",
            Self::Voided => "voided",
        }
    }

    /// The status of that word.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        [
            Self::Pending,
            Self::Confirming,
            Self::Confirmed,
            Self::Refunding,
            Self::Refunded,
            Self::Failed,
            Self::Voided,
        ]
        .into_iter()
        .find(|status| status.as_str() == text)
    }

    /// The word on the wire, which knows no states in between.
    pub(crate) const fn on_the_wire(self) -> &'static str {
        match self {
            Self::Confirming => Self::Pending.as_str(),
            Self::Refunding => Self::Confirmed.as_str(),
            other => other.as_str(),
        }
    }

    /// Whether the money was captured, given back or not.
    pub(crate) const fn is_captured(self) -> bool {
        matches!(self, Self::Confirmed | Self::Refunding | Self::Refunded)
    }

    /// What ticket is told of it.
    pub(crate) const fn outcome(self) -> OrderOutcome {
        match self {
            Self::Pending | Self::Confirming => OrderOutcome::InDoubt,
            Self::Confirmed => OrderOutcome::Captured,
            Self::Refunding | Self::Refunded => OrderOutcome::Refunded,
            Self::Failed | Self::Voided => OrderOutcome::Void,
        }
    }
}

/// What is paid for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// A reservation.
    Reservation(ReservationId),
    /// A resale listing.
    Transfer(Uuid),
    /// A membership.
    Membership(Uuid),
}

impl Target {
    pub(crate) const fn payment_type(self) -> PaymentType {
        match self {
            Self::Reservation(_) => PaymentType::Reservation,
            Self::Transfer(_) => PaymentType::Transfer,
            Self::Membership(_) => PaymentType::Membership,
        }
    }

    pub(crate) const fn id(self) -> Uuid {
        match self {
            Self::Reservation(id) => id.0,
            Self::Transfer(id) | Self::Membership(id) => id,
        }
    }

    /// The reservation, for that type.
    pub(crate) const fn reservation_id(self) -> Option<ReservationId> {
        match self {
            Self::Reservation(id) => Some(id),
            Self::Transfer(_) | Self::Membership(_) => None,
        }
    }

    /// The transfer or membership, for those types.
    pub(crate) const fn reference_id(self) -> Option<Uuid> {
        match self {
            Self::Reservation(_) => None,
            Self::Transfer(id) | Self::Membership(id) => Some(id),
        }
    }
}

/// An order as the database keeps it.
#[expect(
    clippy::struct_field_names,
    reason = "`id` is the payment's, `order_id` what the provider and the client know"
)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) id: PaymentId,
    pub(crate) order_id: String,
    pub(crate) attempt: i32,
    pub(crate) user_id: UserId,
    pub(crate) target: Target,
    pub(crate) event_id: Option<EventId>,
    pub(crate) amount: Won,
    pub(crate) status: Status,
    pub(crate) payment_key: Option<String>,
    pub(crate) method: Option<String>,
    pub(crate) expires_at: Timestamp,
    pub(crate) captured_at: Option<Timestamp>,
    /// Captured, and owed back from the moment we knew: the others never hear of it.
    pub(crate) superseded: bool,
    pub(crate) failure_message: Option<String>,
    pub(crate) checks: i32,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
}

impl Order {
    /// Whether the provider holds the money; a demonstration's payment never reached it.
    pub(crate) fn is_at_provider(&self) -> bool {
        self.method
            .as_deref()
            .is_none_or(|method| method == PROVIDER_METHOD)
    }

    /// Whether it is paid, and this is a second capture under its id.
    pub(crate) fn is_paid_with_another_key(&self, capture: &Capture) -> bool {
        self.status.is_captured() && self.payment_key.as_ref() != Some(&capture.payment_key)
    }

    /// The idempotency key of its capture: the same for every repeat of one attempt.
    pub(crate) fn confirm_key(&self) -> String {
        format!("confirm-{}-{}", self.order_id, self.attempt)
    }
}

/// A new order id: `ORD_<epoch ms>_<8 upper-case hex>`.
pub(crate) fn new_order_id(now: Timestamp) -> String {
    let random = Uuid::new_v4().simple().to_string().to_uppercase();
    format!("ORD_{}_{}", now.as_millisecond(), &random[..8])
}

/// The key of a demonstration's payment, so that it can be given back like any other.
pub(crate) fn new_demo_key() -> String {
    format!("demo_{}", Uuid::new_v4().simple())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_a_word_of_its_own_and_the_wire_knows_no_states_in_between() {
        for (status, wire) in [
            (Status::Pending, "pending"),
            (Status::Confirming, "pending"),
            (Status::Confirmed, "confirmed"),
            (Status::Refunding, "confirmed"),
            (Status::Refunded, "refunded"),
            (Status::Failed, "failed"),
            (Status::Voided, "voided"),
        ] {
            assert_eq!(Status::parse(status.as_str()), Some(status));
            assert_eq!(status.on_the_wire(), wire);
        }
        assert_eq!(Status::parse("paid"), None);
    }

    #[test]
    fn an_order_id_has_the_contracts_form() {
        let now = Timestamp::from_millisecond(1_707_836_400_000).expect("in range");
        let id = new_order_id(now);
        let hex = id.strip_prefix("ORD_1707836400000_").expect("prefix");
        assert_eq!(hex.len(), 8);
        assert!(
            hex.chars()
                .all(|c| c.is_ascii_digit() || ('A'..='F').contains(&c))
        );
        assert_ne!(id, new_order_id(now));
    }
}
