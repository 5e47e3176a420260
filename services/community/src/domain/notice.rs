//! Which facts somebody is to be told of, and what of each. A hold that was never paid is
//! nobody's news, nor is a fact that comes days late.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use urr_contract::{
    Fact, ReservationId, TransferId, UserId, Won,
    facts::{PaymentRefundedV1, PaymentType},
    internal::DetailsRequest,
};
use uuid::Uuid;

use super::pause;

/// A fact older than this is told to nobody: a group that reads the bus for the first time finds
/// a week of them there. Also how long it is tried to learn what a fact is about.
pub const TOLD_WITHIN: SignedDuration = SignedDuration::from_hours(72);

/// Something of which somebody is to be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Notice {
    /// A reservation was paid.
    Confirmed {
        /// Which.
        reservation: ReservationId,
        /// Whose it is.
        owner: UserId,
        /// Won paid.
        amount: Won,
    },
    /// A paid reservation ended.
    Cancelled {
        /// Which.
        reservation: ReservationId,
        /// Whose it was.
        owner: UserId,
        /// Why.
        reason: Option<String>,
    },
    /// Somebody paid for what they cannot get. The money goes back.
    Rejected {
        /// For which reservation.
        reservation: ReservationId,
        /// Who paid.
        payer: UserId,
    },
    /// Money went back.
    Refunded {
        /// What had been paid for.
        target: Target,
        /// Who had paid.
        payer: UserId,
        /// Won refunded.
        amount: Won,
    },
    /// A ticket changed hands.
    Transferred {
        /// The listing.
        transfer: TransferId,
        /// From whom.
        seller: Option<UserId>,
        /// To whom.
        buyer: UserId,
    },
}

/// What a payment was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// A reservation.
    Reservation(ReservationId),
    /// Somebody else's ticket.
    Transfer(TransferId),
    /// A membership.
    Membership(Uuid),
}

impl Notice {
    /// The notice of a fact and when it happened; `None` where nobody is to be told.
    pub fn of(fact: &Fact, now: Timestamp) -> Option<(Self, Timestamp)> {
        let (notice, happened) = match fact {
            Fact::ReservationConfirmed(fact) => (
                Self::Confirmed {
                    reservation: fact.reservation_id,
                    owner: fact.user_id,
                    amount: fact.total_amount,
                },
                fact.timestamp,
            ),
            Fact::ReservationCancelled(fact) if fact.was_confirmed => (
                Self::Cancelled {
                    reservation: fact.reservation_id,
                    owner: fact.user_id,
                    reason: fact.reason.clone(),
                },
                fact.timestamp,
            ),
            Fact::ReservationRejected(fact) => (
                Self::Rejected {
                    reservation: fact.reservation_id,
                    payer: fact.payer_id.unwrap_or(fact.user_id),
                },
                fact.timestamp,
            ),
            Fact::PaymentRefunded(fact) => (
                Self::Refunded {
                    target: Target::of(fact)?,
                    payer: fact.user_id,
                    amount: fact.amount,
                },
                fact.timestamp,
            ),
            Fact::TransferCompleted(fact) => (
                Self::Transferred {
                    transfer: fact.transfer_id,
                    seller: fact.seller_id,
                    buyer: fact.buyer_id,
                },
                fact.timestamp,
            ),
            _ => return None,
        };
        (now.duration_since(happened) <= TOLD_WITHIN).then_some((notice, happened))
    }

    /// Adds to a request what must be known to tell of it.
    pub fn ask(&self, request: &mut DetailsRequest) {
        match self {
            Self::Confirmed { reservation, .. }
            | Self::Cancelled { reservation, .. }
            | Self::Rejected { reservation, .. }
            | Self::Refunded {
                target: Target::Reservation(reservation),
                ..
            } => request.reservations.push(*reservation),
            Self::Refunded {
                target: Target::Transfer(transfer),
                ..
            }
            | Self::Transferred { transfer, .. } => request.transfers.push(*transfer),
            Self::Refunded {
                target: Target::Membership(_),
                ..
            } => {}
        }
    }
}

/// What becomes of a notice that could not be composed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Once more at this time.
    Retry(Timestamp),
    /// It would be no news any more.
    GiveUp,
}

/// What becomes of a notice of what has `happened`, after attempt number `attempts` failed.
pub fn outcome(attempts: i32, happened: Timestamp, now: Timestamp) -> Outcome {
    if now.duration_since(happened) > TOLD_WITHIN {
        Outcome::GiveUp
    } else {
        Outcome::Retry(now + pause::after(attempts))
    }
}

impl Target {
    fn of(fact: &PaymentRefundedV1) -> Option<Self> {
        match fact.payment_type {
            PaymentType::Reservation => fact.reservation_id.map(Self::Reservation),
            PaymentType::Transfer => fact.reference_id.map(|id| Self::Transfer(TransferId(id))),
            PaymentType::Membership => fact.reference_id.map(Self::Membership),
        }
    }
}

#[cfg(test)]
mod tests {
    use urr_contract::facts::{ReservationConfirmedV1, ReservationEndedV1};

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    fn ended(was_confirmed: bool, payer: Option<UserId>) -> ReservationEndedV1 {
        ReservationEndedV1 {
            saga_id: None,
            reservation_id: ReservationId(Uuid::from_u128(1)),
            user_id: UserId(Uuid::from_u128(2)),
            event_id: None,
            reason: None,
            was_confirmed,
            quantity: 1,
            order_id: None,
            payer_id: payer,
            timestamp: at(0),
        }
    }

    #[test]
    fn a_hold_that_was_never_paid_is_nobodys_news() {
        assert_eq!(
            Notice::of(&Fact::ReservationCancelled(ended(false, None)), at(1)),
            None
        );
        assert!(Notice::of(&Fact::ReservationCancelled(ended(true, None)), at(1)).is_some());
        assert_eq!(
            Notice::of(&Fact::ReservationExpired(ended(false, None)), at(1)),
            None
        );
    }

    #[test]
    fn whoever_paid_in_vain_is_told_and_not_the_owner() {
        let payer = UserId(Uuid::from_u128(3));
        let fact = Fact::ReservationRejected(ended(false, Some(payer)));
        let (notice, _) = Notice::of(&fact, at(1)).expect("a notice");
        assert!(matches!(notice, Notice::Rejected { payer: told, .. } if told == payer));
    }

    #[test]
    fn facts_that_come_days_late_are_told_to_nobody() {
        let fact = Fact::ReservationConfirmed(ReservationConfirmedV1 {
            saga_id: None,
            reservation_id: ReservationId(Uuid::from_u128(1)),
            user_id: UserId(Uuid::from_u128(2)),
            event_id: None,
            total_amount: Won(1),
            payment_method: "toss".to_owned(),
            quantity: 1,
            timestamp: at(0),
        });
        let last = TOLD_WITHIN.as_secs();
        assert!(Notice::of(&fact, at(last)).is_some());
        assert_eq!(Notice::of(&fact, at(last + 1)), None);
    }
    #[test]
    fn what_it_is_about_is_asked_for_as_long_as_it_is_news() {
        let last = TOLD_WITHIN.as_secs();
        assert_eq!(outcome(1, at(0), at(5)), Outcome::Retry(at(6)));
        assert_eq!(outcome(20, at(0), at(last)), Outcome::Retry(at(last + 600)));
        assert_eq!(outcome(20, at(0), at(last + 1)), Outcome::GiveUp);
    }
}
