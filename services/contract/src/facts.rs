//! Facts: what the services tell each other over the bus.
//!
//! Payloads are those of the wire contract: camelCase, `type` inside, nulls present,
//! `timestamp` as seconds since the epoch with decimals. Fields that the contract does
//! not list are additions an old consumer ignores.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    EventId, MembershipId, PaymentId, ReservationId, TransferId, UserId, Won, topics::Topic,
};

/// What a payment pays for.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum PaymentType {
    /// A reservation.
    #[default]
    Reservation,
    /// A resale listing.
    Transfer,
    /// A membership.
    Membership,
}

impl PaymentType {
    /// The word on the wire and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reservation => "reservation",
            Self::Transfer => "transfer",
            Self::Membership => "membership",
        }
    }

    /// The type of that name; `None` for any unknown word.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "reservation" => Some(Self::Reservation),
            "transfer" => Some(Self::Transfer),
            "membership" => Some(Self::Membership),
            _ => None,
        }
    }
}

/// A payment was captured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PaymentConfirmedV1 {
    /// The payment.
    pub payment_id: PaymentId,
    /// Its order.
    pub order_id: String,
    /// Who paid.
    pub user_id: UserId,
    /// The reservation paid for, for that type.
    pub reservation_id: Option<ReservationId>,
    /// The transfer or membership paid for, for those types.
    pub reference_id: Option<Uuid>,
    /// What was paid for.
    pub payment_type: PaymentType,
    /// Won captured.
    pub amount: Won,
    /// How: `toss`, or a demo method.
    pub payment_method: String,
    /// When it was captured.
    #[serde(with = "epoch_seconds")]
    pub timestamp: Timestamp,
}

/// Money went back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PaymentRefundedV1 {
    /// The payment.
    pub payment_id: PaymentId,
    /// Its order.
    pub order_id: String,
    /// Who had paid.
    pub user_id: UserId,
    /// The reservation that was paid for, for that type.
    pub reservation_id: Option<ReservationId>,
    /// The transfer or membership, for those types.
    pub reference_id: Option<Uuid>,
    /// What had been paid for.
    pub payment_type: PaymentType,
    /// Won refunded.
    pub amount: Won,
    /// Why.
    pub reason: String,
    /// Event of the reservation, where there is one. An addition to the contract.
    #[serde(default)]
    pub event_id: Option<EventId>,
    /// When it was refunded.
    #[serde(with = "epoch_seconds")]
    pub timestamp: Timestamp,
}

/// A hold was taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReservationCreatedV1 {
    /// Always null; kept for old consumers.
    pub saga_id: Option<String>,
    /// The reservation.
    pub reservation_id: ReservationId,
    /// Whose it is.
    pub user_id: UserId,
    /// For which event.
    pub event_id: Option<EventId>,
    /// Won to pay.
    pub total_amount: Won,
    /// Seats and standing places in it. An addition to the contract.
    #[serde(default)]
    pub quantity: i64,
    /// When it was taken.
    #[serde(with = "epoch_seconds")]
    pub timestamp: Timestamp,
}

/// A reservation was paid and its seats are sold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReservationConfirmedV1 {
    /// Always null; kept for old consumers.
    pub saga_id: Option<String>,
    /// The reservation.
    pub reservation_id: ReservationId,
    /// Whose it is.
    pub user_id: UserId,
    /// For which event.
    pub event_id: Option<EventId>,
    /// Won paid.
    pub total_amount: Won,
    /// How it was paid.
    pub payment_method: String,
    /// Seats and standing places in it. An addition to the contract.
    #[serde(default)]
    pub quantity: i64,
    /// When it was confirmed.
    #[serde(with = "epoch_seconds")]
    pub timestamp: Timestamp,
}

/// A reservation ended without being used: cancelled, rejected or expired (the
/// variant of [`Fact`] says which).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReservationEndedV1 {
    /// Always null; kept for old consumers.
    pub saga_id: Option<String>,
    /// The reservation.
    pub reservation_id: ReservationId,
    /// Whose it was.
    pub user_id: UserId,
    /// For which event.
    pub event_id: Option<EventId>,
    /// Why it ended.
    pub reason: Option<String>,
    /// Whether it had been confirmed (sold) before. An addition to the contract.
    #[serde(default)]
    pub was_confirmed: bool,
    /// Seats and standing places in it. An addition to the contract.
    #[serde(default)]
    pub quantity: i64,
    /// The order that fenced it, if any. An addition to the contract.
    #[serde(default)]
    pub order_id: Option<String>,
    /// Who paid that order, where it is a rejected one: with a resale that is not the owner.
    /// An addition to the contract.
    #[serde(default)]
    pub payer_id: Option<UserId>,
    /// When it ended.
    #[serde(with = "epoch_seconds")]
    pub timestamp: Timestamp,
}

/// A ticket changed hands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TransferCompletedV1 {
    /// Always null; kept for old consumers.
    pub saga_id: Option<String>,
    /// The listing.
    pub transfer_id: TransferId,
    /// The reservation that changed hands.
    pub reservation_id: Option<ReservationId>,
    /// From whom.
    pub seller_id: Option<UserId>,
    /// To whom.
    pub buyer_id: UserId,
    /// Won paid.
    pub total_price: Won,
    /// When.
    #[serde(with = "epoch_seconds")]
    pub timestamp: Timestamp,
}

/// A membership was paid and is active.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MembershipActivatedV1 {
    /// Always null; kept for old consumers.
    pub saga_id: Option<String>,
    /// The membership.
    pub membership_id: MembershipId,
    /// Whose it is.
    pub user_id: UserId,
    /// Of which artist.
    pub artist_id: Option<Uuid>,
    /// When.
    #[serde(with = "epoch_seconds")]
    pub timestamp: Timestamp,
}

/// One fact. On the wire the variant's name is the field `type`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Fact {
    /// Payment captured. Topic `payment-events`.
    PaymentConfirmed(PaymentConfirmedV1),
    /// Payment refunded. Topic `payment-events`.
    PaymentRefunded(PaymentRefundedV1),
    /// Hold taken. Topic `reservation-events`.
    ReservationCreated(ReservationCreatedV1),
    /// Paid and sold. Topic `reservation-events`.
    ReservationConfirmed(ReservationConfirmedV1),
    /// Ended by its owner or an organiser. Payment refunds it. Topic `reservation-events`.
    ReservationCancelled(ReservationEndedV1),
    /// Paid, but cannot be honoured any more. Payment refunds it. Topic `reservation-events`.
    ReservationRejected(ReservationEndedV1),
    /// Ended unpaid at its time. Topic `reservation-events`.
    ReservationExpired(ReservationEndedV1),
    /// Ticket changed hands. Topic `transfer-events`.
    TransferCompleted(TransferCompletedV1),
    /// Membership active. Topic `membership-events`.
    MembershipActivated(MembershipActivatedV1),
    /// A type this version does not know. Consumers skip it.
    #[serde(other)]
    Unknown,
}

impl Fact {
    /// The topic it belongs on; `None` for a fact this version does not know.
    pub fn topic(&self) -> Option<Topic> {
        match self {
            Self::PaymentConfirmed(_) | Self::PaymentRefunded(_) => Some(Topic::Payment),
            Self::ReservationCreated(_)
            | Self::ReservationConfirmed(_)
            | Self::ReservationCancelled(_)
            | Self::ReservationRejected(_)
            | Self::ReservationExpired(_) => Some(Topic::Reservation),
            Self::TransferCompleted(_) => Some(Topic::Transfer),
            Self::MembershipActivated(_) => Some(Topic::Membership),
            Self::Unknown => None,
        }
    }

    /// The aggregate whose facts stay in order: the key on the bus.
    pub fn key(&self) -> Option<String> {
        let target = |reservation: &Option<ReservationId>, reference: &Option<Uuid>| {
            reservation
                .map(|id| id.to_string())
                .or_else(|| reference.map(|id| id.to_string()))
        };
        match self {
            Self::PaymentConfirmed(fact) => target(&fact.reservation_id, &fact.reference_id)
                .or_else(|| Some(fact.order_id.clone())),
            Self::PaymentRefunded(fact) => target(&fact.reservation_id, &fact.reference_id)
                .or_else(|| Some(fact.order_id.clone())),
            Self::ReservationCreated(fact) => Some(fact.reservation_id.to_string()),
            Self::ReservationConfirmed(fact) => Some(fact.reservation_id.to_string()),
            Self::ReservationCancelled(fact)
            | Self::ReservationRejected(fact)
            | Self::ReservationExpired(fact) => Some(fact.reservation_id.to_string()),
            Self::TransferCompleted(fact) => Some(fact.transfer_id.to_string()),
            Self::MembershipActivated(fact) => Some(fact.membership_id.to_string()),
            Self::Unknown => None,
        }
    }
}

/// Timestamps as the contract writes them: a JSON number of seconds since the epoch with
/// decimals. Reads that or an RFC 3339 text.
mod epoch_seconds {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Seconds(f64),
        Text(Timestamp),
    }

    pub(super) fn serialize<S: Serializer>(
        time: &Timestamp,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        // Microseconds are what Postgres keeps, and what f64 holds exactly enough until 2242.
        serializer.serialize_f64(time.as_microsecond() as f64 / 1e6)
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "microseconds since the epoch fit i64 until the year 294247"
    )]
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Timestamp, D::Error> {
        match Either::deserialize(deserializer)? {
            Either::Text(time) => Ok(time),
            Either::Seconds(seconds) => Timestamp::from_microsecond((seconds * 1e6).round() as i64)
                .map_err(D::Error::custom),
        }
    }
}
