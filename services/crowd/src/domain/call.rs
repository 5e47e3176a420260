//! The requests fans make and what they read from the answers, on the wire of the
//! platform's public contract.

use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use urr_contract::{EventId, ReservationId, SeatId, TicketTypeId, Won};
use uuid::Uuid;

/// What the payer does in the payment provider's window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// Pays.
    Approve,
    /// Pays with a card that will be refused.
    Decline,
    /// Closes it.
    Abandon,
}

impl Window {
    /// The word that the provider's simulator takes.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Decline => "decline",
            Self::Abandon => "abandon",
        }
    }
}

/// One request of a fan.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is named after its endpoint")]
pub enum Call {
    ListEvents,
    Event(EventId),
    Register {
        email: String,
        password: String,
        name: String,
    },
    LogIn {
        email: String,
        password: String,
    },
    Refresh,
    Check(EventId),
    Status(EventId),
    Heartbeat(EventId),
    Leave(EventId),
    SeatMap(EventId),
    HoldSeats {
        event: EventId,
        seats: Vec<SeatId>,
        key: Uuid,
    },
    HoldStanding {
        event: EventId,
        ticket_type: TicketTypeId,
        quantity: u32,
        key: Uuid,
    },
    Prepare {
        reservation: ReservationId,
        amount: Won,
    },
    Process(ReservationId),
    Checkout {
        url: String,
        window: Window,
    },
    Confirm {
        payment_key: String,
        order: String,
        amount: Won,
    },
    Reservation(ReservationId),
    Cancel(ReservationId),
}

/// A request as HTTP has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Whether it is a `POST`; a `GET` otherwise.
    pub post: bool,
    /// Path on the gateway, or a whole address for the payment provider.
    pub target: String,
    /// JSON body, if it has one.
    pub body: Option<Value>,
}

impl Request {
    fn get(path: String) -> Self {
        Self {
            post: false,
            target: path,
            body: None,
        }
    }

    fn post(path: impl Into<String>, body: Option<Value>) -> Self {
        Self {
            post: true,
            target: path.into(),
            body,
        }
    }
}

impl Call {
    /// Name of the endpoint, as the report lists it.
    pub const fn endpoint(&self) -> &'static str {
        match self {
            Self::ListEvents => "GET events",
            Self::Event(_) => "GET events/{id}",
            Self::Register { .. } => "POST auth/register",
            Self::LogIn { .. } => "POST auth/login",
            Self::Refresh => "POST auth/refresh",
            Self::Check(_) => "POST queue/check/{id}",
            Self::Status(_) => "GET queue/status/{id}",
            Self::Heartbeat(_) => "POST queue/heartbeat/{id}",
            Self::Leave(_) => "POST queue/leave/{id}",
            Self::SeatMap(_) => "GET seats/events/{id}",
            Self::HoldSeats { .. } => "POST seats/reserve",
            Self::HoldStanding { .. } => "POST reservations",
            Self::Prepare { .. } => "POST payments/prepare",
            Self::Process(_) => "POST payments/process",
            Self::Checkout { .. } => "POST (provider's checkout)",
            Self::Confirm { .. } => "POST payments/confirm",
            Self::Reservation(_) => "GET reservations/{id}",
            Self::Cancel(_) => "POST reservations/{id}/cancel",
        }
    }

    /// The request as it goes over the wire.
    pub fn request(&self) -> Request {
        match self {
            Self::ListEvents => Request::get("/api/v1/events?status=on_sale&limit=100".to_owned()),
            Self::Event(id) => Request::get(format!("/api/v1/events/{id}")),
            Self::Register {
                email,
                password,
                name,
            } => Request::post(
                "/api/v1/auth/register",
                Some(json!({"email": email, "password": password, "name": name, "phone": ""})),
            ),
            Self::LogIn { email, password } => Request::post(
                "/api/v1/auth/login",
                Some(json!({"email": email, "password": password})),
            ),
            Self::Refresh => Request::post("/api/v1/auth/refresh", None),
            Self::Check(id) => Request::post(format!("/api/v1/queue/check/{id}"), None),
            Self::Status(id) => Request::get(format!("/api/v1/queue/status/{id}")),
            Self::Heartbeat(id) => Request::post(format!("/api/v1/queue/heartbeat/{id}"), None),
            Self::Leave(id) => Request::post(format!("/api/v1/queue/leave/{id}"), None),
            Self::SeatMap(id) => Request::get(format!("/api/v1/seats/events/{id}")),
            Self::Reservation(id) => Request::get(format!("/api/v1/reservations/{id}")),
            Self::Cancel(id) => Request::post(format!("/api/v1/reservations/{id}/cancel"), None),
            Self::HoldSeats { event, seats, key } => Request::post(
                "/api/v1/seats/reserve",
                Some(json!({"eventId": event, "seatIds": seats, "idempotencyKey": key})),
            ),
            Self::HoldStanding {
                event,
                ticket_type,
                quantity,
                key,
            } => Request::post(
                "/api/v1/reservations",
                Some(json!({
                    "eventId": event,
                    "items": [{"ticketTypeId": ticket_type, "quantity": quantity}],
                    "idempotencyKey": key,
                })),
            ),
            Self::Prepare {
                reservation,
                amount,
            } => Request::post(
                "/api/v1/payments/prepare",
                Some(json!({
                    "reservationId": reservation,
                    "amount": amount,
                    "paymentType": "reservation",
                })),
            ),
            Self::Process(reservation) => Request::post(
                "/api/v1/payments/process",
                Some(json!({
                    "reservationId": reservation,
                    "paymentMethod": "kakao_pay",
                    "paymentType": "reservation",
                })),
            ),
            Self::Checkout { url, window } => {
                Request::post(url.as_str(), Some(json!({"action": window.word()})))
            }
            Self::Confirm {
                payment_key,
                order,
                amount,
            } => Request::post(
                "/api/v1/payments/confirm",
                Some(json!({"paymentKey": payment_key, "orderId": order, "amount": amount})),
            ),
        }
    }
}

/// An answer, whatever its status.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// `Retry-After`, where given.
    pub retry_after: Option<Duration>,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// Whether the status is a success.
    pub const fn is_ok(&self) -> bool {
        matches!(self.status, 200..=299)
    }

    /// The body as `T`, or `None` if it is something else.
    pub fn read<'body, T: Deserialize<'body>>(&'body self) -> Option<T> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The body as an error of the platform; empty where it is none.
    pub fn refusal(&self) -> Refusal {
        self.read().unwrap_or_default()
    }
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// An answer.
    Answered(Answer),
    /// No answer: no connection, a cut one, or none in time.
    Lost,
}

/// Body of an error.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Refusal {
    /// Text for people.
    pub error: String,
    /// The same text, where old clients look for it.
    pub message: String,
    /// Stable word for programs.
    pub code: String,
}

impl Refusal {
    /// Whether either text contains `words`.
    pub fn says(&self, words: &str) -> bool {
        self.error.contains(words) || self.message.contains(words)
    }
}

/// `GET /events`.
#[derive(Debug, Deserialize)]
pub struct EventList {
    /// The events.
    pub events: Vec<ListedEvent>,
}

/// An event in the list.
#[derive(Debug, Deserialize)]
pub struct ListedEvent {
    /// Its id.
    pub id: EventId,
    /// `upcoming`, `on_sale`, `ended` or `cancelled`.
    #[serde(default)]
    pub status: String,
}

/// `GET /events/{id}`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EventPage {
    /// The event.
    pub event: EventDetail,
    /// What a standing event sells.
    #[serde(default)]
    pub ticket_types: Vec<TicketType>,
}

/// The event in [`EventPage`].
#[derive(Debug, Deserialize)]
pub struct EventDetail {
    /// Its id.
    pub id: EventId,
    /// Where its seats are laid out; none for a standing event.
    pub seat_layout_id: Option<Uuid>,
}

/// A class of a standing event.
#[derive(Debug, Deserialize)]
pub struct TicketType {
    /// Its id.
    pub id: TicketTypeId,
    /// How many are left.
    pub available_quantity: i64,
}

/// `POST /queue/check` and `GET /queue/status`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LineAnswer {
    /// `queued`, `active`, `not_in_queue`, …
    pub status: String,
    /// Position in line, from 1.
    pub position: Option<u64>,
    /// Seconds until the next poll.
    pub next_poll: Option<f64>,
    /// How many may be inside.
    pub threshold: Option<u64>,
    /// How many are inside.
    pub current_users: Option<u64>,
    /// Entry token, once inside.
    pub entry_token: Option<String>,
    /// Signed receipt of the number.
    pub receipt: Option<String>,
    /// Where the sale stands: `open`, `held`, `sold_out`, …
    pub sale_status: String,
}

/// The payload of a receipt, as much as the crowd reads of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Receipt {
    /// The number.
    pub num: u64,
    /// Incarnation of the line.
    #[serde(default)]
    pub epoch: u32,
}

impl Receipt {
    /// Reads a receipt's payload. The signature is the queue's to check, not the holder's.
    pub fn read(token: &str) -> Option<Self> {
        use base64::Engine;
        let payload = token.split('.').nth(1)?;
        let json = base64::engine::general_purpose::URL_SAFE_NO_PAD
            .decode(payload)
            .ok()?;
        serde_json::from_slice(&json).ok()
    }
}

/// `GET /seats/events/{id}`, without what a seat looks like.
#[derive(Debug, Deserialize)]
pub struct SeatMap<'body> {
    /// The seats.
    #[serde(borrow)]
    pub seats: Vec<Seat<'body>>,
}

/// A seat in the map.
#[derive(Debug, Deserialize)]
pub struct Seat<'body> {
    /// Its id.
    pub id: SeatId,
    /// `available`, `locked` or `reserved`.
    pub status: &'body str,
}

/// `POST /seats/reserve` and `POST /reservations`, fresh or replayed.
#[derive(Debug, Deserialize)]
pub struct HoldAnswer {
    /// The hold.
    pub reservation: Hold,
}

/// The hold in [`HoldAnswer`].
#[derive(Debug, Deserialize)]
pub struct Hold {
    /// Its reservation.
    pub id: ReservationId,
    /// Won to pay; a replay writes the name in snake case.
    #[serde(rename = "totalAmount", alias = "total_amount")]
    pub total_amount: Won,
}

/// `POST /payments/prepare`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PreparedOrder {
    /// The order.
    pub order_id: String,
    /// Won to pay.
    pub amount: Won,
    /// Where the provider's window is, if the simulator plays the provider.
    pub checkout_url: Option<String>,
}

/// Answer of the provider's window.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckoutAnswer {
    /// Key of the payment; none where the window was closed.
    pub payment_key: Option<String>,
}

/// `GET /reservations/{id}`.
#[derive(Debug, Deserialize)]
pub struct ReservationAnswer {
    /// The reservation.
    pub reservation: ReservationState,
}

/// The reservation in [`ReservationAnswer`].
#[derive(Debug, Deserialize)]
pub struct ReservationState {
    /// `pending`, `confirmed`, `cancelled` or `expired`.
    pub status: String,
    /// `pending`, `processing`, `completed`, `refund_requested` or `refunded`.
    #[serde(default)]
    pub payment_status: String,
}

#[cfg(test)]
mod tests {
    use base64::Engine;

    use super::*;

    fn answer(body: &str) -> Answer {
        Answer {
            status: 200,
            retry_after: None,
            body: Bytes::copy_from_slice(body.as_bytes()),
        }
    }

    #[test]
    fn a_hold_is_read_fresh_and_replayed() {
        let id = Uuid::from_u128(7);
        for name in ["totalAmount", "total_amount"] {
            let body = format!(r#"{{"reservation":{{"id":"{id}","{name}":5000,"x":1}}}}"#);
            let hold: HoldAnswer = answer(&body).read().expect("readable");
            assert_eq!(hold.reservation.total_amount, Won(5000), "{name}");
        }
    }

    #[test]
    fn a_receipt_is_read_without_its_key() {
        let encode = |json: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(json);
        let token = format!("{}.{}.sig", encode("{}"), encode(r#"{"num":12,"epoch":3}"#));
        assert_eq!(Receipt::read(&token), Some(Receipt { num: 12, epoch: 3 }));
        assert_eq!(Receipt::read("nonsense"), None);
    }

    #[test]
    fn every_request_of_a_fan_names_the_versioned_path() {
        let id = EventId(Uuid::from_u128(1));
        let calls = [
            Call::ListEvents,
            Call::Check(id),
            Call::HoldSeats {
                event: id,
                seats: vec![],
                key: Uuid::nil(),
            },
            Call::Confirm {
                payment_key: "k".to_owned(),
                order: "o".to_owned(),
                amount: Won(1),
            },
        ];
        for call in calls {
            assert!(call.request().target.starts_with("/api/v1/"), "{call:?}");
        }
    }

    #[test]
    fn a_body_that_is_no_error_is_an_empty_refusal() {
        assert!(answer("<html>").refusal().code.is_empty());
        assert!(
            answer(r#"{"error":"Payment already confirmed"}"#)
                .refusal()
                .says("already")
        );
    }
}
