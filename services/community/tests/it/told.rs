//! A sale with what ticket says of it, and the facts of its life.

use http::StatusCode;
use jiff::Timestamp;
use serde_json::json;
use urr_contract::{
    EventId, Fact, PaymentId, ReservationId, TransferId, UserId, Won,
    facts::{
        PaymentRefundedV1, PaymentType, ReservationConfirmedV1, ReservationEndedV1,
        TransferCompletedV1,
    },
};
use uuid::Uuid;

use crate::app::App;

/// A reservation of two seats, its fan, and the fan who buys it later.
#[derive(Clone, Copy)]
pub(crate) struct Sale {
    pub(crate) reservation: ReservationId,
    pub(crate) transfer: TransferId,
    pub(crate) event: EventId,
    pub(crate) fan: UserId,
    pub(crate) buyer: UserId,
    at: Timestamp,
}

impl Sale {
    /// A sale that ticket knows.
    pub(crate) fn new(app: &App) -> Self {
        let sale = Self {
            reservation: ReservationId::random(),
            transfer: TransferId::random(),
            event: EventId::random(),
            fan: UserId::random(),
            buyer: UserId::random(),
            at: app.runtime.clock.now(),
        };
        sale.make_known(app);
        sale
    }

    /// Ticket answers about it.
    pub(crate) fn make_known(&self, app: &App) {
        let seat = |label: &str| json!({"seat": label, "ticketType": null, "quantity": 1, "unitPrice": 69_000});
        let reservation = json!({
            "id": self.reservation,
            "reservationNumber": "R-20260301-7",
            "event": {
                "id": self.event, "title": "겨울 <밤>", "venue": "한빛 체육관",
                "eventDate": "2026-12-24T10:00:00Z",
            },
            "totalAmount": 138_000,
            "items": [seat("VIP 1열 1번"), seat("VIP 1열 2번")],
        });
        let transfer = json!({
            "id": self.transfer, "reservationId": self.reservation,
            "originalPrice": 138_000, "transferFee": 13_800, "totalPrice": 151_800,
        });
        let mut answer = app.ticket.details.lock();
        answer.0 = StatusCode::OK;
        for (list, row) in [("reservations", reservation), ("transfers", transfer)] {
            answer.1[list].as_array_mut().expect("a list").push(row);
        }
    }

    pub(crate) fn confirmed(&self) -> Fact {
        Fact::ReservationConfirmed(ReservationConfirmedV1 {
            saga_id: None,
            reservation_id: self.reservation,
            user_id: self.fan,
            event_id: Some(self.event),
            total_amount: Won(138_000),
            payment_method: "toss".to_owned(),
            quantity: 2,
            timestamp: self.at,
        })
    }

    fn ended(&self, reason: &str) -> ReservationEndedV1 {
        ReservationEndedV1 {
            saga_id: None,
            reservation_id: self.reservation,
            user_id: self.fan,
            event_id: Some(self.event),
            reason: Some(reason.to_owned()),
            was_confirmed: true,
            quantity: 2,
            order_id: None,
            payer_id: None,
            timestamp: self.at,
        }
    }

    pub(crate) fn cancelled(&self, reason: &str) -> Fact {
        Fact::ReservationCancelled(self.ended(reason))
    }

    /// The buyer's payment for the fan's ticket came to nothing.
    pub(crate) fn rejected(&self) -> Fact {
        Fact::ReservationRejected(ReservationEndedV1 {
            was_confirmed: false,
            payer_id: Some(self.buyer),
            ..self.ended("Transfer is not available")
        })
    }

    pub(crate) fn refunded(&self, payment_type: PaymentType) -> Fact {
        let (reservation_id, reference_id) = match payment_type {
            PaymentType::Reservation => (Some(self.reservation), None),
            PaymentType::Transfer => (None, Some(self.transfer.0)),
            PaymentType::Membership => (None, Some(Uuid::from_u128(9))),
        };
        Fact::PaymentRefunded(PaymentRefundedV1 {
            payment_id: PaymentId::random(),
            order_id: "ORD_1".to_owned(),
            user_id: self.fan,
            reservation_id,
            reference_id,
            payment_type,
            amount: Won(138_000),
            reason: "User requested cancellation".to_owned(),
            event_id: None,
            timestamp: self.at,
        })
    }

    pub(crate) fn transferred(&self) -> Fact {
        Fact::TransferCompleted(TransferCompletedV1 {
            saga_id: None,
            transfer_id: self.transfer,
            reservation_id: Some(self.reservation),
            seller_id: Some(self.fan),
            buyer_id: self.buyer,
            total_price: Won(151_800),
            timestamp: self.at,
        })
    }
}
