//! What organisers are told: what they see in their lists as well, and nobody's name or address.
//!
//! A message is written once. Every try and every replay sends the same bytes under the same id,
//! so that a receiver can pass over what it has seen.

use jiff::Timestamp;
use serde::Serialize;
use urr_contract::{
    EventId, FactId, ReservationId, TransferId, UserId, Won,
    internal::{EventDetails, ItemDetails, ReservationDetails},
};
use utoipa::ToSchema;
use uuid::Uuid;

use super::endpoint::WebhookType;
use crate::domain::{details::About, notice::Notice};

/// A message to be delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its id, the header `webhook-id`.
    pub id: String,
    /// What kind of news it is.
    pub kind: WebhookType,
    /// The event it is about: endpoints of other events do not get it.
    pub event: Option<EventId>,
    /// The bytes to be sent and signed.
    pub body: String,
}

/// What is sent.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WebhookMessage)]
pub(crate) struct Body<'a, D> {
    /// What kind of news it is.
    r#type: WebhookType,
    /// Its id, which is the header `webhook-id` too.
    id: &'a str,
    /// When it happened.
    created_at: Timestamp,
    /// What happened.
    data: D,
}

/// What happened to a reservation.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WebhookNews)]
pub(crate) struct Data<'a, N> {
    /// The reservation.
    reservation_id: ReservationId,
    /// Its number for people.
    reservation_number: &'a str,
    /// Its event; null where that was deleted.
    event: Option<&'a EventDetails>,
    /// Its lines.
    items: &'a [ItemDetails],
    /// Always `KRW`.
    currency: &'static str,
    #[serde(flatten)]
    news: N,
}

#[derive(Serialize)]
#[serde(untagged)]
enum News<'a> {
    Paid(Paid),
    Ended(Ended<'a>),
    HandedOver(HandedOver),
}

/// Money of a reservation has moved.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WebhookPaid)]
pub(crate) struct Paid {
    /// Whose money.
    user_id: UserId,
    /// How much, in won.
    amount: Won,
}

/// A reservation is over.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WebhookEnded)]
pub(crate) struct Ended<'a> {
    /// Whose it was.
    user_id: UserId,
    /// Why, for people.
    reason: Option<&'a str>,
}

/// A ticket has another owner.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WebhookHandedOver)]
pub(crate) struct HandedOver {
    /// The listing.
    transfer_id: TransferId,
    /// Who sold; null where the account is gone.
    from_user_id: Option<UserId>,
    /// Who bought.
    to_user_id: UserId,
    /// Face value in won: what the seller gets.
    price: Won,
    /// The platform's share in won.
    fee: Won,
    /// What the buyer paid, in won.
    amount: Won,
}

/// Nothing happened.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookTestData)]
pub(crate) struct TestData {
    /// For people.
    message: &'static str,
}

/// The message of a notice; `None` where it is none of the organisers' news.
pub fn message(
    notice: &Notice,
    fact: FactId,
    happened: Timestamp,
    about: About<'_>,
) -> Option<Message> {
    let (kind, reservation, news) = news(notice, about)?;
    let id = format!("msg_{}", fact.0.simple());
    let data = Data {
        reservation_id: reservation.id,
        reservation_number: &reservation.reservation_number,
        event: reservation.event.as_ref(),
        items: &reservation.items,
        currency: "KRW",
        news,
    };
    Some(Message {
        event: reservation.event.as_ref().map(|event| event.id),
        body: body(kind, &id, happened, data),
        id,
        kind,
    })
}

/// A message that says nothing, to try an endpoint out.
pub fn test(id: Uuid, now: Timestamp) -> Message {
    let id = format!("msg_{}", id.simple());
    let data = TestData {
        message: "This is a test of your webhook.",
    };
    Message {
        kind: WebhookType::Test,
        event: None,
        body: body(WebhookType::Test, &id, now, data),
        id,
    }
}

fn body<D: Serialize>(kind: WebhookType, id: &str, created_at: Timestamp, data: D) -> String {
    let body = Body {
        r#type: kind,
        id,
        created_at,
        data,
    };
    serde_json::to_string(&body).expect("texts and numbers are JSON")
}

fn news<'a>(
    notice: &'a Notice,
    about: About<'a>,
) -> Option<(WebhookType, &'a ReservationDetails, News<'a>)> {
    let (kind, news) = match (notice, about) {
        (Notice::Confirmed { owner, amount, .. }, _) => (
            WebhookType::Confirmed,
            News::Paid(Paid {
                user_id: *owner,
                amount: *amount,
            }),
        ),
        (Notice::Cancelled { owner, reason, .. }, _) => (
            WebhookType::Cancelled,
            News::Ended(Ended {
                user_id: *owner,
                reason: reason.as_deref(),
            }),
        ),
        (Notice::Refunded { payer, amount, .. }, _) => (
            WebhookType::Refunded,
            News::Paid(Paid {
                user_id: *payer,
                amount: *amount,
            }),
        ),
        (Notice::Transferred { seller, buyer, .. }, About::Transfer(_, transfer)) => (
            WebhookType::Transferred,
            News::HandedOver(HandedOver {
                transfer_id: transfer.id,
                from_user_id: *seller,
                to_user_id: *buyer,
                price: transfer.original_price,
                fee: transfer.transfer_fee,
                amount: transfer.total_price,
            }),
        ),
        (Notice::Rejected { .. } | Notice::Transferred { .. }, _) => return None,
    };
    Some((kind, about.reservation()?, news))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use urr_contract::internal::TransferDetails;

    use super::*;
    use crate::domain::notice::Target;

    const USER: UserId = UserId(Uuid::from_u128(2));

    fn reservation() -> ReservationDetails {
        ReservationDetails {
            id: ReservationId(Uuid::from_u128(1)),
            reservation_number: "R-1".to_owned(),
            event: Some(EventDetails {
                id: EventId(Uuid::from_u128(3)),
                title: "\"결승\" <전>".to_owned(),
                venue: "한빛 체육관".to_owned(),
                event_date: "2026-05-01T10:00:00Z".parse().expect("a time"),
            }),
            total_amount: Won(50_000),
            items: vec![ItemDetails {
                seat: Some("VIP 1-2".to_owned()),
                ticket_type: None,
                quantity: 1,
                unit_price: Won(50_000),
            }],
        }
    }

    fn told(notice: &Notice, about: About<'_>) -> Option<Value> {
        let fact = FactId(Uuid::from_u128(9));
        message(notice, fact, Timestamp::UNIX_EPOCH, about)
            .map(|message| serde_json::from_str(&message.body).expect("JSON"))
    }

    #[test]
    fn a_confirmation_says_what_was_bought() {
        let reservation = reservation();
        let notice = Notice::Confirmed {
            reservation: reservation.id,
            owner: USER,
            amount: Won(50_000),
        };
        assert_eq!(
            told(&notice, About::Reservation(&reservation)),
            Some(json!({
                "type": "reservation.confirmed",
                "id": "msg_00000000000000000000000000000009",
                "createdAt": "1970-01-01T00:00:00Z",
                "data": {
                    "reservationId": "00000000-0000-0000-0000-000000000001",
                    "reservationNumber": "R-1",
                    "event": {
                        "id": "00000000-0000-0000-0000-000000000003",
                        "title": "\"결승\" <전>",
                        "venue": "한빛 체육관",
                        "eventDate": "2026-05-01T10:00:00Z",
                    },
                    "items": [
                        {"seat": "VIP 1-2", "ticketType": null, "quantity": 1, "unitPrice": 50_000}
                    ],
                    "currency": "KRW",
                    "userId": USER,
                    "amount": 50_000,
                },
            }))
        );
    }

    #[test]
    fn a_transfer_says_from_whom_to_whom_and_for_how_much() {
        let reservation = reservation();
        let transfer = TransferDetails {
            id: TransferId(Uuid::from_u128(7)),
            reservation_id: reservation.id,
            original_price: Won(50_000),
            transfer_fee: Won(5_000),
            total_price: Won(55_000),
        };
        let notice = Notice::Transferred {
            transfer: transfer.id,
            seller: Some(USER),
            buyer: UserId(Uuid::from_u128(4)),
        };
        let told = told(&notice, About::Transfer(&reservation, &transfer)).expect("news");
        assert_eq!(told["type"], "reservation.transferred");
        assert_eq!(told["data"]["fromUserId"], json!(USER));
        assert_eq!(told["data"]["price"], 50_000);
        assert_eq!(told["data"]["fee"], 5_000);
        assert_eq!(told["data"]["amount"], 55_000);
    }

    #[test]
    fn payments_in_vain_and_memberships_are_none_of_their_news() {
        let reservation = reservation();
        let rejected = Notice::Rejected {
            reservation: reservation.id,
            payer: USER,
        };
        assert_eq!(told(&rejected, About::Reservation(&reservation)), None);
        let membership = Notice::Refunded {
            target: Target::Membership(Uuid::nil()),
            payer: USER,
            amount: Won(1),
        };
        assert_eq!(told(&membership, About::NoTicket), None);
    }

    #[test]
    fn a_test_has_an_id_of_its_own() {
        let message = test(Uuid::from_u128(5), Timestamp::UNIX_EPOCH);
        assert_eq!(message.id, "msg_00000000000000000000000000000005");
        assert!(message.body.contains("webhook.test"));
    }
}
